//! Clients that pretend to be the gateway, another proxy, or another connection. Catalogue: category A; the cases that need no story
//! of their own are in `vectors/a-headers.toml`.

use sidgate_testkit::upstream::Received;
use sidgate_testkit::{Request, Stage};

/// Sends these fields beside a session's cookie; they must not keep the request from the app.
fn passes(stage: &Stage, sid: &str, fields: &[(&str, &str)]) -> Received {
    let before = stage.app.requests().len();
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    let request = fields.iter().fold(Request::get("/app").sid(sid), add);
    let response = stage.send(&request);
    assert_eq!(response.status, 200, "{fields:?}: {response:?}");
    assert_eq!(stage.app.requests().len(), before + 1, "{fields:?}");
    stage.app.last_request()
}

#[test]
fn identity_headers_of_a_client_are_replaced() {
    let (stage, sid) = Stage::start().and_alice();
    let spoofs: [&[(&str, &str)]; 4] = [
        &[("X-Session-User-Id", "1")],
        &[("X-SESSION-USER-ID", "1")],
        &[("x-SESSION-user-id", "1"), ("X-Session-User-Id", "root")],
        &[("X-Session-State", "none"), ("X-Session-User-Id", "")],
    ];
    for spoof in spoofs {
        let seen = passes(&stage, &sid, spoof);
        assert_eq!(seen.all("x-session-user-id"), ["alice"], "{spoof:?}");
        assert_eq!(seen.all("x-session-state"), ["active"], "{spoof:?}");
    }
    let blocked = stage.metrics();
    let identity = [("kind", "identity")];
    assert_eq!(blocked.sum("sidgate_spoof_blocked_total", &identity), 6.0);
}

#[test]
fn trusted_proxy_names_the_client() {
    let stage = Stage::with(["[server]\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]"]);

    let request = Request::get("/").header("X-Forwarded-For", "6.6.6.6, 9.9.9.9, 10.0.0.1");
    stage.send(&request);

    let seen = stage.app.only_request();
    assert_eq!(seen.all("x-forwarded-for"), ["9.9.9.9"]);
}

#[test]
fn passthrough_header_reaches_the_app() {
    let stage = Stage::with(["[edge]\npassthrough_headers = [\"x-session-token\"]"]);

    stage.send(&Request::get("/").header("X-Session-Token", "of-allauth"));

    let seen = stage.app.only_request();
    assert_eq!(seen.all("x-session-token"), ["of-allauth"]);
}

#[test]
fn odd_header_names_can_be_dropped_instead() {
    let stage = Stage::with(["[edge]\nodd_header_names = \"drop\""]);

    let response = stage.send(&Request::get("/").header("X_Session_User_Id", "root"));

    assert_eq!(response.status, 200);
    let head = stage.app.only_request().head;
    assert!(!String::from_utf8_lossy(&head).contains("root"));
}
