//! Revocation by command, its receipt and its failures; and the metrics that show how it goes.

use serde_json::{Value, json};
use session_testing::TestPostgres;

use sidgate_testkit::app;
use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::stores::{sql, store_config};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Stage};

/// `sidgate sessions revoke` with these arguments.
pub(crate) fn revoke(gateway: &Gateway, arguments: &[&str]) -> Outcome {
    let config = gateway.config_file();
    let config = ["--config", config.to_str().unwrap()];
    let arguments = [&["sessions", "revoke"], arguments, &config].concat();
    sidgate(gateway.folder(), &arguments)
}

fn receipt(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success()).expect("one line of JSON")
}

#[test]
fn every_scope_has_a_receipt() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([&store_config(&database)]);
    for scope in ["id", "user", "tenant", "all"] {
        let sid = stage.log_in("alice@example.com");
        assert!(stage.knows(&sid));
        let id = stage.session_of(&sid)["session"]["id"].clone();
        let arguments: &[&str] = match scope {
            "id" => &[id.as_str().unwrap()],
            "user" => &["--user", "alice"],
            "tenant" => &["--tenant", "t1"],
            _ => &["--all"],
        };

        let receipt = receipt(revoke(&stage, arguments));

        assert_eq!(receipt["revoked"], 1, "{scope}");
        assert_eq!(receipt["nodes"], 1, "{scope}");
        assert_eq!(receipt["acked"], 1, "{scope}: {receipt}");
        assert!(receipt["worst_ms"].is_u64(), "{scope}");
        let answer = stage.get_as(&sid, "/required");
        assert_eq!(answer.status, 401, "{scope}: after the receipt");
    }
}

#[test]
fn repeating_is_safe_and_a_handle_that_never_was_is_a_mistake() {
    let (stage, sid) = Stage::start().and_alice();
    let id = stage.session_of(&sid)["session"]["id"].clone();
    let id = id.as_str().unwrap();
    assert_eq!(receipt(revoke(&stage, &[id]))["revoked"], 1);
    assert_eq!(receipt(revoke(&stage, &[id]))["revoked"], 0);

    let unknown = revoke(&stage, &["01890000-0000-7000-8000-000000000000"]);

    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("no such session"), "{unknown:?}");
    assert_eq!(unknown.stdout, "", "no receipt");
}

#[test]
fn store_that_is_down_is_named_and_nothing_is_claimed() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([&store_config(&database)]).and_alice();
    postgres.stop();

    let refused = revoke(&stage, &["--all"]);

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("store"), "{refused:?}");
    assert!(
        !refused.stderr.contains("not known"),
        "nothing was sent: {refused:?}"
    );
    assert_eq!(refused.stdout, "", "no receipt");
    postgres.restart();
    stage.wait_until_ready();
    assert!(stage.knows(&sid));
}

#[test]
fn lag_and_readiness_are_on_the_metrics() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([&store_config(&database)]);
    stage.log_in("alice@example.com");
    let count = || stage.sum("sidgate_revocation_lag_seconds_count", &[]);
    assert_eq!(count(), 0.0);

    sql(&database, "UPDATE sidgate_session SET revoked_at = now()");

    until_true("the event", LONG, || count() == 1.0);
    let metrics = stage.metrics();
    let within = |le: &str| metrics.sum("sidgate_revocation_lag_seconds_bucket", &[("le", le)]);
    assert_eq!(within("+Inf"), 1.0);
    assert!(within("0.005") <= within("5"), "cumulative");
    assert!(metrics.sum("sidgate_revocation_lag_seconds_sum", &[]) > 0.0);
    for check in ["schema", "rights", "window", "lease"] {
        assert_eq!(metrics.sum("sidgate_ready", &[("check", check)]), 1.0);
    }
}

/// R8, from outside: the user is revoked while the app checks the password.
#[test]
fn login_overtaken_by_a_revocation_is_refused_and_counted() {
    let database = std::sync::Arc::new(TestPostgres::shared().database());
    let stage = Stage::with([&store_config(&database)]);
    let meanwhile = std::sync::Arc::clone(&database);
    stage.on("/__sidgate__/authenticate", move |_| {
        let revoke = "INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', 'alice')";
        sql(&meanwhile, revoke);
        Reply::json(200, &app::identity("alice@example.com"))
    });

    let refused = stage.try_login("alice@example.com");

    assert_eq!(refused.problem(503), "unavailable");
    assert!(refused.leaves_cookies_alone());
    let overtaken = [("what", "logins_overtaken")];
    assert_eq!(stage.sum("sidgate_core_total", &overtaken), 1.0);
    // The closure holds the database, which must go before its server.
    stage.on("/__sidgate__/authenticate", |_| {
        Reply::json(401, &json!({"code": "invalid_credentials"}))
    });
}
