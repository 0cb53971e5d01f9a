//! Clients that pretend to be the gateway, another proxy, or another connection. Catalogue: category A; the cases that need no story
//! of their own are in `vectors/a-headers.toml`.

use sidgate_testkit::upstream::Received;
use sidgate_testkit::{App, Gateway, Request, Response};

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
