//! Several old credentials in one request: whoever comes is named by every valid one, and nothing is cleared for the
//! company it keeps.

use serde_json::{Value, json};
use session_testing::TestPostgres;
use sidgate_testkit::legacy::{INTROSPECT, MIGRATE, MIGRATION, judge, knows_old_logins, questions};
use sidgate_testkit::stores::{sql_number, store_config};
use sidgate_testkit::{Gateway, Reply, Request, Response, SESSION, Stage};

use crate::migration::{cookies, result, start, start_with, with_cookie};

fn ask(gateway: &Gateway, cookie: &str) -> Response {
    gateway.send(&with_cookie(Request::get("/required"), cookie))
}

/// The login becomes a session by itself.
fn migrated(gateway: &Gateway, cookie: &str) -> String {
    cookies(&ask(gateway, cookie)).0.expect("a sid")
}

fn user(gateway: &Gateway, sid: &str) -> String {
    let user = &gateway.session_of(sid)["user"]["id"];
    user.as_str().unwrap().to_owned()
}

fn is_nobody(response: &Response, status: u16) {
    assert_eq!(response.status, status, "{response:?}");
    assert!(response.leaves_cookies_alone(), "{response:?}");
}

#[test]
fn a_planted_credential_logs_nobody_in() {
    let stage = start();
    migrated(&stage, "dott_auth_session=mallory.1");
    migrated(&stage, "session_token=alice.2");
    let planted = [
        // New beside what is a session already, and the other way round.
        "session_token=alice.1; dott_auth_session=mallory.1",
        "dott_auth_session=mallory.9; session_token=alice.2",
        // Both are sessions.
        "session_token=alice.2; dott_auth_session=mallory.1",
        // A whole one beside chunks, under the same name and in both orders.
        "dott_auth_session.0=alice; dott_auth_session.1=.3; dott_auth_session=mallory.1",
        "dott_auth_session=mallory.9; dott_auth_session.0=alice; dott_auth_session.1=.3",
        // Two of one name.
        "session_token=mallory.9; session_token=alice.4",
        "session_token=alice.4; session_token=mallory.9",
        // Behind one that is worth nothing.
        "session_token=nobody.1; session_token=alice.4; dott_auth_session=mallory.1",
    ];
    for cookie in planted {
        is_nobody(&ask(&stage, cookie), 401);
        is_nobody(
            &stage.send(&with_cookie(Request::post(MIGRATE), cookie)),
            401,
        );
    }
    assert!(result(&stage, "ambiguous") >= planted.len() as f64);
    let requests = stage.app.requests();
    let users = requests.iter().filter_map(|seen| seen.user());
    let mallory = users.filter(|user| user == "mallory").count();
    assert_eq!(mallory, 1, "by the one credential alone");
    // The victim alone still comes.
    let sid = migrated(&stage, "session_token=alice.4");
    assert_eq!(user(&stage, &sid), "alice");
}

#[test]
fn a_dead_credential_costs_nobody_their_login() {
    let stage = start();
    let sid = migrated(&stage, "dott_auth_session=mallory.1");
    assert_eq!(stage.log_out(&sid).status, 204);
    for (cookie, cleared) in [
        (
            "session_token=alice.1; dott_auth_session=mallory.1",
            &["dott_auth_session", "session_token"][..],
        ),
        (
            "session_token=nobody.1; session_token=alice.2",
            &["session_token"],
        ),
        (
            "session_token=alice.3; session_token=nobody.2",
            &["session_token"],
        ),
    ] {
        let response = ask(&stage, cookie);
        assert_eq!(response.status, 200, "{cookie}: {response:?}");
        let (sid, gone) = cookies(&response);
        assert_eq!(user(&stage, &sid.unwrap()), "alice");
        assert_eq!(gone, cleared, "{cookie}");
    }
}

#[test]
fn dead_ones_alone_are_cleared_by_name() {
    let stage = start();
    let response = ask(&stage, "session_token=bad-1; session_token=bad-2; dott_x=1");
    assert_eq!(response.status, 401);
    let names = ["dott_x", "session_token"].map(str::to_owned);
    assert_eq!(cookies(&response), (None, names.to_vec()));
    assert_eq!(questions(&stage.app).len(), 2);
}

#[test]
fn two_credentials_of_one_user_are_one_session_and_both_lead_to_it() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([MIGRATION, &store_config(&database)]);
    knows_old_logins(&stage.app);
    let cookie = "session_token=alice.1; dott_auth_session=alice.2; session_token=alice.3";
    let first = migrated(&stage, cookie);
    for alone in [
        "session_token=alice.1",
        "dott_auth_session=alice.2",
        "session_token=alice.3",
    ] {
        assert_eq!(migrated(&stage, alone), first, "{alone}");
    }
    // One that comes later joins the session that is there.
    let joined = migrated(&stage, "session_token=alice.1; dott_auth_session=alice.4");
    assert_eq!(joined, first);
    assert_eq!(migrated(&stage, "dott_auth_session=alice.4"), first);
    assert_eq!(
        sql_number(&database, "SELECT count(*) FROM sidgate_session"),
        1
    );
    assert_eq!(
        sql_number(&database, "SELECT count(*) FROM sidgate_legacy"),
        4
    );
    assert_eq!(questions(&stage.app).len(), 4);
    assert_eq!(stage.log_out(&first).status, 204);
    for alone in ["session_token=alice.1", "dott_auth_session=alice.4"] {
        assert_eq!(ask(&stage, alone).status, 401, "{alone}");
    }
}

