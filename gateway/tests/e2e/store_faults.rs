//! The store cannot be asked. Unknown is not absent: `503`, never `401`, never a login page, never a cleared cookie.

use serde_json::json;
use session_testing::TestPostgres;

use sidgate_testkit::app::{self, NAME, PASSWORD};
use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LEASE, LONG, instant, until_true};
use sidgate_testkit::{App, Gateway, Request, Response, SESSION, Stage, login};

/// Not an admission, nor a refusal: try again.
fn assert_unavailable(response: &Response) {
    // A person gets a page, a program a problem document.
    if response.header("content-type") == Some("text/html; charset=utf-8") {
        assert_eq!(response.status, 503, "{response:?}");
    } else {
        assert_eq!(response.problem(503), "unavailable");
    }
    assert!(response.header("retry-after").is_some(), "{response:?}");
    assert!(response.leaves_cookies_alone(), "{response:?}");
}

/// Asks until the gateway says 503; every answer before must be an admission, and none may start after the lease.
fn served_until_the_lease_ends(gateway: &Gateway, sid: &str) {
    let lost = instant();
    let mut served = 0;
    loop {
        let asked = lost.elapsed();
        let response = gateway.get_as(sid, "/required");
        if response.status == 503 {
            assert_unavailable(&response);
            assert!(served > 0, "cut off before the lease ended");
            return;
        }
        assert_eq!(response.status, 200, "{response:?}");
        assert!(asked <= LEASE, "served {asked:?} after the store was lost");
        served += 1;
    }
}

fn every_answer_is_unavailable(gateway: &Gateway, sid: &str) {
    let navigation = Request::get("/required")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html");
    let requests = [
        Request::get("/required").sid(sid),
        Request::get("/optional").sid(sid),
        navigation.sid(sid),
        Request::get(SESSION).sid(sid),
        Request::delete(SESSION).sid(sid),
        login("alice@example.com", PASSWORD).sid(sid),
    ];
    for request in requests {
        assert_unavailable(&gateway.send(&request));
    }
}

#[test]
fn store_that_is_down_at_the_start() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let mut other = Stage::with([&store_config(&database)]);
    let sid = other.log_in("alice@example.com");
    postgres.stop();

    let gateway = Gateway::in_front_of(&other.app)
        .with(&store_config(&database))
        .master_of(&other)
        .not_ready()
        .start();
    other.stop();

    assert_eq!(gateway.admin("/livez").status, 200);
    let readyz = gateway.admin("/readyz").must_be(503);
    for check in ["schema", "rights", "window", "lease"] {
        assert!(
            readyz.json()["checks"].get(check).is_some(),
            "{}",
            readyz.text()
        );
    }
    every_answer_is_unavailable(&gateway, &sid);
    assert_eq!(gateway.get("/required").status, 401);
    assert_eq!(gateway.get("/optional").status, 200);

    postgres.restart();
    gateway.wait_until_ready();
    assert!(gateway.knows(&sid));
    gateway.log_in("bob@example.com");
}

#[test]
fn store_that_stops_later() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([&store_config(&database)]).and_alice();
    assert_eq!(stage.get_as(&sid, "/required").status, 200);

    postgres.stop();
    served_until_the_lease_ends(&stage, &sid);
    every_answer_is_unavailable(&stage, &sid);
    assert_eq!(stage.admin("/readyz").status, 503);
    assert_eq!(stage.admin("/livez").status, 200);

    postgres.restart();
    stage.wait_until_ready();
    assert!(stage.knows(&sid), "nobody was logged out");
}

/// Whose attempt it is cannot be said, so neither "too many" nor anything else is true.
#[test]
fn account_limit_without_a_store_is_unavailable_and_not_too_many() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([
        &store_config(&database),
        "[login_limits]\nper_account = \"1/h\"\n[server]\ntrusted_proxies = [\"127.0.0.1\"]",
    ])
    .and_alice();
    let from_elsewhere = |password| {
        let request = login("alice@example.com", password);
        stage.send(&request.header("X-Forwarded-For", "192.0.2.1"))
    };
    assert_eq!(from_elsewhere("guess").problem(401), "invalid_credentials");
    assert_eq!(from_elsewhere(PASSWORD).problem(429), "locked");
    let calls = stage.app.backend_calls().len();

    postgres.stop();

    assert_unavailable(&stage.send(&login("alice@example.com", PASSWORD).sid(&sid)));
    assert_unavailable(&from_elsewhere(PASSWORD));
    assert_eq!(stage.app.backend_calls().len(), calls);
}

