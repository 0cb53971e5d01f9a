//! Old cookies become one session, inline: in the very request that brings them.

use serde_json::{Value, json};

use sidgate_testkit::legacy::{INTROSPECT, MIGRATION, knows_old_logins, questions};
use sidgate_testkit::wait::until_true;
use sidgate_testkit::{Gateway, Reply, Request, Response, SESSION, Stage};

pub(crate) fn start() -> Stage {
    start_with("")
}

pub(crate) fn start_with(more: &str) -> Stage {
    let stage = Stage::with([MIGRATION, more]);
    knows_old_logins(&stage.app);
    stage
}

pub(crate) fn with_cookie(request: Request, cookie: &str) -> Request {
    request.header("Cookie", cookie)
}

/// The sid that an answer sets, and the names that it clears.
pub(crate) fn cookies(response: &Response) -> (Option<String>, Vec<String>) {
    let (mut sid, mut cleared) = (None, Vec::new());
    for cookie in response.all("set-cookie") {
        let (name, rest) = cookie.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        if name == "sid" && !value.is_empty() {
            assert!(sid.is_none(), "two sids: {response:?}");
            sid = Some(value.to_owned());
        } else {
            assert!(cookie.contains("Max-Age=0"), "{cookie}");
            cleared.push(name.to_owned());
        }
    }
    cleared.sort();
    cleared.dedup();
    (sid, cleared)
}

pub(crate) fn result(gateway: &Gateway, result: &str) -> f64 {
    gateway.sum("sidgate_migration_total", &[("result", result)])
}

#[test]
fn the_request_itself_goes_on_as_the_user() {
    let stage = start();
    let cookie = "theme=dark; session_token=alice.1; onboarding_status={\"a\": 1}; dott_x=2";
    let body = "a=1&b=2".repeat(100);
    let request = with_cookie(Request::post("/required?q=1"), cookie)
        .header("User-Agent", "Testbrowser/1.0")
        .body(body.clone());

    let response = stage.send(&request).must_be(200);

    let seen = stage.app.only_request();
    assert_eq!(seen.request_line(), "POST /required?q=1");
    assert_eq!(seen.body, body.as_bytes());
    assert_eq!(seen.state(), "active");
    assert_eq!(seen.user().unwrap(), "alice");
    assert_eq!(
        seen.header("cookie").unwrap(),
        "theme=dark; onboarding_status={\"a\": 1}",
        "legacy names are hidden, except those that pass through"
    );
    let (sid, cleared) = cookies(&response);
    assert_eq!(cleared, ["dott_x", "onboarding_status", "session_token"]);
    assert_eq!(response.header("cache-control"), Some("private, no-store"));
    assert_eq!(stage.session_of(&sid.unwrap())["user"]["id"], "alice");

    let asked: Value = serde_json::from_slice(&questions(&stage.app)[0].body).unwrap();
    assert_eq!(
        asked,
        json!({
            "cookies": {"session_token": "alice.1", "onboarding_status": "{\"a\": 1}", "dott_x": "2"},
            "ip": "127.0.0.1", "user_agent": "Testbrowser/1.0"
        })
    );
    assert_eq!(result(&stage, "migrated"), 1.0);
    let log = stage.stdout();
    let line = log
        .lines()
        .find(|line| line.contains("\"migrated\"") && line.contains("migration"));
    let line: Value = serde_json::from_str(line.expect("a line for the migration")).unwrap();
    assert_eq!(line["session"], seen.header("x-session-id").unwrap());
    assert!(
        !stage.output().contains("alice.1"),
        "no old value in any log"
    );
}

#[test]
fn chunks_are_put_together_and_cleared() {
    let stage = start();

    let cookie = "dott_auth_session.1=.chunked; dott_auth_session.0=alice";
    let response = stage.send(&with_cookie(Request::get("/"), cookie));

    assert_eq!(stage.app.only_request().user().unwrap(), "alice");
    let (_, cleared) = cookies(&response);
    assert_eq!(cleared, ["dott_auth_session.0", "dott_auth_session.1"]);
}

#[test]
fn an_existing_session_wins_and_the_remains_are_cleared() {
    let (stage, sid) = start().and_alice();

    let cookie = format!("session_token=bob.1; sid={sid}");
    let response = stage.send(&with_cookie(Request::get("/"), &cookie));

    assert!(questions(&stage.app).is_empty());
    let seen = stage.app.only_request();
    assert_eq!(seen.user().unwrap(), "alice");
    assert_eq!(seen.header("cookie"), None);
    assert_eq!(cookies(&response), (None, vec!["session_token".to_owned()]));
}