#[test]
fn of_two_sessions_the_newest_comes_and_the_other_cookie_is_not_judged_for_it() {
    let stage = start();
    let older = migrated(&stage, "session_token=alice.1");
    let newer = migrated(&stage, "dott_auth_session=alice.2");
    assert_ne!(older, newer);
    for cookie in [
        "session_token=alice.1; dott_auth_session=alice.2",
        "dott_auth_session=alice.2; session_token=alice.1",
    ] {
        let response = ask(&stage, cookie);
        let (sid, cleared) = cookies(&response);
        assert_eq!(sid.as_deref(), Some(&*newer));
        assert_eq!(
            cleared,
            ["dott_auth_session"],
            "the other one leads elsewhere"
        );
    }
    let beside = format!("sid={newer}; session_token=alice.1");
    let (_, cleared) = cookies(&ask(&stage, &beside));
    assert_eq!(
        cleared,
        ["session_token"],
        "beside a session it is a leftover"
    );
}

#[test]
fn beside_one_that_nobody_can_judge_nobody_comes() {
    let stage = Stage::with([MIGRATION]);
    stage.on(INTROSPECT, |exchange| {
        let question = exchange.json();
        let fails = question["cookies"].to_string().contains("broken");
        if fails {
            Reply::new(500, &[], "")
        } else {
            judge(&question)
        }
    });
    migrated(&stage, "dott_auth_session=alice.1");
    for cookie in [
        "session_token=broken.1; dott_auth_session=alice.1",
        "session_token=broken.2; session_token=alice.2",
        "session_token=broken.3; session_token=nobody.1",
        "session_token=broken.4",
    ] {
        is_nobody(&ask(&stage, cookie), 503);
    }
    assert_eq!(result(&stage, "ambiguous"), 2.0, "beside a valid one");
    assert_eq!(result(&stage, "unavailable"), 2.0);
    assert_eq!(
        ask(&stage, "session_token=alice.2").status,
        200,
        "by itself"
    );
}

#[test]
fn what_nobody_can_tell_apart_is_not_judged() {
    let stage = start();
    for cookie in [
        "session_token=alice.1; session_token=b; session_token=c; session_token=d; session_token=e",
        "dott_auth_session.0=alice; dott_auth_session.0=mallory; dott_auth_session.1=.1",
        "session_token=alice.1; dott_auth_session.0=a; dott_auth_session.0=b",
    ] {
        is_nobody(&ask(&stage, cookie), 401);
        let seen = stage.send(&with_cookie(
            Request::get("/"),
            &format!("{cookie}; theme=1"),
        ));
        assert!(seen.leaves_cookies_alone());
        let hidden = stage.app.last_request().header("cookie").unwrap();
        assert_eq!(hidden, "theme=1", "no app sees a credential");
    }
    assert!(questions(&stage.app).is_empty());
    assert_eq!(result(&stage, "ambiguous"), 6.0);
}

#[test]
fn logging_out_ends_every_login_that_came() {
    let stage = start();
    let sid = migrated(&stage, "session_token=alice.1");
    let cookie = "session_token=alice.1; dott_auth_session=mallory.2; session_token=alice.3";
    let response = stage.send(&with_cookie(Request::delete(SESSION), cookie));
    assert_eq!(response.status, 204, "{response:?}");
    let (_, cleared) = cookies(&response);
    assert_eq!(cleared, ["dott_auth_session", "session_token", "sid"]);
    assert!(!stage.knows(&sid));
    for alone in [
        "session_token=alice.1",
        "dott_auth_session=mallory.2",
        "session_token=alice.3",
    ] {
        assert_eq!(ask(&stage, alone).status, 401, "{alone}");
    }
}

#[test]
fn names_are_cleared_whatever_their_values_are() {
    let stage = start();
    let raw = "session_token=alice.1; dott_company=Caf\u{e9}; dott_a=1";
    let response = stage.send(&with_cookie(Request::get("/required"), raw));
    assert_eq!(response.status, 200);
    let (_, cleared) = cookies(&response);
    assert_eq!(cleared, ["dott_a", "dott_company", "session_token"]);
    let asked: Value = serde_json::from_slice(&questions(&stage.app)[0].body).unwrap();
    assert_eq!(
        asked["cookies"],
        json!({"session_token": "alice.1", "dott_company": "Caf\u{e9}", "dott_a": "1"})
    );
    // A credential with such a value is no login, and is counted.
    let unreadable = "session_token=Caf\u{e9}";
    is_nobody(&ask(&stage, unreadable), 401);
    assert_eq!(result(&stage, "unreadable"), 1.0);
    let beside = ask(&stage, "session_token=Caf\u{e9}; session_token=alice.5");
    assert_eq!(beside.status, 200);
    assert_eq!(cookies(&beside).1, ["session_token"]);
}

#[test]
fn one_login_in_the_first_share_is_enough() {
    let stage = start_with("[migration]\nrollout_percent = 50");
    let chosen = |cookie: &str| cookies(&ask(&stage, cookie)).0.is_some();
    let alone: Vec<bool> = (0..12)
        .map(|number| chosen(&format!("session_token=alice.{number}")))
        .collect();
    let inside = alone.iter().position(|one| *one).expect("one of twelve");
    let outside = alone.iter().position(|one| !one).expect("one of twelve");
    assert!(chosen(&format!(
        "session_token=alice.{outside}; session_token=alice.{inside}"
    )));
}
