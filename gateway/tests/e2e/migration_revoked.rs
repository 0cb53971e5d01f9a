//! Logging out everywhere, and old logins that have not come yet: they began before, and come too late.

use serde_json::json;
use sidgate_testkit::app::identity;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::legacy::{INTROSPECT, MIGRATION, questions};
use sidgate_testkit::wait::unix_now;
use sidgate_testkit::{Gateway, Reply, Request, Response, SESSION, Stage};

use crate::migration::{cookies, result, start, with_cookie};

const DEVICES: &str = "/api/auth/sessions";

fn ask(gateway: &Gateway, cookie: &str) -> Response {
    gateway.send(&with_cookie(Request::get("/required"), cookie))
}

/// A copy of an old cookie in a thief's hands, tried for the first time.
fn is_too_late(gateway: &Gateway, cookie: &str) {
    let response = ask(gateway, cookie);
    assert_eq!(response.status, 401, "{cookie}: {response:?}");
    let name = cookie.split('=').next().unwrap().to_owned();
    assert_eq!(cookies(&response), (None, vec![name]));
    assert_eq!(ask(gateway, cookie).status, 401, "and stays so");
}

fn comes(gateway: &Gateway, cookie: &str) {
    let response = ask(gateway, cookie);
    assert_eq!(response.status, 200, "{cookie}: {response:?}");
}

fn revoke(gateway: &Gateway, which: &[&str]) {
    let config = gateway.config_file();
    let mut arguments = vec!["sessions", "revoke"];
    arguments.extend(which);
    arguments.extend(["--config", config.to_str().unwrap()]);
    sidgate(gateway.folder(), &arguments).success();
}

#[test]
fn ending_all_sessions_ends_old_logins_that_have_not_come() {
    let (stage, sid) = start().and_alice();
    let all = Request::delete(&format!("{DEVICES}?scope=all")).sid(&sid);
    assert_eq!(stage.send(&all).status, 200);
    is_too_late(&stage, "session_token=alice.1");
    comes(&stage, "session_token=bob.1");
    assert_eq!(result(&stage, "revoked"), 1.0);
}

#[test]
fn ending_all_others_spares_the_one_that_asks() {
    let stage = start();
    let sid = cookies(&ask(&stage, "session_token=alice.1")).0.unwrap();
    let others = Request::delete(&format!("{DEVICES}?scope=others")).sid(&sid);
    assert_eq!(stage.send(&others).status, 200);
    assert!(stage.knows(&sid));
    is_too_late(&stage, "dott_auth_session=alice.2");
    comes(&stage, "session_token=alice.1");
    // Nor does it come in beside the one that stays.
    let both = ask(&stage, "session_token=alice.1; session_token=alice.3");
    assert_eq!(cookies(&both).0, Some(sid));
    is_too_late(&stage, "session_token=alice.3");
}

#[test]
fn a_login_that_ends_all_others_does_too() {
    let stage = start();
    let body = json!({
        "email": "alice@example.com", "password": sidgate_testkit::app::PASSWORD, "end_others": true
    });
    let login = Request::post(SESSION)
        .header("Content-Type", "application/json")
        .body(body.to_string());
    assert_eq!(stage.send(&login).status, 201);
    is_too_late(&stage, "session_token=alice.1");
}

#[test]
fn an_operators_revocation_does_too() {
    let stage = start();
    revoke(&stage, &["--user", "alice"]);
    is_too_late(&stage, "session_token=alice.1");
    comes(&stage, "session_token=bob.1");
    revoke(&stage, &["--tenant", "t2"]);
    comes(&stage, "session_token=bob.2");
    revoke(&stage, &["--tenant", "t1"]);
    is_too_late(&stage, "session_token=bob.3");
    let stage = start();
    revoke(&stage, &["--all"]);
    is_too_late(&stage, "session_token=mallory.1");
}