#[test]
fn the_same_login_is_the_same_session_and_is_asked_once() {
    let mut stage = start();
    let ask = |stage: &Gateway, cookie: &str| {
        cookies(&stage.send(&with_cookie(Request::get("/required"), cookie)))
            .0
            .unwrap()
    };
    let first = ask(&stage, "session_token=alice.1; dott_auth_session=alice.2");
    assert_eq!(first, ask(&stage, "session_token=alice.1"));
    assert_eq!(first, ask(&stage, "dott_auth_session=alice.2"));
    assert_eq!(first, ask(&stage, "session_token=\"alice%2E1\""));
    stage.stop();
    stage.start_again();
    assert_eq!(
        first,
        ask(&stage, "session_token=alice.1; dott_auth_session=alice.2")
    );
    assert_eq!(questions(&stage.app).len(), 2, "once for each credential");
}

#[test]
fn a_login_that_has_ended_is_never_minted_again() {
    let stage = start();
    let cookie = "session_token=alice.1; theme=dark";
    let (sid, _) = cookies(&stage.send(&with_cookie(Request::get("/required"), cookie)));
    let logout = Request::delete(SESSION).sid(&sid.unwrap());
    assert_eq!(stage.send(&logout).status, 204);

    for target in ["/required", "/"] {
        let response = stage.send(&with_cookie(Request::get(target), cookie));
        assert_eq!(response.status, if target == "/" { 200 } else { 401 });
        assert_eq!(cookies(&response), (None, vec!["session_token".to_owned()]));
    }
    let seen = stage.app.last_request();
    assert_eq!(seen.state(), "anonymous");
    assert_eq!(seen.header("cookie").unwrap(), "theme=dark");
    assert_eq!(questions(&stage.app).len(), 1);
    assert!(result(&stage, "replayed") >= 1.0);
    let log = stage.stdout();
    let replays = log.lines().filter(|line| line.contains("\"replayed\""));
    let replays: Vec<Value> = replays
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!replays.is_empty() && replays.iter().all(|line| line["session"].is_string()));
}

#[test]
fn logging_out_ends_a_login_that_was_never_migrated() {
    let stage = start();

    let response = stage.send(&with_cookie(
        Request::delete(SESSION),
        "session_token=alice.1",
    ));

    assert_eq!(response.status, 204);
    let (_, cleared) = cookies(&response);
    assert_eq!(cleared, ["session_token", "sid"]);
    let again = stage.send(&with_cookie(
        Request::get("/required"),
        "session_token=alice.1",
    ));
    assert_eq!(again.status, 401);
}

#[test]
fn a_refusal_is_anonymous_cleared_and_remembered() {
    let stage = start();
    let garbage = format!("session_token={}", "%".repeat(4_000));
    for _ in 0..5 {
        let response = stage.send(&with_cookie(Request::get("/required"), &garbage));
        assert_eq!(response.status, 401, "{response:?}");
    }
    let response = stage.send(&with_cookie(Request::get("/"), "session_token=nobody.1"));
    assert_eq!(cookies(&response), (None, vec!["session_token".to_owned()]));
    assert_eq!(stage.app.only_request().state(), "anonymous");
    assert_eq!(questions(&stage.app).len(), 2, "once for each value");
    assert_eq!(result(&stage, "refused"), 2.0);
}

#[test]
fn whatever_is_no_answer_makes_no_session_and_clears_nothing() {
    let stage = start();
    let json = [("Content-Type", "application/json")];
    let no_answers = [
        Reply::new(500, &json, "{}"),
        Reply::new(302, &[("Location", "/login")], ""),
        Reply::new(200, &[("Content-Type", "text/html")], "<html>"),
        Reply::json(200, &json!({"user": {"id": 7}})),
        Reply::json(200, &json!({"user": {"id": ""}})),
        Reply::json(401, &json!({"code": "other"})),
        Reply::json(404, &json!({"code": "invalid"})),
        Reply::hang_up(),
        Reply::new(200, &json, &"x".repeat(100_000)),
        Reply::Silence,
    ];
    for (number, reply) in no_answers.into_iter().enumerate() {
        stage.on(INTROSPECT, move |_| reply.clone());
        let cookie = format!("session_token=alice.{number}");
        let response = stage.send(&with_cookie(Request::get("/required"), &cookie));
        assert_eq!(response.problem(503), "unavailable", "{number}");
        assert!(response.leaves_cookies_alone());
        assert!(response.header("retry-after").is_some());
    }
    assert!(stage.app.requests().is_empty());
    assert_eq!(result(&stage, "unavailable"), 10.0);
    assert_eq!(
        questions(&stage.app).len(),
        10,
        "each value has its own answer"
    );
    knows_old_logins(&stage.app);
    until_true(
        "the app is asked again",
        sidgate_testkit::wait::LONG,
        || {
            let request = with_cookie(Request::get("/required"), "session_token=alice.0");
            stage.send(&request).status == 200
        },
    );
}
