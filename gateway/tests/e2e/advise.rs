//! `sidgate advise` on gateways with real traffic: what has to be changed is said, and where there is nothing to say, that.

use std::thread;

use serde_json::Value;
use session_testing::TestPostgres;

use sidgate_testkit::cli::{Outcome, sidgate, sidgate_with};
use sidgate_testkit::port::free_port;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::{Gateway, Stage};

const SESSIONS: usize = 240;
const CLIENTS: usize = 8;

/// Asks the gateway of this configuration, with these arguments besides.
fn advise(gateway: &Gateway, more: &[&str]) -> Outcome {
    let config = gateway.config_file();
    let mut arguments = vec!["advise", "--config", config.to_str().unwrap()];
    arguments.extend(more);
    sidgate(gateway.folder(), &arguments)
}

fn document(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success()).unwrap()
}

/// What is said about a key: the verdict, and what is advised.
fn about<'a>(document: &'a Value, key: &str) -> (&'a str, Option<&'a str>) {
    let advice = document["advice"].as_array().unwrap();
    let one = advice.iter().find(|one| one["key"] == key);
    let one = one.unwrap_or_else(|| panic!("nothing about {key}: {document:#}"));
    (one["verdict"].as_str().unwrap(), one["advised"].as_str())
}

/// People who log in and come back in turn, all at the same time, each so many times.
fn come_and_go(gateway: &Gateway, times: usize) {
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let each = 0..SESSIONS / CLIENTS;
                let sids: Vec<_> = each
                    .map(|number| gateway.log_in(&format!("u{client}-{number}@example.com")))
                    .collect();
                for _ in 0..times {
                    for sid in &sids {
                        gateway.get_as(sid, "/optional");
                    }
                }
            });
        }
    });
}

#[test]
fn a_cache_and_a_pool_that_are_too_small_are_to_be_larger() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    // Whoever waits gets the connection in the end.
    let small =
        "[store]\nmax_connections = 1\nacquire_timeout = \"10s\"\n[cache]\nlocal_max_entries = 20";
    let stage = Stage::built(|gateway| gateway.with(&store_config(&database)).with(small));
    come_and_go(&stage, 6);

    let said = document(advise(&stage, &["--json"]));
    let (verdict, entries) = about(&said, "cache.local_max_entries");
    assert_eq!(verdict, "change", "{said:#}");
    let entries: usize = entries.unwrap().replace('_', "").parse().unwrap();
    // All of them were in use; most had been pushed out several times.
    assert!((SESSIONS..=30 * SESSIONS).contains(&entries), "{entries}");
    assert_eq!(
        about(&said, "store.max_connections"),
        ("change", Some("2")),
        "{said:#}"
    );
    assert_eq!(about(&said, "nodes"), ("change", Some("2")), "{said:#}");
    assert_eq!(about(&said, "login_limits").0, "keep", "{said:#}");
    assert_eq!(about(&said, "max_connections (PostgreSQL)").0, "keep");
    assert_eq!(said["store"]["nodes"], 1, "{said:#}");
    assert!(said["store"]["bytes"].as_u64().unwrap() > 1_000_000);

    // The same for people.
    let lines = advise(&stage, &[]).success();
    let line = "CHANGE store.max_connections: 1 -> 2\n";
    assert!(lines.contains(line), "{lines}");
    assert!(
        lines.contains("docs/capacity.md#rule-connections"),
        "{lines}"
    );

    // The store is asked, and that it does not answer is not hidden.
    postgres.pause();
    let alone = advise(&stage, &[]);
    postgres.resume();
    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert!(alone.stdout.contains("store: NOT HEARD: "), "{alone:?}");
}

#[test]
fn a_quiet_gateway_has_nothing_to_change() {
    let (stage, sid) = Stage::start().and_alice();
    stage.get_as(&sid, "/optional");
    let lines = advise(&stage, &[]).success();
    assert!(lines.contains("nothing to change"), "{lines}");
    assert!(!lines.contains("CHANGE"), "{lines}");
    let said = document(advise(&stage, &["--json"]));
    for key in [
        "cache.local_max_entries",
        "cache.local_ttl",
        "nodes",
        "login_limits",
    ] {
        assert_eq!(about(&said, key).0, "not_judged", "{key}: {said:#}");
    }
    assert_eq!(about(&said, "store.url").0, "keep", "one node, and a file");
    assert_eq!(said["store"], Value::Null);
}

