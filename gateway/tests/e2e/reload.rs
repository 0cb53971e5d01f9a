//! What a reload takes over, what it leaves alone, and what it says to whoever has asked for it.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use session_testing::{TestPostgres, TestRedis};

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::cli::{Outcome, sidgate_with};
use sidgate_testkit::stores::{redis_config, store_config};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, SESSION, Stage};

const RELOAD: &str = "/api/admin/reload";

/// Lets the gateway read its file again, and returns what it says.
fn reload(gateway: &Gateway, status: u16) -> Value {
    gateway
        .send_to_admin(&Request::post(RELOAD))
        .must_be(status)
        .json()
}

/// The same after `from` has become `to` in its file; what is different is named.
fn change(gateway: &Gateway, from: &str, to: &str) -> Value {
    gateway.reconfigure(|_, text| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text.replacen(from, to, 1)
    });
    let said = reload(gateway, 200);
    assert_eq!(said["result"], "reloaded", "{said}");
    said["changed"].clone()
}

fn command(gateway: &Gateway) -> Outcome {
    let config = gateway.config_file();
    let arguments = ["reload", "--config", config.to_str().unwrap()];
    sidgate_with(&[], gateway.folder(), &arguments)
}

#[test]
fn cached_sessions_outlive_a_reload_and_other_headers_are_seen_at_once() {
    let (database, redis) = (TestPostgres::shared().database(), TestRedis::start());
    let (stage, sid) = Stage::with([&*store_config(&database), &redis_config(&redis)]).and_alice();
    assert_eq!(stage.get_as(&sid, "/required").status, 200);
    let from = |tier: &str| stage.sum("sidgate_resolve_total", &[("tier", tier)]);
    let (shared, store, local) = (from("shared"), from("store"), from("local"));
    let loads = stage.core("store_loads");

    for nth in 1..=3 {
        stage.signal(Signal::HUP);
        until_true("the reload", LONG, || {
            stage.stdout().matches("configuration reloaded").count() == nth
        });
    }
    assert_eq!(stage.get_as(&sid, "/required").status, 200);
    let changed = change(
        &stage,
        "X-Session-Email = \"user.email\"",
        "X-Session-Mail = \"user.email\"",
    );
    assert_eq!(changed, json!(["identity"]));
    assert_eq!(stage.get_as(&sid, "/required").status, 200);

    let seen = stage.app.last_request();
    assert_eq!(seen.all("x-session-mail"), ["alice@example.com"]);
    assert!(seen.all("x-session-email").is_empty());
    assert_eq!((from("shared"), from("store")), (shared, store));
    assert_eq!(stage.core("store_loads"), loads, "no read by anybody");
    assert_eq!(from("local"), local + 2.0);
}

#[test]
fn names_of_the_site_reload() {
    let stage = Stage::start();
    let status = |host: &str| stage.send(&Request::get("/").header("Host", host)).status;
    assert_eq!(status("app.test"), 421);
    let hosts = format!("hosts = [\"app.test\", \"{}\"]\nthreads", stage.host());
    assert_eq!(change(&stage, "threads", &hosts), json!(["server.hosts"]));
    assert_eq!(status("app.test"), 200);

    let login = "login_url = \"/in\"\nthreads";
    assert_eq!(
        change(&stage, "threads", login),
        json!(["server.login_url"])
    );
    let visit = Request::get("/required/x")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html");
    let response = stage.send(&visit).must_be(303);
    let location = response.header("location").unwrap_or_default();
    assert!(location.starts_with("/in?next="), "{location}");
}

#[test]
fn trusted_proxies_reload() {
    let stage = Stage::start();
    let request = Request::get("/").header("X-Forwarded-For", "192.0.2.7");
    let seen = || {
        assert_eq!(stage.send(&request).status, 200);
        stage.app.last_request().all("x-forwarded-for")
    };
    assert_eq!(seen(), ["127.0.0.1"]);
    let trusted = "trusted_proxies = [\"127.0.0.1\"]\nthreads";
    let changed = change(&stage, "threads", trusted);
    assert_eq!(changed, json!(["server.trusted_proxies"]));
    assert_eq!(seen(), ["192.0.2.7"]);
}

