//! The TLS listener.

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::port::free_port;
use sidgate_testkit::{App, Gateway, Request, Response, login, tls};

/// A gateway whose public origin is https.
struct Stage {
    app: App,
    gateway: Gateway,
    port: u16,
}

impl Stage {
    fn set() -> Self {
        Self::with("")
    }

    fn with_redirect() -> Self {
        Self::with("[server]\nredirect_https = true")
    }

    fn with(config: &str) -> Self {
        let app = App::start();
        let port = free_port();
        let (cert, key) = tls::files();
        let gateway = Gateway::in_front_of(&app)
            .with(&format!(
                r#"
                [server]
                public_origin = "https://localhost:{port}"
                [server.tls]
                listen = ["127.0.0.1:{port}"]
                cert = {cert:?}
                key = {key:?}
                "#
            ))
            .with(config)
            .start();
        Self { app, gateway, port }
    }

    fn send(&self, request: Request) -> Response {
        let request = request.header("Connection", "close");
        tls::send(self.port, &request.bytes(&self.host()))
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }
}

#[test]
fn session_works_over_tls() {
    let stage = Stage::set();

    let response = stage.send(login("alice@example.com", PASSWORD));
    assert_eq!(response.status, 201, "{response:?}");
    let sid = response.new_sid();
    assert_eq!(stage.send(Request::get("/required").sid(&sid)).status, 200);

    let seen = stage.app.only_request();
    assert_eq!(seen.all("x-session-user-id"), ["alice"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.all("x-forwarded-port"), [stage.port.to_string()]);
    assert_eq!(seen.all("x-forwarded-host"), [stage.host()]);
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
}

#[test]
fn framing_is_judged_over_tls_too() {
    let stage = Stage::set();
    let host = stage.host();
    for bad in [
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX_Odd: 1\r\nConnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\nX-A: 1\r\nConnection: close\r\n\r\n"),
        format!("GET //x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    ] {
        assert_eq!(tls::send(stage.port, bad.as_bytes()).status, 400, "{bad:?}");
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn origin_of_a_login_is_the_https_one() {
    let stage = Stage::set();
    let from = |origin: String| {
        let request = login("alice@example.com", PASSWORD).header("Origin", &origin);
        stage.send(request).status
    };

    assert_eq!(from(format!("https://{}", stage.host())), 201);
    assert_eq!(from(format!("http://{}", stage.host())), 403);
}

#[test]
fn plain_listener_can_redirect_without_looking_at_the_session() {
    let stage = Stage::with_redirect();
    let sid = stage.send(login("alice@example.com", PASSWORD)).new_sid();
    let lookups = stage.gateway.sum("sidgate_resolve_total", &[]);
    let host = stage.host();

    let request = Request::get("/required?q=1")
        .sid(&sid)
        .header("Host", &host);
    let response = stage.gateway.send(&request).must_be(308);

    let location = format!("https://{host}/required?q=1");
    assert_eq!(response.header("location"), Some(&*location));
    assert!(response.leaves_cookies_alone());
    assert!(stage.app.requests().is_empty());
    let now = stage.gateway.sum("sidgate_resolve_total", &[]);
    assert_eq!(now, lookups, "the session is not touched");
}

#[test]
fn the_end_of_the_certificate_is_a_metric() {
    let stage = Stage::set();
    let metrics = stage.gateway.admin("/metrics").text().to_owned();
    // What `openssl x509 -enddate` says of the file: Oct 31 04:15:41 2126 GMT.
    assert!(
        metrics.contains(
            "\nsidgate_tls_certificate_not_after_seconds{certificate=\"0\"} 4949093741\n"
        ),
        "{metrics}"
    );
}

#[test]
fn without_a_certificate_there_is_no_end_of_it() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let metrics = gateway.admin("/metrics").must_be(200);
    assert!(!metrics.text().contains("tls_certificate"));
}

#[test]
fn bodies_in_chunks_are_judged_over_tls_too() {
    let stage = Stage::set();
    let post = |body: &str| {
        let host = stage.host();
        let bytes = format!(
            "POST /app HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        );
        tls::send(stage.port, bytes.as_bytes()).status
    };
    assert_eq!(post("5\r\nhello\r\n0\r\n\r\n"), 200);
    let seen = stage.app.requests().len();
    for body in ["\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n"] {
        assert_eq!(post(body), 400, "{body:?}");
    }
    assert_eq!(stage.app.requests().len(), seen);
}
