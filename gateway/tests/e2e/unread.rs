//! What comes instead of a request is counted and told by its kind, and never repeated.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::wire::{Way, exchange};
use sidgate_testkit::{App, Gateway, Request, Stage, tls};

const SECRET: &str = "a-secret-that-nobody-repeats";

/// Sends bytes, and reads what comes until the gateway closes.
fn send(port: u16, bytes: &[u8]) -> Vec<u8> {
    exchange(&Way::Tcp((Ipv4Addr::LOCALHOST, port).into()), bytes)
}

fn counted(gateway: &Gateway, reason: &str) -> f64 {
    gateway.sum("sidgate_refused_total", &[("reason", reason)])
}

fn told(gateway: &Gateway, reason: &str) -> Vec<Value> {
    let events = gateway.security_events().into_iter();
    events
        .filter(|event| event["event"] == "refused" && event["reason"] == reason)
        .collect()
}

fn is_told(gateway: &Gateway, reason: &str, times: usize) {
    until_true(reason, LONG, || counted(gateway, reason) >= times as f64);
    assert_eq!(counted(gateway, reason), times as f64, "{reason}");
    until_true(reason, LONG, || told(gateway, reason).len() == times);
    for event in told(gateway, reason) {
        assert_eq!(event["client"], "127.0.0.1", "{event}");
        assert!(
            event["path"].is_null() && event["request_id"].is_null(),
            "{event}"
        );
    }
}

#[test]
fn heads_that_nobody_can_read_are_told_by_what_they_look_like() {
    let mut stage = Stage::start();
    let port = stage.public_port();
    let heads: [(&str, Vec<Vec<u8>>); 4] = [
        (
            "proxy_protocol",
            vec![
                format!("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /{SECRET} HTTP/1.1\r\n\r\n").into(),
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x01\0\x02GET / HTTP/1.1\r\n\r\n"
                    .to_vec(),
            ],
        ),
        ("tls_hello", vec![b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()]),
        ("http2_preface", vec![b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n12345".to_vec()]),
        (
            "head_malformed",
            vec![
                format!("GET / HTTP/1.1\r\nHost: x\r\n{SECRET}\r\n\r\n").into(),
                format!("GET / HTTP/1.1\r\n{SECRET} : x\r\n\r\n").into(),
                b"\x00\x01\x02\x03\r\n\r\n".to_vec(),
                b"GET /\r\n\r\n".to_vec(),
            ],
        ),
    ];
    for (reason, bytes) in heads {
        for head in &bytes {
            let answer = send(port, head);
            let answer = String::from_utf8(answer).unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
                "{reason}: {answer:?}"
            );
            assert!(!answer.contains("Pingora"), "{answer}");
            assert_eq!(
                answer.matches("HTTP/1.1").count(),
                1 + usize::from(reason == "head_malformed")
            );
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            let problem: Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (&problem["code"], &problem["reason"]),
                (&json!("bad_request"), &json!(reason))
            );
        }
        is_told(&stage, reason, bytes.len());
    }
    assert_eq!(stage.get("/app/x").status, 200);
    stage.stop();
    assert!(!stage.output().contains(SECRET));
    assert_eq!(stage.app.requests().len(), 1);
}

/// A refused request is not counted twice, and neither is one whose head came in pieces.
#[test]
fn requests_are_not_taken_for_something_else() {
    let stage = Stage::start();
    let mut connection = stage.connect();
    for part in [
        "GET /app/x HTTP/1.1\r\nHo",
        "st: ",
        &stage.host(),
        "\r\n\r",
        "\n",
    ] {
        connection.write(part.as_bytes());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(connection.read(false).status, 200);
    connection.write(&Request::get("/app//x").bytes(&stage.host()));
    assert_eq!(connection.read(false).status, 400);
    // A port scan, and a client that leaves half-way.
    drop(TcpStream::connect(stage.address()).unwrap());
    TcpStream::connect(stage.address())
        .unwrap()
        .write_all(b"GET / HT")
        .unwrap();
    assert_eq!(stage.get("/app/x").status, 200);
    for reason in [
        "head_malformed",
        "proxy_protocol",
        "tls_hello",
        "http2_preface",
    ] {
        assert_eq!(counted(&stage, reason), 0.0, "{reason}");
    }
}

#[test]
fn a_flood_of_failed_handshakes_is_counted_and_its_lines_are_bounded() {
    const FLOOD: usize = 120;

    let mut stage = over_tls();
    for _ in 0..FLOOD {
        send(stage.port, b"\x16\x03\x01\x00\x05hello");
    }
    until_true("the count", LONG, || {
        counted(&stage.gateway, "tls_handshake") >= FLOOD as f64
    });
    stage.gateway.stop();
    let output = stage.gateway.stdout();
    let lines = output.matches("TLS handshake failed").count();
    assert!((1..FLOOD / 2).contains(&lines), "{lines} lines");
}

struct OverTls {
    gateway: Gateway,
    port: u16,
    _app: App,
}

fn over_tls() -> OverTls {
    let (app, port) = (App::start(), free_port());
    let (cert, key) = tls::files();
    let gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[server]\npublic_origin = \"https://localhost:{port}\"\n[server.tls]\nlisten = [\"127.0.0.1:{port}\"]\n\
             cert = {cert:?}\nkey = {key:?}"
        ))
        .start();
    OverTls {
        gateway,
        port,
        _app: app,
    }
}

#[test]
fn clear_text_on_a_port_with_tls_is_answered_and_told() {
    let mut stage = over_tls();
    let answer = send(
        stage.port,
        format!("GET /{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
    );
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\"code\":\"https_required\""), "{answer}");
    is_told(&stage.gateway, "clear_text", 1);
    send(stage.port, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
    is_told(&stage.gateway, "proxy_protocol", 1);
    stage.gateway.stop();
    assert!(!stage.gateway.output().contains(SECRET));
}

#[test]
fn handshakes_that_fail_are_counted_and_good_ones_are_not() {
    let stage = over_tls();
    let good = Request::get("/app/x")
        .header("Host", &format!("localhost:{}", stage.port))
        .header("Connection", "close");
    for _ in 0..3 {
        assert_eq!(tls::send(stage.port, &good.bytes("")).status, 200);
    }
    assert_eq!(counted(&stage.gateway, "tls_handshake"), 0.0);
    // A record of TLS that holds no hello.
    send(stage.port, b"\x16\x03\x01\x00\x05hello");
    is_told(&stage.gateway, "tls_handshake", 1);
    // Looking whether the port is open is no handshake.
    drop(TcpStream::connect((Ipv4Addr::LOCALHOST, stage.port)).unwrap());
    assert_eq!(tls::send(stage.port, &good.bytes("")).status, 200);
    assert_eq!(counted(&stage.gateway, "tls_handshake"), 1.0);
}
