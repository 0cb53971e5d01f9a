//! Operating a migration: shadow, a share of the users, back to off, and what the report says.

use rustix::process::Signal;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::legacy::questions;
use sidgate_testkit::upstream::Received;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Response};

use crate::migration::{cookies, start, start_with, with_cookie};

/// Changes the running configuration.
fn reload(gateway: &Gateway, from: &str, to: &str) {
    let done = |gateway: &Gateway| gateway.stdout().matches("configuration reloaded").count();
    let before = done(gateway);
    gateway.reconfigure(|_, text| {
        assert!(text.contains(from), "{from} in {text}");
        text.replace(from, to)
    });
    gateway.signal(Signal::HUP);
    until_true("the reload", LONG, || done(gateway) > before);
}

/// Switches the mode of a running gateway.
pub(crate) fn mode(gateway: &Gateway, from: &str, to: &str) {
    reload(
        gateway,
        &format!("mode = \"{from}\""),
        &format!("mode = \"{to}\""),
    );
}

/// Everything of a request that does not differ from one to the next by itself.
fn fixed_request(received: &Received) -> (Vec<(String, String)>, Vec<u8>) {
    let mut headers = received.headers();
    headers.retain(|(name, _)| {
        !["x-request-id", "x-session-assertion"].contains(&&*name.to_lowercase())
    });
    headers.insert(0, (received.request_line(), String::new()));
    (headers, received.body.clone())
}

fn fixed_response(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| !["x-request-id", "date"].contains(&&*name.to_lowercase()));
    // Problem documents name the request, too.
    let id = response.header("x-request-id").unwrap_or_default();
    let body = response.text().replace(id, "*").into_bytes();
    (response.status, headers, body)
}

#[test]
fn shadow_changes_not_one_byte() {
    let stage = start_with("[migration]\nmode = \"off\"");
    stage.on("/cached", |_| {
        Reply::new(
            200,
            &[
                ("Cache-Control", "public"),
                ("Set-Cookie", "session_token=z"),
            ],
            "x",
        )
    });
    let sid = stage.log_in("alice@example.com");
    let requests = [
        with_cookie(
            Request::get("/?a=1"),
            "theme=1; session_token=alice.1; dott_x=2",
        ),
        with_cookie(Request::post("/required"), "session_token=alice.2").body("body"),
        with_cookie(
            Request::get("/required"),
            "dott_auth_session.0=nobody; dott_auth_session.1=.3",
        ),
        with_cookie(
            Request::get("/"),
            &format!("sid={sid}; session_token=alice.4"),
        ),
        with_cookie(
            Request::get("/"),
            &format!("session_token=bob.5; sid={sid}"),
        ),
        with_cookie(
            Request::get("/cached"),
            "session_token=alice.6; session_token=bob.6",
        ),
        with_cookie(
            Request::get("/api/auth/session-v2"),
            "session_token=alice.7",
        ),
        with_cookie(Request::get("/none"), "session_token=alice.8"),
        Request::get("/"),
    ];
    let record = || {
        let seen = stage.app.requests().len();
        let responses: Vec<_> = requests
            .iter()
            .map(|one| fixed_response(&stage.send(one)))
            .collect();
        let received: Vec<_> = stage.app.requests()[seen..]
            .iter()
            .map(fixed_request)
            .collect();
        (responses, received)
    };
    let off = record();
    assert!(questions(&stage.app).is_empty());
    mode(&stage, "off", "shadow");
    let shadow = record();
    assert_eq!(off, shadow);
    until_true("the judgements", LONG, || {
        // Shadows that found no turn are left for the next request.
        record();
        let metrics = stage.metrics();
        let count = |result| metrics.sum("sidgate_migration_total", &[("result", result)]);
        // Matching: alice.1, 2, 4, 7. Not: nobody.3, bob.5 with the session of alice, and an ambiguous one.
        (count("shadow_match"), count("shadow_mismatch")) == (4.0, 3.0)
    });
    assert_eq!(off, record());
    assert_eq!(questions(&stage.app).len(), 8, "once for each login");
}

#[test]
fn a_share_of_the_users_is_migrated_and_the_others_are_left_alone() {
    let stage = start_with("[migration]\nrollout_percent = 0");
    let request = with_cookie(Request::get("/"), "session_token=alice.1; dott_x=1");
    let response = stage.send(&request);
    assert!(response.leaves_cookies_alone());
    let seen = stage.app.last_request();
    assert_eq!(
        seen.header("cookie").unwrap(),
        "session_token=alice.1; dott_x=1"
    );
    assert_eq!(seen.state(), "anonymous");
    assert!(questions(&stage.app).is_empty());
    reload(&stage, "rollout_percent = 0", "rollout_percent = 100");
    assert!(cookies(&stage.send(&request)).0.is_some());
}

#[test]
fn on_off_on_logs_nobody_out() {
    let stage = start();
    let old = with_cookie(Request::get("/required"), "session_token=alice.1");
    let sid = cookies(&stage.send(&old)).0.unwrap();
    let new = Request::get("/required").sid(&sid);

    mode(&stage, "on", "off");
    assert_eq!(
        stage.send(&new).status,
        200,
        "who has been migrated stays logged in"
    );
    let untouched = with_cookie(Request::get("/"), "session_token=bob.1; dott_x=1");
    let response = stage.send(&untouched);
    assert!(response.leaves_cookies_alone());
    let cookie = stage.app.last_request().header("cookie");
    assert_eq!(cookie.unwrap(), "session_token=bob.1; dott_x=1");

    mode(&stage, "off", "on");
    assert_eq!(stage.send(&new).status, 200);
    assert_eq!(
        cookies(&stage.send(&old)).0.unwrap(),
        sid,
        "the same session"
    );
    assert!(cookies(&stage.send(&untouched)).0.is_some());
}

#[test]
fn the_report_says_what_is_still_seen() {
    let mut stage = start();
    let report = |stage: &Gateway| {
        let config = stage.config_file();
        let arguments = ["migration", "report", "--config", config.to_str().unwrap()];
        sidgate(stage.folder(), &arguments).success()
    };
    assert!(report(&stage).contains("Safe to remove: unknown"));
    for number in 0..3 {
        let cookie = format!("session_token=alice.{number}; dott_x=1");
        stage.send(&with_cookie(Request::get("/"), &cookie));
    }
    stage.send(&with_cookie(Request::get("/"), "session_token=nobody.1"));
    stage.stop();
    let text = report(&stage);
    let says = |label: &str, times: u64| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        let sums: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
        assert_eq!(sums.get(1), Some(&&*times.to_string()), "{label} in {text}");
    };
    says("migrated", 3);
    says("refused", 1);
    says("session_token", 4);
    says("dott_*", 3);
    assert!(
        text.contains("3 in the last 24 hours, 0 in the 24 before: rising"),
        "{text}"
    );
    assert!(text.contains("Safe to remove: no, 4 requests"), "{text}");
}
