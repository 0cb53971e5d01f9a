//! What is answered before a host is judged, and redirects that judge its name alone.

use std::fs;
use std::os::unix::fs::symlink;

use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, Stage, h2, tls};

fn health() -> Stage {
    Stage::with(["[server]\nhealth_path = \"/healthz\""])
}

fn raw(stage: &Gateway, bytes: &str) -> (u16, String) {
    let response = stage.send_refused(bytes.as_bytes());
    (response.status, response.text().to_string())
}

#[test]
fn health_is_told_to_anybody() {
    let stage = health();
    for head in [
        "GET /healthz HTTP/1.1\r\nHost: 10.0.0.9:8080\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: unknown.test\r\nX_Odd: 1\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(raw(&stage, head), (200, "ready\n".to_owned()), "{head:?}");
    }
    let mut connection = stage.connect();
    connection.write(b"HEAD /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(connection.read(true).status, 200);
    assert!(connection.read_to_end().is_empty());
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/healthz"),
        (":authority", "x"),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    assert_eq!(h2::send(stage.address(), &fields, None).status(), 200);
    until_true("all six to be counted", LONG, || {
        stage.sum("sidgate_requests_total", &[("outcome", "health")]) == 6.0
    });
    assert_eq!(stage.sum("sidgate_resolve_total", &[]), 0.0);
    assert!(stage.app.requests().is_empty());
}

/// Exactly this path, these methods, and no body: all else is judged like every request.
#[test]
fn nothing_else_is_answered_unjudged() {
    let stage = health();
    for head in [
        "GET /healthz?x=1 HTTP/1.1\r\nHost: unknown.test\r\n\r\n",
        "GET /healthz/ HTTP/1.1\r\nHost: unknown.test\r\n\r\n",
        "GET /Healthz HTTP/1.1\r\nHost: unknown.test\r\n\r\n",
        "GET /%68ealthz HTTP/1.1\r\nHost: unknown.test\r\n\r\n",
    ] {
        assert!(matches!(raw(&stage, head).0, 400 | 421), "{head:?}");
    }
    let post = "POST /healthz HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(raw(&stage, post).0, 421);
    // What is behind it is no request, however its end is told.
    for length in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Content-Length : 40",
    ] {
        let head = format!(
            "GET /healthz HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\nGET /app/smuggled HTTP/1.1\r\nHost: {}\r\n\r\n",
            stage.host()
        );
        let mut connection = stage.connect();
        connection.write(head.as_bytes());
        let answers = String::from_utf8_lossy(&connection.read_to_end()).into_owned();
        assert_eq!(
            answers.matches("HTTP/1.1 ").count(),
            1,
            "{length}: {answers}"
        );
    }
    let twice = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /app/y HTTP/1.1\r\n\r\n";
    assert_eq!(raw(&stage, twice).0, 200);
    assert!(stage.app.requests().is_empty());
    let mut without = Stage::start();
    assert_eq!(without.get("/healthz").status, 200, "the app's");
    without.stop();
}

#[test]
fn health_says_no_where_readyz_does() {
    let stage =
        Stage::with(["[server]\nhealth_path = \"/healthz\"\nunready_before_drain = \"10s\""]);
    let head = "GET /healthz HTTP/1.0\r\n\r\n";
    assert_eq!(raw(&stage, head).0, 200);
    stage.signal(rustix::process::Signal::TERM);
    until_true("a no", LONG, || raw(&stage, head).0 == 503);
    assert_eq!(stage.admin("/readyz").status, 503);
}

struct Https {
    app: App,
    gateway: Gateway,
    port: u16,
}

/// Two sites; the port of https is another one than that of the plain listener.
fn https(more: &str) -> Https {
    let (app, port) = (App::start(), free_port());
    let (cert, key) = tls::files();
    let gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[server]\npublic_origin = \"https://app.test:{port}\"\nhosts = [\"app.test\", \"other.test\", \"odd.test:9443\"]\n\
             redirect_https = true\n{more}\n[server.tls]\nlisten = [\"127.0.0.1:{port}\"]\ncert = {cert:?}\nkey = {key:?}"
        ))
        .start();
    Https { app, gateway, port }
}

#[test]
fn every_host_is_sent_to_its_own_https() {
    let stage = https("");
    let port = stage.port;
    let plain = stage.gateway.public_port();
    for (host, led_to) in [
        ("app.test".to_owned(), format!("app.test:{port}")),
        (format!("app.test:{plain}"), format!("app.test:{port}")),
        (format!("app.test:{port}"), format!("app.test:{port}")),
        (format!("OTHER.test:{plain}"), format!("other.test:{port}")),
        ("other.test".to_owned(), format!("other.test:{port}")),
        ("odd.test".to_owned(), "odd.test:9443".to_owned()),
        (format!("odd.test:{plain}"), "odd.test:9443".to_owned()),
    ] {
        let request = Request::get("/required?q=1").header("Host", &host);
        let response = stage.gateway.send(&request).must_be(308);
        let location = format!("https://{led_to}/required?q=1");
        assert_eq!(response.header("location"), Some(&*location), "{host}");
    }
    // A name that is not served leads nowhere, at any port.
    for host in ["evil.test", "evil.test:80", "app.test.evil.test"] {
        let request = Request::get("/").header("Host", host);
        assert_eq!(stage.gateway.send(&request).status, 421, "{host}");
    }
    // Under TLS the port counts as before.
    let request = Request::get("/app/x")
        .header("Host", &format!("app.test:{plain}"))
        .header("Connection", "close");
    assert_eq!(tls::send(port, &request.bytes("")).status, 421);
    assert!(stage.app.requests().is_empty());
}

#[test]
fn challenges_are_answered_before_the_redirect() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("challenges");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("tok-EN_1"), "tok-EN_1.thumbprint").unwrap();
    fs::write(place.path().join("secret"), "secret").unwrap();
    symlink("../secret", folder.join("link")).unwrap();
    let stage = https(&format!("acme_dir = {folder:?}"));
    let ask = |token: &str, host: &str| {
        let path = format!("/.well-known/acme-challenge/{token}");
        stage
            .gateway
            .send(&Request::get(&path).header("Host", host))
    };
    for host in ["app.test", "new.test"] {
        let answer = ask("tok-EN_1", host).must_be(200);
        assert_eq!(answer.text(), "tok-EN_1.thumbprint");
        assert_eq!(answer.header("content-type"), Some("text/plain"));
    }
    for token in [
        "absent",
        "link",
        "",
        "../secret",
        "%2e%2e/secret",
        "a/b",
        "tok-EN_1?x",
    ] {
        assert_eq!(ask(token, "app.test").status, 404, "{token}");
    }
    let request = Request::get("/.well-known/acme-challenge/tok-EN_1")
        .header("Host", &format!("app.test:{}", stage.port))
        .header("Connection", "close");
    assert_eq!(tls::send(stage.port, &request.bytes("")).status, 200);
    assert_eq!(
        stage.app.only_request().target(),
        "/.well-known/acme-challenge/tok-EN_1"
    );
    fs::write(folder.join("later"), "later.thumbprint").unwrap();
    assert_eq!(ask("later", "app.test").status, 200);
}
