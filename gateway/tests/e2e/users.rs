//! What is held of one user: exported whole and without a secret, erased without a trace, and nobody else's.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use session_testing::{TestPostgres, TestRedis};
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::audit::events_in;
use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::legacy::{MIGRATION, knows_old_logins};
use sidgate_testkit::stores::{redis_config, redis_values, somebody, store_config};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, Stage, login};

use crate::risk::{ANYWHERE, CHROME, FIREFOX};

const LAYERS: [&str; 4] = [
    ANYWHERE,
    MIGRATION,
    "[risk]\n",
    "[audit]\nfile = \"audit.jsonl\"\n",
];

/// Where alice has been. Bob has been elsewhere.
const HOME: &str = "198.51.100.7";
const PHONE: &str = "203.0.113.9";
const BOB_HOME: &str = "192.0.2.33";

/// `sidgate users` with these arguments.
fn users(gateway: &Gateway, arguments: &[&str]) -> Outcome {
    let config = gateway.config_file();
    let config = ["--config", config.to_str().unwrap()];
    let arguments = [&["users"], arguments, &config].concat();
    sidgate(gateway.folder(), &arguments)
}

fn document(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success()).expect("one JSON document")
}

fn export(gateway: &Gateway, user: &str) -> Value {
    document(users(gateway, &["export", "--user", user]))
}

fn erase(gateway: &Gateway, user: &str) -> Value {
    document(users(gateway, &["erase", "--user", user, "--yes"]))
}

fn log_in(gateway: &Gateway, email: &str, address: &str, software: &str) -> String {
    let request = login(email, PASSWORD)
        .header("X-Forwarded-For", address)
        .header("User-Agent", software);
    gateway.send(&request).must_be(201).new_sid()
}

/// Whether a session is one, seen from where its user logged in.
fn is_known(gateway: &Gateway, sid: &str, address: &str, software: &str) -> bool {
    let request = Request::get("/required").sid(sid);
    let request = request
        .header("X-Forwarded-For", address)
        .header("User-Agent", software);
    gateway.send(&request).status == 200
}

/// A request with a cookie of the old system.
fn old_cookie(gateway: &Gateway, value: &str) -> u16 {
    let request = Request::get("/required").header("Cookie", &format!("session_token={value}"));
    gateway.send(&request).status
}

/// Every row of a SQLite file.
fn rows_in(file: &Path) -> String {
    let dumped = Command::new("sqlite3").arg(file).arg(".dump").output();
    let dumped = dumped.expect("sqlite3 is there");
    assert!(dumped.status.success(), "{dumped:?}");
    String::from_utf8_lossy(&dumped.stdout).into_owned()
}

/// A sid in every form in which something could show it.
fn forms(sid: &str) -> [String; 3] {
    let hex = sid.replace('-', "");
    let bytes: Vec<u8> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    [sid.to_owned(), hex, STANDARD_NO_PAD.encode(bytes)]
}

/// Every run of at least 32 hexadecimal digits in a dump: keys, digests, sealed values.
fn digests_in(dump: &str) -> Vec<String> {
    let runs = dump.split(|c: char| !c.is_ascii_hexdigit());
    let runs = runs.filter(|run| run.len() >= 32);
    runs.map(str::to_ascii_lowercase).collect()
}

/// Alice on two devices and with an old cookie, bob on one; both have been seen by the rules.
fn people(stage: &Stage, rows: &dyn Fn() -> String) -> [String; 3] {
    knows_old_logins(&stage.app);
    let sids = [
        log_in(stage, "alice@example.com", HOME, FIREFOX),
        log_in(stage, "alice@example.com", PHONE, CHROME),
        log_in(stage, "bob@example.com", BOB_HOME, CHROME),
    ];
    let [home, phone, bob] = &sids;
    assert!(is_known(stage, home, HOME, FIREFOX));
    assert!(is_known(stage, phone, PHONE, CHROME));
    assert!(is_known(stage, bob, BOB_HOME, CHROME));
    assert_eq!(old_cookie(stage, "alice.1"), 200, "an old login");
    until_true("networks and sightings are written", LONG, || {
        let rows = rows();
        let inserts = |table: &str| {
            let into = |line: &&str| line.starts_with("INSERT INTO") && line.contains(table);
            rows.lines().filter(into).count()
        };
        let (sightings, networks) = (
            inserts("sidgate_activity"),
            inserts("sidgate_login_network"),
        );
        sightings >= 3 && networks >= 3
    });
    sids
}