#[test]
fn drain_timeout_and_its_announcement_reload() {
    let mut stage =
        Stage::with(["[server]\ndrain_timeout = \"0s\"\nunready_before_drain = \"10m\""]);
    let (finish, finished) = std::sync::mpsc::channel::<()>();
    let finished = std::sync::Mutex::new(finished);
    stage.on("/slow", move |_| {
        finished.lock().unwrap().recv().unwrap();
        Reply::ok()
    });
    change(&stage, "drain_timeout = \"0s\"", "drain_timeout = \"50s\"");
    let changed = change(&stage, "\"10m\"", "\"0s\"");
    assert_eq!(changed, json!(["server.unready_before_drain"]));
    let mut connection = stage.connect();
    connection.write(&Request::get("/slow").bytes(&stage.host()));
    stage.app.wait_for(1);

    stage.signal(Signal::TERM);
    until_true("the listeners to close", LONG, || {
        std::net::TcpStream::connect(stage.address()).is_err()
    });
    finish.send(()).unwrap();

    assert_eq!(connection.read(false).text(), "from the app");
    assert!(stage.stop().success());
}

/// The old token is no longer worth anything, and the command that has the new one says why it is not heard.
#[test]
fn the_admin_token_reloads() {
    let (old, new) = ("o".repeat(32), "n".repeat(32));
    let stage = Stage::built(|it| {
        it.with("[admin]\ntoken = \"${OLD_TOKEN}\"")
            .env("OLD_TOKEN", &old)
            .env("NEW_TOKEN", &new)
    });
    let metrics = |token: &str| {
        let said = format!("Bearer {token}");
        let request = Request::get("/metrics").header("Authorization", &said);
        stage.send_to_admin(&request).status
    };
    assert_eq!((metrics(&old), metrics(&new)), (200, 401));
    stage.reconfigure(|_, text| text.replace("OLD_TOKEN", "NEW_TOKEN"));
    let environment = [("NEW_TOKEN".to_owned(), new.clone())];
    let config = stage.config_file();
    let arguments = ["reload", "--config", config.to_str().unwrap()];
    let refused = sidgate_with(&environment, stage.folder(), &arguments);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("another admin.token"),
        "{refused:?}"
    );

    stage.signal(Signal::HUP);

    until_true("the new token", LONG, || metrics(&new) == 200);
    assert_eq!(metrics(&old), 401);
    let done = sidgate_with(&environment, stage.folder(), &arguments);
    assert_eq!(done.success().trim(), "reloaded: nothing is different");
    assert!(!stage.output().contains(&new) && !refused.output().contains(&new));
}

/// A key that is added opens what was made under it; one that is taken away opens nothing any more.
#[test]
fn previous_keys_reload_without_ending_sessions() {
    let database = TestPostgres::shared().database();
    let other = Stage::with([&*store_config(&database)]);
    let theirs = other.log_in("bob@example.com");
    let (stage, sid) = Stage::with([&*store_config(&database)]).and_alice();
    assert!(stage.knows(&sid) && !stage.knows(&theirs));
    fs::write(stage.folder().join("other.key"), other.master()).unwrap();
    set_private(&stage.folder().join("other.key"));

    let master = "master = \"file:master.key\"";
    let both = format!("{master}\nprevious = [\"file:other.key\"]");
    assert_eq!(change(&stage, master, &both), json!(["keys.previous"]));
    assert!(stage.knows(&sid) && stage.knows(&theirs));

    assert_eq!(change(&stage, &both, master), json!(["keys.previous"]));
    assert!(stage.knows(&sid) && !stage.knows(&theirs));
}