#[test]
fn an_app_that_logs_out_all_or_others_does_too() {
    let stage = start();
    for (scope, name) in [("all", "alice"), ("others", "bob")] {
        let sid = stage.log_in(&format!("{name}@example.com"));
        stage.says("/leave", json!([{"type": "logout", "scope": scope}]));
        assert_eq!(stage.get_as(&sid, "/leave").status, 200);
        is_too_late(&stage, &format!("session_token={name}.{scope}"));
    }
}

#[test]
fn an_app_that_logs_out_ends_the_old_login_beside_it() {
    let stage = start();
    stage.says("/leave", json!([{"type": "logout", "scope": "this"}]));
    stage.says("/none/leave", json!([{"type": "logout", "scope": "this"}]));
    for (path, cookie) in [
        ("/leave", "session_token=alice.1"),
        ("/none/leave", "session_token=alice.2"),
        ("/leave", "dott_auth_session=mallory.1"),
    ] {
        let sid = stage.log_in("alice@example.com");
        let beside = format!("sid={sid}; {cookie}");
        let response = stage.send(&with_cookie(Request::get(path), &beside));
        assert_eq!(response.status, 200, "{response:?}");
        let name = cookie.split('=').next().unwrap();
        assert_eq!(cookies(&response).1, [name, "sid"], "{path}");
        assert!(!stage.knows(&sid));
        is_too_late(&stage, cookie);
    }
    // Without a session of its own as well.
    let alone = stage.send(&with_cookie(
        Request::get("/none/leave"),
        "session_token=alice.4",
    ));
    assert_eq!(cookies(&alone).1, ["session_token", "sid"]);
    is_too_late(&stage, "session_token=alice.4");
}

/// A logout that cannot end the old login is no logout, unless there was a session that it has ended.
#[test]
fn an_app_that_logs_out_while_nobody_can_judge_is_told_so() {
    let stage = start();
    stage.on(INTROSPECT, |_| Reply::new(500, &[], ""));
    stage.says("/none/leave", json!([{"type": "logout", "scope": "this"}]));
    let leave = |cookie: &str| stage.send(&with_cookie(Request::get("/none/leave"), cookie));
    assert_eq!(leave("session_token=alice.1").status, 503);
    let delete = with_cookie(Request::delete(SESSION), "session_token=alice.2");
    assert_eq!(stage.send(&delete).problem(503), "unavailable");
    let sid = stage.log_in("alice@example.com");
    assert_eq!(
        leave(&format!("sid={sid}; session_token=alice.3")).status,
        200
    );
    assert!(!stage.knows(&sid));
}

/// An app that knows when its users logged in gets those back who did so after they were logged out.
#[test]
fn a_login_that_is_younger_than_the_revocation_comes() {
    let stage = Stage::with([MIGRATION]);
    stage.on(INTROSPECT, |exchange| {
        let question = exchange.json();
        let token = question["cookies"]["session_token"].as_str().unwrap();
        let (_, at) = token.split_once('.').unwrap();
        let mut answer = identity("alice@example.com");
        answer["auth_time"] = match at {
            "unknown" => json!(null),
            "odd" => json!("yesterday"),
            at => json!(at.parse::<i64>().unwrap()),
        };
        Reply::json(200, &answer)
    });
    revoke(&stage, &["--user", "alice"]);
    let now = unix_now();
    is_too_late(&stage, &format!("session_token=a.{}", now - 60));
    is_too_late(&stage, "session_token=a.unknown");
    let login = format!("session_token=a.{}", now + 60);
    comes(&stage, &login);
    let sid = cookies(&ask(&stage, &login)).0.unwrap();
    stage.get_as(&sid, "/");
    assert_eq!(
        ask(&stage, "session_token=a.odd").problem(503),
        "unavailable"
    );
    let assertion = stage
        .app
        .last_request()
        .header("x-session-assertion")
        .unwrap();
    let key = stage.upstream_key(sidgate_testkit::app::NAME);
    let claims = sidgate_testkit::token::verify(&key, &assertion);
    let told = claims["auth_time"].as_i64().unwrap();
    assert!(
        (now - 5..=unix_now()).contains(&told),
        "a proof is not of tomorrow"
    );
    assert_eq!(questions(&stage.app).len(), 4);
}