fn shows_both_devices_and_no_secret(stage: &Stage, sids: &[String], rows: &str) {
    let outcome = users(stage, &["export", "--user", "alice"]);
    let text = outcome.stdout.clone();
    let found = document(outcome);
    let sessions = found["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 3, "{found:#}");
    for (address, software) in [(HOME, FIREFOX), (PHONE, CHROME)] {
        let of = |session: &&Value| session["ip"] == address && session["user_agent"] == software;
        let session = sessions.iter().find(of).expect(address);
        assert_eq!(session["alive"], true);
        assert_eq!(session["identity"]["user"]["email"], "alice@example.com");
        assert_eq!(session["identity"]["auth_hash"], "***");
    }
    assert!(found["activity"].as_array().unwrap().len() >= 2);
    assert_eq!(found["login_networks"].as_array().unwrap().len(), 2);
    assert_eq!(found["old_logins"], 1);
    assert_eq!(found["revocations"], json!([]));
    assert!(!text.contains("bob"), "{text}");
    let secrets = sids.iter().flat_map(|sid| forms(sid));
    for secret in secrets.chain(digests_in(rows)) {
        assert!(
            !text.to_ascii_lowercase().contains(&secret),
            "{secret} in {text}"
        );
    }
    let elsewhere = users(stage, &["export", "--user", "alice", "--tenant", "t2"]);
    let elsewhere = document(elsewhere);
    assert_eq!(elsewhere["sessions"], json!([]));
    // Another person of that tenant may have the id, and this is kept without a tenant.
    assert_eq!(elsewhere.get("login_networks"), None);
}

/// No row says anything of alice, except those that keep her sessions ended, which have her id for a while.
fn holds_no_trace_of_alice(rows: &str, receipt: &Value) {
    let stays: Vec<&str> = receipt["stays"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["holds"] == "the user id")
        .map(|entry| entry["in"].as_str().unwrap())
        .collect();
    assert_eq!(stays, ["sidgate_event", "sidgate_revocation"]);
    for line in rows.lines() {
        for trace in [
            "alice@example.com",
            "The alice",
            HOME,
            "198.51.100.0",
            PHONE,
            "203.0.113.0",
            FIREFOX,
        ] {
            assert!(!line.contains(trace), "{trace} in {line}");
        }
        let may_name = stays
            .iter()
            .any(|table| line.contains(&format!("{table} VALUES")));
        assert!(may_name || !line.contains("alice"), "{line}");
    }
    assert!(rows.contains("bob@example.com") && rows.contains(BOB_HOME));
}

/// The receipt.
fn erases_alice_and_nobody_else(stage: &Stage, rows: &dyn Fn() -> String) -> Value {
    let sids = people(stage, rows);
    let [home, phone, bob] = &sids;
    let before = rows();
    shows_both_devices_and_no_secret(stage, &sids, &before);
    let of_bob = |found: Value| {
        (
            found["sessions"].clone(),
            found["activity"].clone(),
            found["login_networks"].clone(),
        )
    };
    let bob_had = of_bob(export(stage, "bob"));

    let planned = document(users(stage, &["erase", "--user", "alice", "--dry-run"]));
    assert_eq!(planned["would_end"], 3);
    assert_eq!(planned["would_remove"]["sessions"], 3);
    assert!(is_known(stage, home, HOME, FIREFOX), "only said");

    let receipt = erase(stage, "alice");

    for sid in [home, phone] {
        assert_eq!(
            stage.get_as(sid, "/required").status,
            401,
            "after the receipt"
        );
    }
    assert_eq!(receipt["ended"]["revoked"], 3);
    assert_eq!(receipt["ended"]["acked"], 1);
    assert_eq!(
        receipt["removed"]["sessions"],
        planned["would_remove"]["sessions"]
    );
    assert_eq!(
        receipt["removed"]["activity"],
        planned["would_remove"]["activity"]
    );
    assert_eq!(receipt["removed"]["login_networks"], 2);
    holds_no_trace_of_alice(&rows(), &receipt);
    let left = export(stage, "alice");
    for part in ["sessions", "activity", "login_networks"] {
        assert_eq!(left[part], json!([]), "{part}");
    }
    let bob_has = of_bob(export(stage, "bob"));
    assert_eq!(bob_has.1, bob_had.1);
    assert_eq!(bob_has.2, bob_had.2);
    assert_eq!(bob_has.0[0]["id"], bob_had.0[0]["id"]);
    assert!(is_known(stage, bob, BOB_HOME, CHROME));

    assert_eq!(
        old_cookie(stage, "alice.1"),
        401,
        "it became a session that has ended"
    );
    assert_eq!(
        old_cookie(stage, "alice.2"),
        401,
        "it was there before the erasure"
    );
    assert_eq!(old_cookie(stage, "bob.2"), 200);
    let again = erase(stage, "alice");
    assert_eq!(again["removed"]["sessions"], 0);
    let new = log_in(stage, "alice@example.com", HOME, FIREFOX);
    assert!(
        stage.knows(&new),
        "whoever is not erased in the app may come again"
    );
    receipt
}

#[test]
fn sqlite_holds_no_trace_of_an_erased_user() {
    let stage = Stage::with(LAYERS);
    let file = stage.folder().join("sidgate.db");
    erases_alice_and_nobody_else(&stage, &|| rows_in(&file));

    let trail = std::fs::read_to_string(stage.folder().join("audit.jsonl")).unwrap();
    let told = events_in(&trail);
    let of = |event: &str, reason: &str| {
        let of = told
            .iter()
            .filter(|told| told["event"] == event && told["reason"] == reason);
        of.map(|told| told["user"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("admin", "erase"), ["alice", "alice"]);
    assert_eq!(of("admin", "erase_dry_run"), ["alice"]);
    assert_eq!(of("erased", "erase"), ["alice", "alice"]);
    assert_eq!(of("admin", "export").len(), 5);
}

#[test]
fn postgres_holds_no_trace_of_an_erased_user() {
    let (database, redis) = (TestPostgres::shared().database(), TestRedis::start());
    let stage = Stage::built(|it| {
        let it = LAYERS.into_iter().fold(it, |it, layer| it.with(layer));
        it.with(&store_config(&database))
            .with(&redis_config(&redis))
    });
    let receipt = erases_alice_and_nobody_else(&stage, &|| database.dumped_rows());

    let stays = receipt["stays"].as_array().unwrap();
    assert!(
        stays.iter().any(|entry| entry["in"] == "redis"),
        "{receipt:#}"
    );
    for (_, value) in redis_values(&redis) {
        let value = String::from_utf8_lossy(&value).into_owned();
        assert!(!value.contains("alice"), "{value}");
    }
}

#[test]
fn a_user_whom_nobody_knows_is_no_mistake() {
    let stage = Stage::start();
    let found = export(&stage, "nobody");
    assert_eq!(found["sessions"], json!([]));
    let receipt = erase(&stage, "nobody");
    assert_eq!(receipt["ended"]["revoked"], 0);
    assert_eq!(receipt["removed"]["sessions"], 0);
}

#[test]
fn nothing_is_erased_by_mistake() {
    let (stage, sid) = Stage::start().and_alice();
    let unsure = users(&stage, &["erase", "--user", "alice"]);
    assert_eq!(unsure.code, Some(2), "{unsure:?}");
    // The store keeps digests of erased users under a name with a blank, and they must stay.
    for no_id in ["erased 00", "alice ", ""] {
        let refused = users(&stage, &["erase", "--user", no_id, "--yes"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("visible ASCII"), "{refused:?}");
    }
    let elsewhere = users(
        &stage,
        &["erase", "--user", "alice", "--tenant", "t2", "--yes"],
    );
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    assert!(elsewhere.stderr.contains("tenant"), "{elsewhere:?}");
    assert!(stage.knows(&sid));
    let here = users(
        &stage,
        &["erase", "--user", "alice", "--tenant", "t1", "--yes"],
    );
    assert_eq!(document(here)["removed"]["sessions"], 1);
}

/// A database that cannot say is no database without this user.
#[test]
fn a_store_that_does_not_answer_is_an_error_and_an_erasure_that_stops_says_so() {
    let database = TestPostgres::shared().database();
    let quick = "[store]\nread_timeout = \"1s\"\nwrite_timeout = \"1s\"\n";
    let stage = Stage::with([&store_config(&database), quick]);
    stage.log_in("alice@example.com");
    let run = somebody(
        &database,
        &["ALL ON ALL TABLES IN SCHEMA public".to_owned()],
    );
    let hold = |table: &str| {
        run(&format!(
            "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
        ))
        .unwrap()
    };
    hold("sidgate_activity");
    let found = users(&stage, &["export", "--user", "alice"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert_eq!(found.stdout, "");
    let stopped = users(&stage, &["erase", "--user", "alice", "--yes"]);
    assert_eq!(stopped.code, Some(75), "{stopped:?}");
    assert_eq!(stopped.stdout, "");
    run("ROLLBACK").unwrap();
    assert_eq!(
        erase(&stage, "alice")["removed"]["sessions"],
        0,
        "the first one got so far"
    );

    hold("sidgate_revocation");
    let unknown = users(&stage, &["erase", "--user", "alice", "--yes"]);
    assert_eq!(unknown.code, Some(75), "{unknown:?}");
    run("ROLLBACK").unwrap();
}
