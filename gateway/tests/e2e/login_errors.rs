//! Logins that do not succeed: the documented error, no session, and nothing lost.

use std::time::Duration;

use serde_json::{Value, json};

use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::wait::instant;
use sidgate_testkit::{App, Gateway, Reply, Request, Response, SESSION, login};

/// A gateway whose user alice is logged in, and what a further login must leave as it is.
struct Stage {
    app: App,
    gateway: Gateway,
    sid: String,
}

impl Stage {
    fn set() -> Self {
        Self::with("")
    }

    fn with(config: &str) -> Self {
        let app = App::start();
        let gateway = Gateway::in_front_of(&app).with(config).start();
        let sid = gateway.log_in("alice@example.com");
        Self { app, gateway, sid }
    }

    /// Sends a login from alice's browser that must fail.
    fn fails(&self, request: Request, status: u16) -> (String, Response) {
        let (created, stored) = (self.created(), self.stored());
        let response = self.gateway.send(&request.sid(&self.sid));
        let code = response.problem(status);
        assert!(response.leaves_cookies_alone(), "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(self.created(), created, "no session was made");
        assert_eq!(self.stored(), stored, "no session was stored");
        assert!(self.gateway.knows(&self.sid), "the old session lives");
        (code, response)
    }

    /// The same with a backend that answers like this.
    fn fails_by(&self, reply: Reply, status: u16) -> (String, Response) {
        self.app.on_authenticate(reply);
        self.fails(login("bob@example.com", PASSWORD), status)
    }

    /// A backend without an answer that counts is never a session and never a rejection.
    fn is_unavailable(&self, reply: Reply) {
        let shown = format!("{reply:?}");
        let (code, response) = self.fails_by(reply, 503);
        assert_eq!(code, "unavailable", "{shown}");
        let retry_after = response.header("retry-after").expect("Retry-After");
        assert!(retry_after.parse::<u32>().is_ok(), "{retry_after}");
    }

    fn created(&self) -> f64 {
        let metrics = self.gateway.metrics();
        metrics.sum("sidgate_sessions_created_total", &[])
    }

    /// Sessions of bob in the store.
    fn stored(&self) -> usize {
        let config = self.gateway.config_file();
        let arguments = ["sessions", "list", "--user", "bob", "--config"];
        let arguments = [&arguments[..], &[config.to_str().unwrap()]].concat();
        let listed = sidgate(self.gateway.folder(), &arguments).success();
        listed.lines().count()
    }

    fn calls(&self) -> usize {
        self.app.backend_calls().len()
    }
}

fn refusal(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"code": code}))
}

#[test]
fn malformed_bodies_are_bad_requests() {
    let stage = Stage::set();
    let calls = stage.calls();
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        br#"{"email": "a@example.com"}"#,
        br#"{"password": "x"}"#,
        br#"{"email": "", "password": "x"}"#,
        br#"{"email": 7, "password": "x"}"#,
        br#"{"email": "a@example.com", "password": null}"#,
        b"{\"email\": \"a\xff\", \"password\": \"x\"}",
    ];
    for body in bodies {
        let request = Request::post(SESSION)
            .header("Content-Type", "application/json")
            .body(body);
        stage.fails(request, 400);
    }
    assert_eq!(stage.calls(), calls, "the backend was not asked");
}

#[test]
fn other_content_types_are_unsupported() {
    let stage = Stage::set();
    let body = json!({"email": "bob@example.com", "password": PASSWORD}).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "multipart/form-data",
    ] {
        let request = Request::post(SESSION)
            .header("Content-Type", kind)
            .body(body.clone());
        stage.fails(request, 415);
    }
    stage.fails(Request::post(SESSION).body(body), 415);
}

#[test]
fn charset_beside_the_content_type_is_fine() {
    let stage = Stage::set();
    let body = json!({"email": "bob@example.com", "password": PASSWORD}).to_string();

    let request = Request::post(SESSION)
        .header("Content-Type", "application/json; charset=utf-8")
        .body(body);

    assert_eq!(stage.gateway.send(&request).status, 201);
}

