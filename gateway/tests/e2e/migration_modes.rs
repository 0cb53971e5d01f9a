//! Operating a migration: shadow, a share of the users, back to off, and what the report says.

use rustix::process::Signal;

use crate::migration::{cookies, start, start_with, with_cookie};
use crate::support::cli::sidgate;
use crate::support::legacy::questions;
use crate::support::upstream::Received;
use crate::support::wait::{LONG, until_true};
use crate::support::{App, Gateway, Reply, Request, Response};

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
    let app = App::start();
    let gateway = start_with(&app, "[migration]\nmode = \"off\"");
    app.on("/cached", |_| {
        Reply::new(
            200,
            &[
                ("Cache-Control", "public"),
                ("Set-Cookie", "session_token=z"),
            ],
            "x",
        )
    });
    let sid = gateway.log_in("alice@example.com");
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
        let seen = app.requests().len();
        let responses: Vec<_> = requests
            .iter()
            .map(|one| fixed_response(&gateway.send(one)))
            .collect();
        let received: Vec<_> = app.requests()[seen..].iter().map(fixed_request).collect();
        (responses, received)
    };
    let off = record();
    assert!(questions(&app).is_empty());
    mode(&gateway, "off", "shadow");
    let shadow = record();
    assert_eq!(off, shadow);
    until_true("the judgements", LONG, || {
        // Shadows that found no turn are left for the next request.
        record();
        let metrics = gateway.metrics();
        let count = |result| metrics.sum("sidgate_migration_total", &[("result", result)]);
        // Matching: alice.1, 2, 4, 7. Not: nobody.3, bob.5 with the session of alice, and an ambiguous one.
        (count("shadow_match"), count("shadow_mismatch")) == (4.0, 3.0)
    });
    assert_eq!(off, record());
    assert_eq!(questions(&app).len(), 7, "once for each login");
}

#[test]
fn a_share_of_the_users_is_migrated_and_the_others_are_left_alone() {
    let app = App::start();
    let gateway = start_with(&app, "[migration]\nrollout_percent = 0");
    let request = with_cookie(Request::get("/"), "session_token=alice.1; dott_x=1");
    let response = gateway.send(&request);
    assert!(response.leaves_cookies_alone());
    let seen = app.last_request();
    assert_eq!(
        seen.header("cookie").unwrap(),
        "session_token=alice.1; dott_x=1"
    );
    assert_eq!(seen.header("x-session-state").unwrap(), "anonymous");
    assert!(questions(&app).is_empty());
    reload(&gateway, "rollout_percent = 0", "rollout_percent = 100");
    assert!(cookies(&gateway.send(&request)).0.is_some());
}

#[test]
fn on_off_on_logs_nobody_out() {
    let app = App::start();
    let gateway = start(&app);
    let old = with_cookie(Request::get("/required"), "session_token=alice.1");
    let sid = cookies(&gateway.send(&old)).0.unwrap();
    let new = Request::get("/required").sid(&sid);

    mode(&gateway, "on", "off");
    assert_eq!(
        gateway.send(&new).status,
        200,
        "who has been migrated stays logged in"
    );
    let untouched = with_cookie(Request::get("/"), "session_token=bob.1; dott_x=1");
    let response = gateway.send(&untouched);
    assert!(response.leaves_cookies_alone());
    let cookie = app.last_request().header("cookie");
    assert_eq!(cookie.unwrap(), "session_token=bob.1; dott_x=1");

    mode(&gateway, "off", "on");
    assert_eq!(gateway.send(&new).status, 200);
    assert_eq!(
        cookies(&gateway.send(&old)).0.unwrap(),
        sid,
        "the same session"
    );
    assert!(cookies(&gateway.send(&untouched)).0.is_some());
}

#[test]
fn old_cookies_return_when_migration_is_switched_off() {
    let app = App::start();
    let gateway = start_with(
        &app,
        "[migration]\nrollback_reissue = true\nclear_domains = []",
    );
    let old = "session_token=alice.1; onboardingStep=3; theme=1";
    let sid = cookies(&gateway.send(&with_cookie(Request::get("/"), old)))
        .0
        .unwrap();
    let new = with_cookie(Request::get("/required"), &format!("theme=1; sid={sid}"));
    assert!(gateway.send(&new).leaves_cookies_alone());

    mode(&gateway, "on", "off");
    let response = gateway.send(&new);
    assert_eq!(response.status, 200);
    let returned: Vec<_> = response
        .all("set-cookie")
        .iter()
        .map(|one| one.split(';').next().unwrap().to_owned())
        .collect();
    assert_eq!(returned, ["session_token=alice.1", "onboardingStep=3"]);
    let seen = app.last_request().header("cookie").unwrap();
    assert_eq!(
        seen, "theme=1; session_token=alice.1; onboardingStep=3",
        "the app sees them at once"
    );
    let both = with_cookie(Request::get("/required"), &format!("{old}; sid={sid}"));
    let response = gateway.send(&both);
    assert!(response.leaves_cookies_alone());
    assert_eq!(app.last_request().header("cookie").unwrap(), old);

    mode(&gateway, "off", "on");
    assert_eq!(gateway.send(&both).status, 200);
    assert_eq!(
        app.last_request().header("x-session-user-id").unwrap(),
        "alice"
    );
    // What was kept goes with the session, and is not returned to anybody after that.
    assert_eq!(
        gateway
            .send(&Request::delete(crate::support::SESSION).sid(&sid))
            .status,
        204
    );
    mode(&gateway, "on", "off");
    assert!(
        gateway
            .send(&Request::get("/").sid(&sid))
            .leaves_cookies_alone()
    );
}

#[test]
fn the_report_says_what_is_still_seen() {
    let app = App::start();
    let mut gateway = start(&app);
    let report = |gateway: &Gateway| {
        let config = gateway.config_file();
        let arguments = ["migration", "report", "--config", config.to_str().unwrap()];
        sidgate(gateway.folder(), &arguments).success()
    };
    assert!(report(&gateway).contains("Safe to remove: unknown"));
    for number in 0..3 {
        let cookie = format!("session_token=alice.{number}; dott_x=1");
        gateway.send(&with_cookie(Request::get("/"), &cookie));
    }
    gateway.send(&with_cookie(Request::get("/"), "session_token=nobody.1"));
    gateway.stop();
    let text = report(&gateway);
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
