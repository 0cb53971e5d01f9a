//! What the log says when an app cannot be reached or does not answer as it should: which app, which server, and why.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::Value;

use sidgate_testkit::port::free_port;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Gateway, Reply, Response, Stage};

use crate::keys_upstream::Full;

/// Stands in what apps send, and never in a log.
const SECRET: &str = "s3cret-of-the-app";

/// The lines with this message.
pub(crate) fn lines(gateway: &Gateway, message: &str) -> Vec<Value> {
    let output = gateway.stdout();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["message"] == message)
        .collect()
}

/// The line about a failed request; nothing that the app has sent may be in the log.
fn failed(gateway: &Gateway, response: &Response) -> Value {
    let id = response.header("x-request-id").expect("an id");
    let line = until("the line", LONG, || {
        let lines = lines(gateway, "request failed");
        lines.into_iter().find(|line| line["request_id"] == id)
    });
    assert!(!gateway.output().contains(SECRET), "{}", gateway.output());
    line
}

/// An app at `/NAME` whose only server is here.
fn app_at(name: &str, server: &str) -> String {
    format!(
        "[upstreams.{name}]\nservers = [\"{server}\"]\nread_timeout = \"300ms\"\nconnect_timeout = \"200ms\"\n\
         [[routes]]\npath = \"/{name}\"\nupstream = \"{name}\"\nsession = \"none\"\n"
    )
}

/// What `/it` answers when its server says this, and the line about it.
fn told_of(reply: Reply, status: u16) -> Value {
    let server = RecordingUpstream::start(move |_| reply.clone());
    let stage = Stage::with([app_at("it", &server.address().to_string()).as_str()]);
    let line = failed(&stage, &stage.get("/it").must_be(status));
    assert_eq!(line["upstream"], "it");
    assert_eq!(line["server"], server.address().to_string());
    assert_eq!(line["attempt"], 1);
    let labels = [("upstream", "it"), ("kind", line["kind"].as_str().unwrap())];
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &labels), 1.0);
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &[]), 1.0);
    line
}

fn says(line: &Value) -> (&str, &str) {
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{line:#}"));
    (text("kind"), text("cause"))
}

const BEFORE_THE_HEAD: &str =
    "the server closed the connection before the head of its answer was complete";

#[test]
fn a_server_that_refuses_is_named() {
    let (one, two) = (free_port(), free_port());
    let servers = format!("127.0.0.1:{one}\", \"127.0.0.1:{two}");
    let stage = Stage::with([app_at("it", &servers).as_str()]);

    let line = failed(&stage, &stage.get("/it").must_be(502));

    assert_eq!(says(&line), ("refused", "connection refused"));
    assert_eq!(line["attempt"], 2, "both were tried");
    assert_eq!(line["server"], format!("127.0.0.1:{two}"));
    let labels = [("upstream", "it"), ("kind", "refused")];
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &labels), 2.0);
}

#[test]
fn a_server_that_does_not_take_the_connection_in_time_is_told() {
    let full = Full::start();
    let stage = Stage::with([app_at("it", &full.address.to_string()).as_str()]);

    let line = failed(&stage, &stage.get("/it").must_be(504));

    let cause = "no connection within connect_timeout (200ms)";
    assert_eq!(says(&line), ("connect_timeout", cause));
}

#[test]
fn a_name_that_does_not_resolve_is_told() {
    let stage = Stage::with([app_at("it", "gone.invalid:7").as_str()]);

    let line = failed(&stage, &stage.get("/it").must_be(502));

    let (kind, cause) = says(&line);
    assert_eq!(kind, "unresolved");
    assert!(
        cause.starts_with("no server has an address: gone.invalid:7 has not resolved since 20"),
        "{cause}"
    );
    let [lost] = &lines(&stage, "name does not resolve")[..] else {
        panic!("once");
    };
    assert_eq!(lost["server"], "gone.invalid:7");
    assert_eq!(lost["upstream"], "it");
    assert!(lost["cause"].is_string(), "{lost:#}");
}

/// One name that is gone takes nothing from the servers that are there.
#[test]
fn a_name_that_does_not_resolve_takes_no_other_server_away() {
    let other = RecordingUpstream::start(|_| Reply::ok());
    let servers = format!("{}\", \"gone.invalid:7", other.address());
    let stage = Stage::with([app_at("it", &servers).as_str()]);

    assert_eq!(stage.get("/it").status, 200);
}

#[test]
fn a_server_that_closes_before_the_head_is_told() {
    let line = told_of(Reply::hang_up(), 502);
    assert_eq!(says(&line), ("closed", BEFORE_THE_HEAD));
}

#[test]
fn a_server_that_closes_within_the_head_is_told() {
    let half = format!("HTTP/1.1 200 OK\r\nX-Key: {SECRET}");
    let line = told_of(Reply::Last(half.into_bytes()), 502);
    assert_eq!(says(&line), ("closed", BEFORE_THE_HEAD));
}

