//! Clients that pretend to be the gateway, another proxy, or another connection. Catalogue: category A.

use crate::support::upstream::Received;
use crate::support::{App, Gateway, Request, Response};

/// A gateway in front of an app, and a session of alice.
struct Stage {
    app: App,
    gateway: Gateway,
    sid: String,
}

impl Stage {
    fn set() -> Self {
        let app = App::start();
        let gateway = Gateway::in_front_of(&app).start();
        let sid = gateway.log_in("alice@example.com");
        Self { app, gateway, sid }
    }

    /// Sends these fields beside alice's cookie; they must not keep the request from the app.
    fn passes(&self, fields: &[(&str, &str)]) -> Received {
        let before = self.app.requests().len();
        let response = self.send(fields);
        assert_eq!(response.status, 200, "{fields:?}: {response:?}");
        assert_eq!(self.app.requests().len(), before + 1, "{fields:?}");
        self.app.last_request()
    }

    /// Sends these fields beside alice's cookie; the request must be refused before anything else is done with it.
    fn is_refused(&self, fields: &[(&str, &str)]) {
        let lookups = self.gateway.metrics().sum("sidgate_resolve_total", &[]);
        let bytes = self.request(fields).bytes(&self.gateway.host());
        let response = self.gateway.send_refused(&bytes);
        assert_eq!(response.problem(400), "bad_request", "{fields:?}");
        assert_eq!(response.header("connection"), Some("close"), "{fields:?}");
        assert!(self.app.requests().is_empty(), "{fields:?} reached the app");
        let now = self.gateway.metrics().sum("sidgate_resolve_total", &[]);
        assert_eq!(now, lookups, "{fields:?} cost a look-up");
    }

    fn send(&self, fields: &[(&str, &str)]) -> Response {
        self.gateway.send(&self.request(fields))
    }

    fn request(&self, fields: &[(&str, &str)]) -> Request {
        let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        fields.iter().fold(Request::get("/app").sid(&self.sid), add)
    }
}

#[test]
fn identity_headers_of_a_client_are_replaced() {
    let stage = Stage::set();
    let spoofs: [&[(&str, &str)]; 4] = [
        &[("X-Session-User-Id", "1")],
        &[("X-SESSION-USER-ID", "1")],
        &[("x-SESSION-user-id", "1"), ("X-Session-User-Id", "root")],
        &[("X-Session-State", "none"), ("X-Session-User-Id", "")],
    ];
    for spoof in spoofs {
        let seen = stage.passes(spoof);
        assert_eq!(seen.all("x-session-user-id"), ["alice"], "{spoof:?}");
        assert_eq!(seen.all("x-session-state"), ["active"], "{spoof:?}");
    }
    let blocked = stage.gateway.metrics();
    let identity = [("kind", "identity")];
    assert_eq!(blocked.sum("sidgate_spoof_blocked_total", &identity), 6.0);
}

#[test]
fn identity_headers_of_an_anonymous_client_are_removed() {
    let stage = Stage::set();

    let request = Request::get("/app")
        .header("X-Session-User-Id", "root")
        .header("X-Session-Assertion", "a.b.c")
        .header("X-Session-Whatever", "root");
    stage.gateway.send(&request);

    let seen = stage.app.only_request();
    assert_eq!(seen.header("x-session-state").unwrap(), "anonymous");
    assert_eq!(seen.header("x-session-user-id"), None);
    assert_eq!(seen.header("x-session-whatever"), None);
    assert_ne!(seen.header("x-session-assertion").unwrap(), "a.b.c");
}

#[test]
fn header_names_that_an_app_could_fold_are_refused() {
    let stage = Stage::set();
    let names = [
        "x_session_user_id",
        "X_Session_User_Id",
        "X-Session_User_Id",
        "x_session-user-id",
        "X.Session.User.Id",
        "X'Session'User'Id",
        "X~Session~User~Id",
        "X!Session!User!Id",
        "X|Session|User|Id",
        "X+Session+User+Id",
        "X`Session`User`Id",
        "Transfer_Encoding",
        "Content_Length",
        "Remote_User",
        "anything_else",
    ];
    for name in names {
        stage.is_refused(&[(name, "1")]);
    }
}

#[test]
fn connection_header_cannot_name_other_fields() {
    let stage = Stage::set();
    let named = [
        "X-Session-User-Id",
        "close, X-Session-User-Id",
        "x-session-state",
        "x-session-assertion",
        "Cookie",
        "host",
        "content-length",
        "authorization",
        "keep-alive, Cookie",
    ];
    for value in named {
        stage.is_refused(&[("Connection", value)]);
    }
    stage.is_refused(&[
        ("X_Session_User_Id", "root"),
        ("Connection", "close, X-Session-User-Id"),
    ]);
}

#[test]
fn reserved_names_never_reach_the_app_with_a_value_of_the_client() {
    let stage = Stage::set();
    let names = [
        "X-Session-Token",
        "X-Session-Event",
        "X-Sidgate-Request",
        "X-Sidgate-Anything",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "Forwarded",
        "X-Real-IP",
        "X-Original-URL",
        "X-Original-Host",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-Middleware-Subrequest",
        "X-Middleware-Rewrite",
        "X-Matched-Path",
        "X-Now-Route-Matches",
        "Remote-User",
        "Http-Remote-User",
        "Http-X-Session-User-Id",
        "Proxy",
    ];
    for name in names {
        let seen = stage.passes(&[(name, "spoofed-by-client")]);
        let head = String::from_utf8_lossy(&seen.head).into_owned();
        assert!(!head.contains("spoofed-by-client"), "{name}: {head}");
    }
}

#[test]
fn forwarding_headers_are_written_anew() {
    let stage = Stage::set();

    let seen = stage.passes(&[
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Port", "443"),
    ]);

    let port = stage.gateway.public_port().to_string();
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.all("x-forwarded-host"), [stage.gateway.host()]);
    assert_eq!(seen.all("x-forwarded-port"), [port]);
}

#[test]
fn trusted_proxy_names_the_client() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[server]\ntrusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]")
        .start();

    let request = Request::get("/").header("X-Forwarded-For", "6.6.6.6, 9.9.9.9, 10.0.0.1");
    gateway.send(&request);

    let seen = app.only_request();
    assert_eq!(seen.all("x-forwarded-for"), ["9.9.9.9"]);
}

#[test]
fn passthrough_header_reaches_the_app() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[edge]\npassthrough_headers = [\"x-session-token\"]")
        .start();

    gateway.send(&Request::get("/").header("X-Session-Token", "of-allauth"));

    let seen = app.only_request();
    assert_eq!(seen.all("x-session-token"), ["of-allauth"]);
}

#[test]
fn odd_header_names_can_be_dropped_instead() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[edge]\nodd_header_names = \"drop\"")
        .start();

    let response = gateway.send(&Request::get("/").header("X_Session_User_Id", "root"));

    assert_eq!(response.status, 200);
    let head = app.only_request().head;
    assert!(!String::from_utf8_lossy(&head).contains("root"));
}

#[test]
fn fields_of_the_connection_stop_at_the_gateway() {
    let stage = Stage::set();

    let seen = stage.passes(&[
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "X-Session-User-Id"),
        ("TE", "trailers"),
        ("Trailer", "X-Session-User-Id"),
    ]);

    for name in ["keep-alive", "proxy-connection", "te", "trailer"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.all("x-session-user-id"), ["alice"]);
}
