//! Others in the same database: an app with the rights that its package asks for, and a role without any.

use session_testing::{TestDatabase, TestPostgres};

use sidgate_testkit::stores::{somebody, sql_text, store_config};
use sidgate_testkit::{Request, Stage};

/// SQLSTATE of what the schema itself refuses.
const KEPT: &str = "23001";
/// SQLSTATE of what a role may not.
const NOT_PERMITTED: &str = "42501";

/// The rights that the README of the Django package tells people to grant.
fn rights_of_an_app() -> Vec<String> {
    let readme = include_str!("../../../clients/django/README.md");
    let grants = readme.lines().filter_map(|line| {
        let grant = line.strip_prefix("GRANT ")?;
        grant.strip_suffix(" TO app;").map(str::to_owned)
    });
    let grants: Vec<String> = grants.collect();
    assert!(grants.len() >= 3, "{grants:?}");
    grants
}

fn gateway_on(database: &TestDatabase, more: &str) -> Stage {
    Stage::with([&store_config(database), more])
}

#[test]
fn app_with_the_rights_of_its_readme_revives_nobody() {
    let database = TestPostgres::shared().database();
    let stage = gateway_on(&database, "");
    let [dead, everywhere, live] =
        ["alice", "bob", "carol"].map(|name| stage.log_in(&format!("{name}@example.com")));
    stage.log_out(&dead);
    stage.send(&Request::delete("/api/auth/sessions?scope=all").sid(&everywhere));
    let run = somebody(&database, &rights_of_an_app());

    for (revival, refusal) in [
        ("UPDATE sidgate_session SET revoked_at = NULL", KEPT),
        (
            "UPDATE sidgate_session SET revoked_at = NULL, revoke_reason = NULL",
            KEPT,
        ),
        ("UPDATE sidgate_session SET created_seq = 9", NOT_PERMITTED),
        (
            "UPDATE sidgate_session SET session_key = id::text::bytea",
            NOT_PERMITTED,
        ),
        ("UPDATE sidgate_revocation SET seq = 0", KEPT),
        ("UPDATE sidgate_revocation SET subject = 'nobody'", KEPT),
        ("DELETE FROM sidgate_revocation", NOT_PERMITTED),
        ("UPDATE sidgate_clock SET seq = 0", NOT_PERMITTED),
        ("DELETE FROM sidgate_event", NOT_PERMITTED),
        (
            "INSERT INTO sidgate_former_key VALUES ('', '', now())",
            NOT_PERMITTED,
        ),
        ("DELETE FROM sidgate_legacy", NOT_PERMITTED),
    ] {
        let refused = run(revival).unwrap_err();
        assert_eq!(refused, refusal, "{revival}");
        assert!(
            !stage.knows(&dead) && !stage.knows(&everywhere),
            "{revival}"
        );
    }
    assert!(stage.knows(&live));
    // What the package is for goes on working, over rows that have ended as well.
    run("UPDATE sidgate_session SET revoked_at = now(), revoke_reason = 'app' WHERE user_id IN ('alice', 'carol')").unwrap();
    run("DELETE FROM sidgate_session WHERE user_id = 'bob'").unwrap();
}

/// More than the package asks for, as people grant who are in a hurry.
#[test]
fn app_that_may_change_every_column_takes_over_no_key() {
    let database = TestPostgres::shared().database();
    let stage = gateway_on(&database, "");
    let thief = stage.log_in("mallory@example.com");
    let victim = stage.log_in("alice@example.com");
    let run = somebody(
        &database,
        &["SELECT, UPDATE, DELETE ON sidgate_session".to_owned()],
    );
    let key = sql_text(
        &database,
        "SELECT encode(session_key, 'hex') FROM sidgate_session WHERE user_id = 'mallory'",
    );
    run("DELETE FROM sidgate_session WHERE user_id = 'mallory'").unwrap();

    let takes_over =
        format!("UPDATE sidgate_session SET session_key = '\\x{key}' WHERE user_id = 'alice'");
    assert_eq!(run(&takes_over).unwrap_err(), NOT_PERMITTED);

    assert!(!stage.knows(&thief) && stage.knows(&victim));
}

#[test]
fn a_stranger_keeps_nobody_from_logging_in() {
    let database = TestPostgres::shared().database();
    let stage = gateway_on(&database, "[session]\nmax_per_user = 2\n");
    let run = somebody(&database, &[]);
    for name in ["sidgate:alice", "sidgate housekeeping", "sidgate schema"] {
        run(&format!(
            "SELECT pg_advisory_lock(hashtextextended('{name}', 0))"
        ))
        .unwrap();
    }
    for lock in [
        "BEGIN; SELECT FROM sidgate_turn FOR UPDATE",
        "ROLLBACK; BEGIN; LOCK TABLE sidgate_turn IN ACCESS SHARE MODE",
        "ROLLBACK; BEGIN; LOCK TABLE sidgate_session IN ACCESS SHARE MODE",
        "ROLLBACK; BEGIN; LOCK TABLE sidgate_schema IN ACCESS SHARE MODE",
    ] {
        assert_eq!(run(lock).unwrap_err(), NOT_PERMITTED, "{lock}");
    }

    let sids = [(); 3].map(|()| stage.log_in("alice@example.com"));

    assert!(!stage.knows(&sids[0]) && stage.knows(&sids[2]));
}

/// Rows of sessions are the app's to write, and so to hold: that is bounded, and told as what it is.
#[test]
fn an_app_that_holds_a_session_does_not_keep_its_user_from_ending_all() {
    let database = TestPostgres::shared().database();
    let stage = gateway_on(&database, "");
    let sid = stage.log_in("alice@example.com");
    let run = somebody(&database, &rights_of_an_app());
    run("BEGIN; SELECT FROM sidgate_session FOR UPDATE").unwrap();

    let logout = stage.log_out(&sid).must_be(503);
    assert!(logout.leaves_cookies_alone());
    stage.log_in("alice@example.com");
    let all = stage.send(&Request::delete("/api/auth/sessions?scope=all").sid(&sid));

    assert_eq!(all.status, 200, "{all:?}");
    assert!(!stage.knows(&sid));
}