#[test]
fn store_that_accepts_and_never_answers() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([&store_config(&database)]).and_alice();
    assert_eq!(stage.get_as(&sid, "/required").status, 200);

    postgres.pause();
    served_until_the_lease_ends(&stage, &sid);
    every_answer_is_unavailable(&stage, &sid);

    postgres.resume();
    stage.wait_until_ready();
    assert!(stage.knows(&sid), "nobody was logged out");
}

#[test]
fn session_that_this_node_has_not_seen_is_unknown_at_once() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let one = Stage::with([&store_config(&database)]);
    let two = Gateway::in_front_of(&one.app)
        .with(&store_config(&database))
        .master_of(&one)
        .start();
    let sid = one.log_in("alice@example.com");

    postgres.stop();

    assert_unavailable(&two.get_as(&sid, "/required"));
    assert_unavailable(&two.get_as(&sid, "/optional"));
}

#[test]
fn route_with_max_stale_serves_the_last_known_state() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([
        &store_config(&database),
        &format!(
            r#"
            [[routes]]
            path = "/stale"
            upstream = "{NAME}"
            max_stale = "1m"
            [[routes]]
            path = "/unknown"
            upstream = "{NAME}"
            session = "optional"
            on_unknown = "pass"
            "#
        ),
    ])
    .and_alice();
    stage.get_as(&sid, "/stale");
    assert_eq!(stage.app.last_request().header("x-session-stale"), None);

    postgres.stop();
    until_true("the end of the lease", LONG, || {
        stage.get_as(&sid, "/required").status == 503
    });

    assert_eq!(stage.get_as(&sid, "/stale").status, 200);
    let seen = stage.app.last_request();
    assert_eq!(seen.state(), "active");
    assert_eq!(seen.user().unwrap(), "alice");
    let stale: u64 = seen.header("x-session-stale").unwrap().parse().unwrap();
    assert!((1..60).contains(&stale), "{stale}");
    let claims = stage.app.assertion_in(&seen);
    assert_eq!(claims["stale"], stale);

    assert_eq!(stage.get_as(&sid, "/unknown").status, 200);
    let seen = stage.app.last_request();
    assert_eq!(seen.state(), "unknown");
    assert_eq!(seen.user(), None);
    let claims = stage.app.assertion_in(&seen);
    assert_eq!(claims["state"], "unknown");
}

#[test]
fn event_that_cannot_be_committed_takes_the_answer_back() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([&store_config(&database)]).and_alice();
    stage.get_as(&sid, "/");
    let identity = app::identity("bob@example.com");
    stage.says("/login", json!([{"type": "login", "identity": identity}]));
    stage.says("/logout", json!([{"type": "logout", "scope": "this"}]));

    postgres.stop();

    assert_unavailable(&stage.send(&Request::post("/logout").sid(&sid)));
    assert_unavailable(&stage.send(&Request::post("/login")));

    postgres.restart();
    stage.wait_until_ready();
    assert!(stage.knows(&sid), "the logout did not happen");
}

#[test]
fn postgres_without_the_schema_is_named_and_not_started() {
    let app = App::start();
    let database = TestPostgres::shared().bare_database();
    let prepared = Gateway::in_front_of(&app);
    let config = store_config(&database);

    let refused = prepared.with(&config).run_to_the_end();

    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.output().contains("schema apply"), "{refused:?}");
}

#[test]
fn auto_migrate_applies_the_schema() {
    let database = TestPostgres::shared().bare_database();
    let config = store_config(&database) + "auto_migrate = true\n";

    let stage = Stage::with([&config]);

    let sid = stage.log_in("alice@example.com");
    assert!(stage.knows(&sid));
}