fn set_private(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn redirect_https_reloads() {
    let stage = Stage::with([
        "[server]\npublic_origin = \"https://localhost:3443\"\nhosts = [\"localhost:3443\"]",
    ]);
    let request = Request::get("/").header("Host", "localhost:3443");
    assert_eq!(stage.send(&request).status, 200);
    change(&stage, "threads", "redirect_https = true\nthreads");
    assert_eq!(stage.send(&request).status, 308);
}

#[test]
fn the_command_says_what_came_of_it() {
    let stage = Stage::start();
    let reloads = |result: &str| stage.sum("sidgate_config_reloads_total", &[("result", result)]);
    let last = || stage.sum("sidgate_config_last_reload_success_timestamp_seconds", &[]);
    assert!(last() > 1_700_000_000.0, "the start counts");
    assert_eq!(
        command(&stage).success().trim(),
        "reloaded: nothing is different"
    );

    stage.reconfigure(|_, text| format!("{text}\n[edge]\nmax_requests = 77\n[risk]\n"));
    assert_eq!(command(&stage).success().trim(), "reloaded: edge, risk");

    stage
        .reconfigure(|_, text| text.replace("max_requests = 77", "max_requests = 1\nnonsense = 1"));
    let refused = command(&stage);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    for fault in ["edge.max_requests (line ", "edge.nonsense (line "] {
        assert!(refused.stderr.contains(fault), "{refused:?}");
    }
    assert_eq!(refused.stdout, "");

    stage.reconfigure(|_, text| {
        let text = text.replace("max_requests = 1\nnonsense = 1", "max_requests = 78");
        text + "[session]\nabsolute_timeout = \"1h\"\n[endpoints]\nbase_path = \"/x\"\n"
    });
    let frozen = command(&stage);
    assert_eq!(frozen.code, Some(1), "{frozen:?}");
    let words = "needs a restart: session.absolute_timeout";
    assert!(frozen.stderr.contains(words), "{frozen:?}");
    assert!(frozen.stderr.contains("endpoints.base_path"), "{frozen:?}");

    assert_eq!(reloads("reloaded"), 2.0);
    assert_eq!(reloads("refused"), 1.0);
    assert_eq!(reloads("needs_restart"), 1.0);
}

#[test]
fn the_command_without_a_gateway_says_so() {
    let mut stage = Stage::start();
    let other = stage.folder().join("copy.toml");
    fs::copy(stage.config_file(), &other).unwrap();
    let arguments = ["reload", "--config", other.to_str().unwrap()];
    let done = sidgate_with(&[], stage.folder(), &arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("runs with another file"), "{done:?}");

    stage.stop();
    let nobody = command(&stage);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("nobody listens there"), "{nobody:?}");

    stage.reconfigure(|_, text| format!("nonsense\n{text}"));
    let broken = command(&stage);
    assert_eq!(broken.code, Some(78), "{broken:?}");
    assert!(!broken.output().contains("nonsense"), "no line is quoted");
}

#[test]
fn a_reload_is_for_whoever_runs_the_gateway() {
    let stage = Stage::with(["[admin]\nclaim = \"user.is_staff\""]);
    stage.on("/__sidgate__/authenticate", |exchange| {
        let email = exchange.json()["email"].as_str().unwrap().to_owned();
        let mut identity = sidgate_testkit::app::identity(&email);
        identity["user"]["is_staff"] = json!(true);
        Reply::json(200, &identity)
    });
    let credentials = json!({"email": "root@example.com", "password": PASSWORD});
    let sid = stage
        .send(&Request::post(SESSION).json(&credentials))
        .must_be(201)
        .new_sid();
    let before = stage.sum("sidgate_config_reloads_total", &[]);
    let public = Request::post(RELOAD)
        .sid(&sid)
        .header("Origin", &stage.origin());
    assert_eq!(stage.send(&public).problem(404), "not_found");
    let page = Request::post(RELOAD).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(stage.send_to_admin(&page).problem(403), "cross_site");
    assert_eq!(stage.admin(RELOAD).problem(405), "method_not_allowed");
    assert_eq!(stage.sum("sidgate_config_reloads_total", &[]), before);

    reload(&stage, 200);

    until_true("a line of the audit trail", LONG, || {
        let events = stage.security_events();
        let mut lines = events.iter();
        lines.any(|line| line["event"] == "admin" && line["reason"] == "reload")
    });
}

/// Each asker gets the answer to a reload that began after it asked, and nobody waits for ever.
#[test]
fn many_reloads_at_once_are_done_one_after_another() {
    let stage = Stage::start();
    let address = stage.admin_address();
    let askers: Vec<_> = (0..12)
        .map(|_| {
            std::thread::spawn(move || {
                let mut connection = sidgate_testkit::client::Connection::open(address);
                connection.write(&Request::post(RELOAD).bytes(&address.to_string()));
                connection.read(false).status
            })
        })
        .collect();
    let answers: Vec<_> = askers
        .into_iter()
        .map(|asker| asker.join().unwrap())
        .collect();
    let done = answers.iter().filter(|status| **status == 200).count();
    assert!(
        answers.iter().all(|status| [200, 503].contains(status)),
        "{answers:?}"
    );
    assert!(done >= 1, "{answers:?}");
    let reloads = stage.sum("sidgate_config_reloads_total", &[("result", "reloaded")]);
    assert_eq!(reloads, done as f64);
    assert_eq!(stage.get("/").status, 200);
}