#[test]
fn oversized_body_is_refused() {
    let stage = Stage::set();
    let calls = stage.calls();
    let huge = "x".repeat(1024 * 1024);

    stage.fails(login(&huge, PASSWORD), 413);

    assert_eq!(stage.calls(), calls, "the backend was not asked");
}

#[test]
fn wrong_password_is_401() {
    let stage = Stage::set();

    let (code, _) = stage.fails(login("bob@example.com", "wrong"), 401);

    assert_eq!(code, "invalid_credentials");
}

#[test]
fn second_factor_is_asked_for() {
    let stage = Stage::set();
    let flows = json!(["totp", "webauthn"]);
    let reply = Reply::json(401, &json!({"code": "mfa_required", "flows": flows}));

    let (code, response) = stage.fails_by(reply, 401);

    assert_eq!(code, "mfa_required");
    assert_eq!(response.json()["flows"], flows);
}

#[test]
fn disabled_account_is_403() {
    let stage = Stage::set();

    let (code, _) = stage.fails_by(refusal(403, "account_disabled"), 403);

    assert_eq!(code, "account_disabled");
}

#[test]
fn locked_account_is_429_with_the_wait() {
    let stage = Stage::set();
    let reply = Reply::json(429, &json!({"code": "locked", "retry_after": 77}));

    let (code, response) = stage.fails_by(reply, 429);

    assert_eq!(code, "locked");
    assert_eq!(response.header("retry-after"), Some("77"));
}

#[test]
fn answers_outside_the_contract_are_unavailable() {
    let stage = Stage::set();
    let html = |status| Reply::new(status, &[("Content-Type", "text/html")], "<h1>Oh</h1>");
    let redirect = [("Location", "/login"), ("Content-Type", "application/json")];
    for reply in [
        html(200),
        html(401),
        html(500),
        html(502),
        Reply::new(302, &redirect, "{}"),
        Reply::new(204, &[], ""),
        refusal(500, "invalid_credentials"),
        refusal(401, "something_else"),
        refusal(403, "invalid_credentials"),
        refusal(404, "not_found"),
        Reply::json(200, &json!({"code": "invalid_credentials"})),
        Reply::json(401, &json!({})),
        Reply::hang_up(),
        Reply::Last(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
                .to_vec(),
        ),
        Reply::Last(b"rubbish\r\n\r\n".to_vec()),
    ] {
        stage.is_unavailable(reply);
    }
}

#[test]
fn identities_outside_the_contract_are_unavailable() {
    let stage = Stage::set();
    let changed = |pointer: &str, value: Value| {
        let mut identity = app::identity("bob@example.com");
        *identity.pointer_mut(pointer).unwrap() = value;
        Reply::json(200, &identity)
    };
    for reply in [
        changed("/user", json!({})),
        changed("/user", json!("bob")),
        changed("/user/id", json!("")),
        changed("/user/id", json!(7)),
        changed("/user/id", json!("with space")),
        changed("/user/id", json!("line\r\nfeed")),
        changed("/user/id", json!("x".repeat(129))),
        changed("/tenant_id", json!("b\u{e9}")),
        changed("/attributes", json!([])),
        changed("/attributes/plan", json!("x".repeat(20_000))),
        changed("", json!([])),
        Reply::json(200, &json!({"user": {"id": "bob"}, "surprise": 1})),
    ] {
        stage.is_unavailable(reply);
    }
}

#[test]
fn slow_backend_is_unavailable_after_its_timeout() {
    let stage = Stage::with("[backend]\ntimeout = \"300ms\"");
    let start = instant();

    stage.is_unavailable(Reply::Silence);

    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
}

#[test]
fn backend_that_nobody_runs_is_unavailable() {
    let port = sidgate_testkit::port::free_port();
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[backend]\nupstream = \"gone\"\n[upstreams.gone]\nservers = [\"127.0.0.1:{port}\"]"
        ))
        .start();

    let response = gateway.try_login("bob@example.com");

    assert_eq!(response.problem(503), "unavailable");
    assert!(response.header("retry-after").is_some());
    assert!(response.leaves_cookies_alone());
}
