//! Listeners that are Unix sockets.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use sidgate_testkit::client::Connection;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::wire::Way;
use sidgate_testkit::{App, Gateway, Request, Response, h2};

/// A gateway that listens at a socket beside its port.
struct Unix {
    // Dropped in this order.
    gateway: Gateway,
    app: App,
    folder: TempDir,
}

fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("http.sock")
}

impl Unix {
    fn start(mode: &str, config: &str) -> Self {
        let (app, folder) = (App::start(), TempDir::new().unwrap());
        let gateway = Gateway::in_front_of(&app)
            .listens_also(&format!("unix:{}{mode}", socket_in(&folder).display()))
            .with(config)
            .start();
        Self {
            gateway,
            app,
            folder,
        }
    }

    fn socket(&self) -> PathBuf {
        socket_in(&self.folder)
    }

    fn send(&self, request: &Request) -> Response {
        let mut connection = Connection::by(&Way::Unix(self.socket())).unwrap();
        connection.write(&request.bytes(&self.gateway.host()));
        connection.read(request.is_head())
    }
}

fn forwarded() -> Request {
    Request::get("/app/x").header("X-Forwarded-For", "203.0.113.7")
}

#[test]
fn nobody_says_who_comes_by_a_socket_that_is_not_named() {
    let mut unix = Unix::start("", "");
    assert_eq!(unix.send(&forwarded()).status, 200);
    let seen = unix.app.only_request();
    assert!(seen.all("x-forwarded-for").is_empty(), "{seen:?}");
    let sid = {
        let response = unix.send(&sidgate_testkit::login(
            "alice@example.com",
            sidgate_testkit::app::PASSWORD,
        ));
        response.must_be(201).new_sid()
    };
    assert_eq!(unix.send(&Request::get("/required").sid(&sid)).status, 200);
    let events = unix.gateway.security_events();
    let login = events.iter().find(|event| event["event"] == "login");
    assert!(login.unwrap()["client"].is_null(), "{login:?}");
    unix.gateway.stop();
    let output = unix.gateway.stdout();
    let mut lines = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let line: Value = lines.find(|line: &Value| line["path"] == "/app/x").unwrap();
    assert!(line["client"].is_null(), "{line}");
    assert!(output.contains("limits count all of them as one client"));
}

#[test]
fn a_proxy_that_is_named_says_who_its_client_is() {
    let unix = Unix::start("", "[server]\ntrusted_proxies = [\"unix\"]");
    assert_eq!(unix.send(&forwarded()).status, 200);
    assert_eq!(
        unix.app.last_request().all("x-forwarded-for"),
        ["203.0.113.7"]
    );
    // It is no word for others.
    assert_eq!(unix.gateway.send(&forwarded()).status, 200);
    assert_eq!(
        unix.app.last_request().all("x-forwarded-for"),
        ["127.0.0.1"]
    );
}

#[test]
fn the_proxy_protocol_is_spoken_there_too() {
    let unix = Unix::start("", "[server]\nproxy_protocol_from = [\"unix\"]");
    let mut connection = Connection::by(&Way::Unix(unix.socket())).unwrap();
    connection.write(b"PROXY TCP4 203.0.113.7 192.0.2.2 1 2\r\n");
    connection.write(&Request::get("/app/x").bytes(&unix.gateway.host()));
    assert_eq!(connection.read(false).status, 200);
    assert_eq!(
        unix.app.last_request().all("x-forwarded-for"),
        ["203.0.113.7"]
    );
    let mut connection = Connection::by(&Way::Unix(unix.socket())).unwrap();
    connection.write(b"PROXY UNKNOWN\r\n");
    connection.write(&Request::get("/app/x").bytes(&unix.gateway.host()));
    assert_eq!(connection.read(false).status, 200);
    assert!(unix.app.last_request().all("x-forwarded-for").is_empty());
    let mut connection = Connection::by(&Way::Unix(unix.socket())).unwrap();
    connection.write(&Request::get("/app/x").bytes(&unix.gateway.host()));
    assert!(connection.try_read(false).is_none(), "without a header");
    // By TCP nobody is named.
    assert_eq!(unix.gateway.get("/app/x").status, 200);
}

#[test]
fn http_2_comes_by_a_socket_too() {
    let unix = Unix::start("", "");
    let fields = [
        (":method", "GET".to_owned()),
        (":scheme", "http".to_owned()),
        (":path", "/app/x".to_owned()),
        (":authority", unix.gateway.host()),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()));
    let way = Way::Unix(unix.socket());
    assert_eq!(h2::send_by(&way, &fields, None).status(), 200);
}

#[test]
fn the_file_has_its_permissions_and_goes_with_the_process() {
    for (written, mode) in [("", 0o660), ("?mode=0600", 0o600), ("?mode=0666", 0o666)] {
        let mut unix = Unix::start(written, "");
        let metadata = fs::symlink_metadata(unix.socket()).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o7777, mode);
        assert!(unix.gateway.stop().success());
        assert!(!unix.socket().exists(), "it is removed");
    }
}

#[test]
fn a_file_that_was_left_behind_is_replaced() {
    let mut unix = Unix::start("", "");
    unix.gateway.signal(Signal::KILL);
    until_true("the end", LONG, || unix.gateway.has_ended());
    assert!(unix.socket().exists());
    unix.gateway.start_again();
    assert_eq!(unix.send(&Request::get("/app/x")).status, 200);
}

#[test]
fn a_socket_at_which_somebody_listens_is_left_alone() {
    let (app, folder) = (App::start(), TempDir::new().unwrap());
    let other = UnixListener::bind(socket_in(&folder)).unwrap();
    let outcome = Gateway::in_front_of(&app)
        .listens_also(&format!("unix:{}", socket_in(&folder).display()))
        .run_to_the_end();
    assert_ne!(outcome.code, Some(0));
    assert!(
        outcome
            .stderr
            .contains("server.listen[1]: cannot bind unix:"),
        "{}",
        outcome.stderr
    );
    drop(other);
}

/// The old process leaves the file to the new one, and the new one removes it in the end.
#[test]
fn a_socket_is_handed_over() {
    let mut unix = Unix::start("", "");
    let mut kept = Connection::by(&Way::Unix(unix.socket())).unwrap();
    let before = unix.gateway.pid();
    assert!(unix.gateway.hand_over().success());
    assert_ne!(unix.gateway.pid(), before);
    assert_eq!(unix.send(&Request::get("/app/x")).status, 200);
    kept.write(b"GET / HTTP/1.1\r\n\r\n");
    assert!(kept.try_read(false).is_none(), "it was the old process's");
    assert!(unix.socket().exists());
    unix.gateway.stop();
    until("its end", LONG, || (!unix.socket().exists()).then_some(()));
}

#[test]
fn an_unread_head_by_a_socket_is_told_without_an_address() {
    let unix = Unix::start("", "");
    let mut connection = Connection::by(&Way::Unix(unix.socket())).unwrap();
    connection.write(b"PROXY TCP4 203.0.113.7 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n");
    assert_eq!(connection.read(false).status, 400);
    // The line may come after the answer.
    let told = until("the event", LONG, || {
        let mut events = unix.gateway.security_events().into_iter();
        events.find(|event| event["reason"] == "proxy_protocol")
    });
    assert!(told["client"].is_null());
}