#[test]
fn a_server_that_closes_within_the_body_is_told() {
    let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{SECRET}");
    let server = RecordingUpstream::start(move |_| Reply::Last(half.clone().into_bytes()));
    let stage = Stage::with([app_at("it", &server.address().to_string()).as_str()]);
    let mut connection = stage.connect();
    connection.write(format!("GET /it HTTP/1.1\r\nHost: {}\r\n\r\n", stage.host()).as_bytes());
    connection.read_to_end();

    let line = until("the line", LONG, || lines(&stage, "request failed").pop());

    let cause = "the server closed the connection before its answer was complete";
    assert_eq!(says(&line), ("closed", cause));
}

/// A server that closes what it has not read: the system then resets the connection.
fn resetting() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the process of the test, which is the test's own.
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            socket.peek(&mut [0]).unwrap();
        }
    });
    address
}

#[test]
fn a_server_that_resets_the_connection_is_told() {
    let stage = Stage::with([app_at("it", &resetting().to_string()).as_str()]);

    let line = failed(&stage, &stage.get("/it").must_be(502));

    let cause = "connection reset by peer, before the head of its answer was complete";
    assert_eq!(says(&line), ("reset", cause));
}

#[test]
fn a_server_that_is_silent_is_told() {
    let line = told_of(Reply::Silence, 504);
    let cause = "silent for read_timeout (300ms), before the head of its answer was complete";
    assert_eq!(says(&line), ("read_timeout", cause));
}

#[test]
fn what_is_not_http_is_told_without_being_quoted() {
    for (answer, why) in [
        (
            format!("SSH-2.0-{SECRET}\r\n\r\n"),
            "its answer is not HTTP: ",
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n"),
            "its answer is not HTTP: ",
        ),
        (
            format!("HTTP/1.1 200 OK\r\nContent-Length: {SECRET}\r\n\r\n"),
            "its answer breaks a rule of HTTP",
        ),
    ] {
        let line = told_of(Reply::Last(answer.into_bytes()), 502);
        let (kind, cause) = says(&line);
        assert_eq!(kind, "not_http");
        assert!(cause.starts_with(why), "{cause}");
    }
}

#[test]
fn a_head_that_is_too_large_is_told() {
    let long = format!(
        "HTTP/1.1 200 OK\r\nX-Key: {}\r\n\r\n",
        "x".repeat(1_200_000)
    );
    let line = told_of(Reply::Last(long.into_bytes()), 502);
    let cause = "the head of its answer is larger than 1 MiB";
    assert_eq!(says(&line), ("head_too_large", cause));

    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Key: 1\r\n".repeat(300));
    let line = told_of(Reply::Last(many.into_bytes()), 502);
    let cause = "the head of its answer has more than 256 fields";
    assert_eq!(says(&line), ("head_too_large", cause));
}

#[test]
fn a_client_that_goes_away_is_told() {
    let stage = Stage::start();
    let mut connection = stage.connect();
    let head = format!("POST /none HTTP/1.1\r\nHost: {}\r\n", stage.host());
    connection.write(format!("{head}Content-Length: 100\r\n\r\nhalf").as_bytes());
    drop(connection);

    let line = until("the line", LONG, || lines(&stage, "request failed").pop());

    assert_eq!(line["side"], "Downstream");
    assert!(line["cause"].is_string(), "{line:#}");
    assert_eq!(line.get("kind"), None, "the app is not at fault");
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &[]), 0.0);
}

/// Requests go on at the other server; what changes is told once.
#[test]
fn a_server_that_goes_and_comes_back_is_told_once_each() {
    let here = RecordingUpstream::start(|_| Reply::ok());
    let away = free_port();
    let servers = format!("127.0.0.1:{away}\", \"{}", here.address());
    let stage = Stage::with([app_at("it", &servers).as_str()]);
    for _ in 0..6 {
        assert_eq!(stage.get("/it").status, 200);
    }
    let [gone] = &lines(&stage, "server ejected")[..] else {
        panic!("once: {}", stage.output());
    };
    assert_eq!(gone["upstream"], "it");
    assert_eq!(gone["server"], format!("127.0.0.1:{away}"));
    assert_eq!(gone["cause"], "connection refused");

    let back = TcpListener::bind((Ipv4Addr::LOCALHOST, away)).unwrap();
    thread::spawn(move || back.incoming().flatten().for_each(answer));
    until_true("the server to be used again", LONG, || {
        assert!(matches!(stage.get("/it").status, 200 | 204));
        !lines(&stage, "server is back").is_empty()
    });
    let [again] = &lines(&stage, "server is back")[..] else {
        panic!("once: {}", stage.output());
    };
    assert_eq!(again["server"], gone["server"]);
    assert!(again["since"].is_string(), "{again:#}");
    assert!(lines(&stage, "request failed").is_empty(), "none did");
}

fn answer(mut socket: TcpStream) {
    socket.peek(&mut [0]).unwrap();
    let _gone = socket.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}