#[test]
fn enough_room_stays_and_what_came_before_is_not_counted() {
    let stage = Stage::start();
    come_and_go(&stage, 6);
    let all = document(advise(&stage, &["--json"]));
    assert_eq!(about(&all, "cache.local_max_entries").0, "keep", "{all:#}");
    assert_eq!(all["nodes"][0]["since_start"], true);

    let none = document(advise(&stage, &["--json", "--over", "1s"]));
    let verdict = about(&none, "cache.local_max_entries").0;
    assert_eq!(verdict, "not_judged", "nobody came in that second");
    assert_eq!(none["nodes"][0]["since_start"], false);
    let seconds = none["nodes"][0]["seconds"].as_f64().unwrap();
    assert!(seconds >= 1.0, "{seconds}");
}

#[test]
fn what_happens_meanwhile_is_judged() {
    let (stage, sid) = Stage::start().and_alice();
    let found = || stage.sum("sidgate_resolve_total", &[("result", "active")]);
    for _ in 0..20 {
        stage.get_as(&sid, "/optional");
    }
    let before = found();
    let said = thread::scope(|scope| {
        let asked = scope.spawn(|| advise(&stage, &["--json", "--over", "2s"]));
        while !asked.is_finished() {
            stage.get_as(&sid, "/optional");
        }
        document(asked.join().unwrap())
    });
    let advice = said["advice"].as_array().unwrap();
    let cache = advice.iter().find(|one| one["rule"] == "local_cache");
    let measured = cache.unwrap()["measured"].as_str().unwrap();
    let (count, _) = measured.split_once(" look-ups").unwrap();
    let count: f64 = count.replace(',', "").parse().unwrap();
    assert!(count > 0.0, "{measured}");
    assert!(count <= found() - before, "what came before: {measured}");
}

#[test]
fn nodes_that_do_not_share_a_store_are_to_have_postgresql() {
    let (stage, other) = (Stage::start(), Stage::start());
    let urls = [&stage, &other].map(|node| format!("http://{}", node.admin_address()));
    let said = document(advise(&stage, &["--json", "--from", &urls[0], &urls[1]]));
    assert_eq!(about(&said, "store.url"), ("change", Some("PostgreSQL")));
    assert_eq!(said["nodes"].as_array().unwrap().len(), 2);

    // One that is named twice is one node.
    let said = document(advise(&stage, &["--json", "--from", &urls[0], &urls[0]]));
    assert_eq!(about(&said, "store.url").0, "keep");
}

#[test]
fn nodes_that_do_not_answer_are_named() {
    let token = "[admin]\ntoken = \"${ADMIN_TOKEN}\"";
    let secret = "t".repeat(32);
    let stage = Stage::built(|gateway| gateway.with(token).env("ADMIN_TOKEN", &secret));
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let node = format!("http://{}", stage.admin_address());
    let app = format!("http://{}", stage.app.address());
    let config = stage.config_file();
    let ask = |token: &str, from: &[&str]| {
        let mut arguments = vec!["advise", "--config", config.to_str().unwrap()];
        if !from.is_empty() {
            arguments.push("--from");
            arguments.extend(from);
        }
        let environment = [("ADMIN_TOKEN".to_owned(), token.to_owned())];
        sidgate_with(&environment, stage.folder(), &arguments)
    };
    assert!(ask(&secret, &[]).success().contains("nothing to change"));
    assert!(
        ask(&secret, &[&node])
            .success()
            .contains("nothing to change")
    );

    let other = ask(&"u".repeat(32), &[]);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other.stdout.contains("it wants another admin.token"),
        "{other:?}"
    );
    assert!(!other.output().contains("uuuu"), "the token is not shown");

    // The one that answers is judged all the same.
    let some = ask(&secret, &[&node, &nobody, &app]);
    assert_eq!(some.code, Some(1), "{some:?}");
    assert!(some.stdout.contains("nobody listens there"), "{some:?}");
    assert!(
        some.stdout.contains("not that of a gateway") || some.stdout.contains("it has no /metrics"),
        "{some:?}"
    );
    assert!(some.stdout.contains("nothing to change"), "{some:?}");

    let nonsense = ask(&secret, &["https://example.com"]);
    assert_eq!(nonsense.code, Some(2), "{nonsense:?}");
}
