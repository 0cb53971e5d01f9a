//! The same rules over HTTP/2, whose requests have no text to look at and whose cookies come in pieces.

use crate::support::h2::{Answer, send};
use crate::support::upstream::Received;
use crate::support::{App, Gateway};

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

    /// Sends a GET with these fields.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let host = self.gateway.host();
        let pseudo = [
            (":method", "GET"),
            (":scheme", "http"),
            (":path", path),
            (":authority", &*host),
        ];
        let fields: Vec<_> = pseudo.iter().chain(fields).copied().collect();
        send(self.gateway.address(), &fields)
    }

    fn passes(&self, path: &str, fields: &[(&str, &str)]) -> Received {
        let before = self.app.requests().len();
        let answer = self.send(path, fields);
        assert_eq!(answer.status(), 200, "{fields:?}: {answer:?}");
        assert_eq!(self.app.requests().len(), before + 1);
        self.app.last_request()
    }

    fn is_refused(&self, status: u16, path: &str, fields: &[(&str, &str)]) {
        let answer = self.send(path, fields);
        assert_eq!(answer.status(), status, "{path} {fields:?}: {answer:?}");
        assert!(self.app.requests().is_empty(), "{path} {fields:?}");
    }

    fn sid_pair(&self) -> String {
        format!("sid={}", self.sid)
    }
}

#[test]
fn cookies_in_pieces_become_one_line_without_the_sid() {
    let stage = Stage::set();
    let sid = stage.sid_pair();

    let seen = stage.passes(
        "/page?q=1",
        &[
            ("cookie", "theme=1"),
            ("cookie", &sid),
            ("cookie", "csrftoken=x"),
        ],
    );

    assert_eq!(seen.request_line(), "GET /page?q=1");
    assert_eq!(seen.all("cookie"), ["theme=1; csrftoken=x"]);
    assert_eq!(seen.all("x-session-user-id"), ["alice"]);
    assert_eq!(seen.all("host"), [stage.gateway.host()]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
}

#[test]
fn two_sids_in_two_pieces_are_refused() {
    let stage = Stage::set();
    let sid = stage.sid_pair();
    stage.is_refused(400, "/", &[("cookie", &sid), ("cookie", &sid)]);
    stage.is_refused(400, "/", &[("cookie", &sid), ("cookie", "sid=")]);
}

#[test]
fn identity_headers_of_a_client_are_replaced() {
    let stage = Stage::set();
    let sid = stage.sid_pair();

    let seen = stage.passes(
        "/",
        &[
            ("cookie", &sid),
            ("x-session-user-id", "root"),
            ("x-session-user-id", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("remote-user", "root"),
        ],
    );

    assert_eq!(seen.all("x-session-user-id"), ["alice"]);
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert!(seen.all("remote-user").is_empty());
}

#[test]
fn header_names_that_an_app_could_fold_are_refused() {
    let stage = Stage::set();
    for name in ["x_session_user_id", "x.session.user.id", "x~session"] {
        stage.is_refused(400, "/", &[(name, "root")]);
    }
}

#[test]
fn lengths_that_are_no_lengths_are_refused() {
    let stage = Stage::set();
    for length in ["5,5", "05", "+5"] {
        let answer = stage.send("/", &[("content-length", length)]);
        assert!([0, 400].contains(&answer.status()), "{length}: {answer:?}");
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn fields_of_the_connection_are_refused() {
    let stage = Stage::set();
    for (name, value) in [
        ("connection", "cookie"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "x"),
    ] {
        let answer = stage.send("/", &[(name, value)]);
        assert!([0, 400].contains(&answer.status()), "{name}: {answer:?}");
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn path_with_a_second_spelling_is_refused() {
    let stage = Stage::set();
    for path in [
        "//required",
        "/none/../required",
        "/none/%2e%2e/required",
        "/%72equired",
    ] {
        stage.is_refused(400, path, &[]);
    }
}

#[test]
fn host_beside_another_authority_is_refused() {
    let stage = Stage::set();
    stage.is_refused(400, "/", &[("host", "evil.example")]);
}

#[test]
fn authority_that_is_not_served_is_misdirected() {
    let stage = Stage::set();
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "evil.example"),
    ];
    assert_eq!(send(stage.gateway.address(), &fields).status(), 421);
    assert!(stage.app.requests().is_empty());
}

#[test]
fn required_route_is_closed() {
    let stage = Stage::set();
    stage.is_refused(401, "/required", &[]);
    let sid = stage.sid_pair();
    let seen = stage.passes("/required", &[("cookie", &sid)]);
    assert_eq!(seen.header("x-session-user-id").unwrap(), "alice");
}

#[test]
fn cookies_beyond_the_limit_are_refused() {
    let stage = Stage::set();
    let large = ["a", "b", "c"].map(|name| format!("{name}={}", "x".repeat(3_000)));
    let fields: Vec<_> = large.iter().map(|pair| ("cookie", pair.as_str())).collect();
    stage.is_refused(431, "/", &fields);
}
