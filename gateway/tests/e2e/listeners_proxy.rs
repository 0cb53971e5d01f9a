//! The PROXY protocol on the wire: who may speak for others, and what comes of what they say.
//!
//! The balancer is 127.0.0.2, which is named; everybody else comes from 127.0.0.1.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use sidgate_testkit::client::Connection;
use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::wire::{Way, connect_from, exchange};
use sidgate_testkit::{App, Gateway, Request, Response, Stage, h2, login, tls};

const BALANCER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const NAMED: &str = "[server]\nproxy_protocol_from = [\"127.0.0.2\"]\n";

fn stage() -> Stage {
    Stage::with([NAMED])
}

fn v1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.2 56324 443\r\n").into_bytes()
}

fn v2(client: [u8; 4], behind: &[u8]) -> Vec<u8> {
    let addresses = [&client[..], &[192, 0, 2, 2, 0xdc, 0x04, 0x01, 0xbb]].concat();
    let length = u16::try_from(addresses.len() + behind.len()).unwrap();
    [
        &b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..],
        &length.to_be_bytes(),
        &addresses,
        behind,
    ]
    .concat()
}

/// A connection of the balancer that begins with these bytes.
fn open(gateway: &Gateway, first: &[u8]) -> Connection {
    let way = Way::From(BALANCER, gateway.address(), first.to_vec());
    Connection::by(&way).unwrap()
}

fn send(gateway: &Gateway, first: &[u8], request: &Request) -> Response {
    let mut connection = open(gateway, first);
    connection.write(&request.bytes(&gateway.host()));
    connection.read(request.is_head())
}

fn counted(gateway: &Gateway, reason: &str) -> f64 {
    gateway.sum("sidgate_refused_total", &[("reason", reason)])
}

/// Sends bytes from the balancer; the gateway closes without a word.
fn is_closed_after(gateway: &Gateway, bytes: &[u8]) {
    let answer = exchange(&Way::From(BALANCER, gateway.address(), vec![]), bytes);
    assert_eq!(String::from_utf8_lossy(&answer), "", "{bytes:?}");
}

#[test]
fn the_address_of_the_header_is_the_clients_everywhere() {
    let mut stage = stage();
    let alice = login("alice@example.com", sidgate_testkit::app::PASSWORD);
    let sid = send(&stage, &v1("203.0.113.7"), &alice).new_sid();
    for (first, client) in [
        (v1("203.0.113.7"), "203.0.113.7"),
        (v2([203, 0, 113, 8], &[]), "203.0.113.8"),
        (v2([203, 0, 113, 9], &[0x20, 0, 3, 1, 2, 3]), "203.0.113.9"),
        (
            b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n".to_vec(),
            "2001:db8::1",
        ),
        (
            b"PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n".to_vec(),
            "203.0.113.7",
        ),
        // By these it speaks for itself.
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.2"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(), "127.0.0.2"),
    ] {
        let request = Request::get("/required").sid(&sid);
        let request = request.header("X-Forwarded-For", "198.51.100.66");
        assert_eq!(send(&stage, &first, &request).status, 200, "{first:?}");
        let seen = stage.app.last_request();
        assert_eq!(seen.all("x-forwarded-for"), [client]);
    }
    let logins = stage.security_events();
    let login = logins.iter().find(|event| event["event"] == "login");
    assert_eq!(login.unwrap()["client"], "203.0.113.7");
    stage.stop();
    let output = stage.stdout();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let clients: Vec<Value> = lines
        .filter(|line: &Value| line["message"] == "request" && line["path"] == "/required")
        .map(|line| line["client"].clone())
        .collect();
    assert_eq!(clients[0], "203.0.113.7");
    assert_eq!(clients[6], "127.0.0.2");
    assert!(!output.contains("198.51.100.66"), "the claim of a client");
}

/// On one connection the header comes once, before its first request, and holds for all.
#[test]
fn requests_on_one_connection_have_one_client() {
    let stage = stage();
    let mut connection = open(&stage, &v2([203, 0, 113, 7], &[]));
    for path in ["/app/1", "/app/2"] {
        connection.write(&Request::get(path).bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 200);
        let seen = stage.app.last_request();
        assert_eq!(seen.all("x-forwarded-for"), ["203.0.113.7"]);
    }
    // What looks like another header is no request.
    connection.write(&v1("203.0.113.8"));
    connection.write(&Request::get("/app/3").bytes(&stage.host()));
    assert_eq!(connection.read(false).status, 400);
    assert_eq!(stage.app.requests().len(), 2);
}

#[test]
fn a_header_may_come_in_pieces_and_together_with_a_body() {
    let stage = stage();
    for header in [v1("203.0.113.7"), v2([203, 0, 113, 7], &[0x20, 0, 1, 0])] {
        let mut connection = open(&stage, &[]);
        for part in header.chunks(5) {
            connection.write(part);
            std::thread::sleep(Duration::from_millis(5));
        }
        connection.write(&Request::get("/app/x").bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 200);
        assert_eq!(
            stage.app.last_request().all("x-forwarded-for"),
            ["203.0.113.7"]
        );
        let request = format!(
            "POST /app/x HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            stage.host()
        );
        let mut connection = open(&stage, &[&header[..], request.as_bytes()].concat());
        assert_eq!(connection.read(false).status, 200);
        assert_eq!(stage.app.last_request().body, b"hello");
    }
}

#[test]
fn http_2_without_tls_comes_behind_it_too() {
    let stage = stage();
    let fields = [
        (":method", "GET".to_owned()),
        (":scheme", "http".to_owned()),
        (":path", "/app/x".to_owned()),
        (":authority", stage.host()),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()));
    let way = Way::From(BALANCER, stage.address(), v1("203.0.113.7"));
    assert_eq!(h2::send_by(&way, &fields, None).status(), 200);
    assert_eq!(
        stage.app.last_request().all("x-forwarded-for"),
        ["203.0.113.7"]
    );
}

/// Whoever is not named cannot choose an address, by any version, whatever follows.
#[test]
fn nobody_else_is_heard() {
    let stage = stage();
    let request = Request::get("/app/x").bytes(&stage.host());
    for header in [v1("203.0.113.7"), v2([203, 0, 113, 7], &[])] {
        let mut connection = stage.connect();
        connection.write(&[&header[..], &request].concat());
        let response = connection.read(false);
        assert_eq!(response.status, 400);
        assert_eq!(response.json()["reason"], "proxy_protocol");
    }
    assert_eq!(counted(&stage, "proxy_protocol"), 2.0);
    assert_eq!(stage.get("/app/x").status, 200);
    assert_eq!(
        stage.app.only_request().all("x-forwarded-for"),
        ["127.0.0.1"]
    );
}

/// Also where the named balancer lets its client write the header: it writes its own first.
#[test]
fn the_second_header_is_no_header() {
    let stage = stage();
    for header in [v1("203.0.113.8"), v2([203, 0, 113, 8], &[])] {
        let both = [v1("203.0.113.7"), header].concat();
        let mut connection = open(&stage, &both);
        connection.write(&Request::get("/app/x").bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 400);
    }
    assert_eq!(counted(&stage, "proxy_protocol"), 2.0);
    let clients = stage.security_events().into_iter();
    let clients: Vec<_> = clients
        .filter(|event| event["reason"] == "proxy_protocol")
        .map(|event| event["client"].clone())
        .collect();
    assert_eq!(clients, ["203.0.113.7", "203.0.113.7"]);
    assert!(stage.app.requests().is_empty());
}

#[test]
fn what_is_no_good_header_is_closed_and_counted() {
    let stage = stage();
    let too_long_1 = format!("PROXY UNKNOWN {}", "x".repeat(100));
    let mut too_long_2 = v2([203, 0, 113, 7], &[]);
    too_long_2[14..16].copy_from_slice(&[0xff, 0xff]);
    let mut too_short = v2([203, 0, 113, 7], &[]);
    too_short[14..16].copy_from_slice(&[0, 4]);
    // Longer than it is: what follows is read as additions, and does not add up.
    let mut reaches_over = v2([203, 0, 113, 7], &[]);
    reaches_over[14..16].copy_from_slice(&[0, 12 + 20]);
    let smuggled = [&reaches_over[..], b"GET /app/smuggled HTTP/1.1\r\n\r\n"].concat();
    let request = Request::get("/app/x").bytes(&stage.host());
    for (reason, first) in [
        ("proxy_missing", b"".to_vec()),
        ("proxy_missing", b"\x16\x03\x01\x02\0".to_vec()),
        (
            "proxy_malformed",
            b"PROXY TCP4 203.0.113.7 x 1 2\r\n".to_vec(),
        ),
        (
            "proxy_malformed",
            b"PROXY TCP4 203.0.113.7 192.0.2.2 1 2\n\r\n".to_vec(),
        ),
        ("proxy_malformed", too_short),
        ("proxy_malformed", smuggled),
        ("proxy_too_long", too_long_1.into_bytes()),
        ("proxy_too_long", too_long_2),
    ] {
        let before = counted(&stage, reason);
        is_closed_after(&stage, &[&first[..], &request].concat());
        until_true(reason, LONG, || counted(&stage, reason) > before);
        assert_eq!(counted(&stage, reason), before + 1.0, "{first:?}");
    }
    for first in [
        &b"PROXY TCP4 203.0"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01",
    ] {
        let before = counted(&stage, "proxy_truncated");
        let mut socket = connect_from(BALANCER, stage.address()).unwrap();
        socket.write_all(first).unwrap();
        drop(socket);
        until_true("proxy_truncated", LONG, || {
            counted(&stage, "proxy_truncated") > before
        });
    }
    // Looking whether the port is open is nothing to count.
    drop(connect_from(BALANCER, stage.address()).unwrap());
    assert_eq!(
        send(&stage, &v1("203.0.113.7"), &Request::get("/app/x")).status,
        200
    );
    assert_eq!(counted(&stage, "proxy_truncated"), 2.0);
    assert_eq!(stage.app.requests().len(), 1);
    let told = stage.security_events().into_iter();
    let mut told = told.filter(|event| event["reason"] == "proxy_malformed");
    assert_eq!(told.next().unwrap()["client"], "127.0.0.2");
}

#[test]
fn a_header_that_does_not_come_in_time_is_not_waited_for() {
    let stage = Stage::with([NAMED, "[edge]\nheader_timeout = \"1s\""]);
    for first in [&b""[..], b"PROXY TCP4 203.0"] {
        let before = counted(&stage, "proxy_timeout");
        is_closed_after(&stage, first);
        assert_eq!(counted(&stage, "proxy_timeout"), before + 1.0);
    }
    // The header may take its time and the request again.
    let mut slow = open(&stage, &v1("203.0.113.7"));
    slow.write(&Request::get("/app/x").bytes(&stage.host()));
    assert_eq!(slow.read(false).status, 200);
}

/// The clients are counted, and not the balancer.
#[test]
fn connections_are_counted_by_the_clients_they_are_of() {
    let stage = Stage::with([NAMED, "[edge]\nconnections_per_ip = 2"]);
    let get = Request::get("/app/x");
    let mut held = Vec::new();
    for client in ["203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.9"] {
        let mut connection = open(&stage, &v1(client));
        connection.write(&get.bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 200, "{client}");
        held.push(connection);
    }
    let full = [v1("203.0.113.7"), get.bytes(&stage.host())].concat();
    is_closed_after(&stage, &full);
    assert_eq!(counted(&stage, "connections_per_ip"), 1.0);
    drop(held);
    until_true("free seats", LONG, || {
        let mut again = open(&stage, &v1("203.0.113.7"));
        again.write(&get.bytes(&stage.host()));
        again.try_read(false).is_some()
    });
}

/// `trusted_proxies` asks for the address of the header.
#[test]
fn trust_is_for_the_address_of_the_header() {
    let stage = Stage::with([
        NAMED,
        "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"127.0.0.2\"]",
    ]);
    let request = || Request::get("/app/x").header("X-Forwarded-For", "198.51.100.1");
    for (peer, client) in [("10.0.0.9", "198.51.100.1"), ("203.0.113.7", "203.0.113.7")] {
        assert_eq!(send(&stage, &v1(peer), &request()).status, 200);
        assert_eq!(stage.app.last_request().all("x-forwarded-for"), [client]);
    }
}

#[test]
fn the_header_comes_before_tls() {
    let (app, port) = (App::start(), free_port());
    let (cert, key) = tls::files();
    let gateway = Gateway::in_front_of(&app)
        .with(NAMED)
        .with(&format!(
            "[server]\npublic_origin = \"https://localhost:{port}\"\n[server.tls]\nlisten = [\"127.0.0.1:{port}\"]\n\
             cert = {cert:?}\nkey = {key:?}"
        ))
        .start();
    let request = Request::get("/app/x")
        .header("Host", &format!("localhost:{port}"))
        .header("Connection", "close")
        .bytes("");
    let address = (Ipv4Addr::LOCALHOST, port).into();
    for header in [v1("203.0.113.7"), v2([203, 0, 113, 7], &[])] {
        let mut socket = connect_from(BALANCER, address).unwrap();
        socket.write_all(&header).unwrap();
        assert_eq!(tls::send_over(socket, &request).status, 200);
        assert_eq!(app.last_request().all("x-forwarded-for"), ["203.0.113.7"]);
    }
    let seen = app.requests().len();
    // A balancer without it, and one that is not named.
    let mut socket = connect_from(BALANCER, address).unwrap();
    socket.write_all(b"\x16\x03\x01\x02\0\x01").unwrap();
    assert_eq!(socket.read(&mut [0; 16]).unwrap_or(0), 0);
    until_true("the count", LONG, || {
        counted(&gateway, "proxy_missing") == 1.0
    });
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(&v1("203.0.113.7")).unwrap();
    drop(socket.read_to_end(&mut Vec::new()));
    until_true("the count", LONG, || {
        counted(&gateway, "proxy_protocol") == 1.0
    });
    assert_eq!(tls::send(port, &request).status, 200, "without a balancer");
    assert_eq!(app.last_request().all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(app.requests().len(), seen + 1);
}

#[test]
fn a_reload_names_another_balancer() {
    let stage = stage();
    let get = Request::get("/app/x");
    stage.reconfigure(|_, text| text.replace("\"127.0.0.2\"", "\"127.0.0.3\""));
    stage.signal(rustix::process::Signal::HUP);
    until_true("the reload", LONG, || {
        stage.stdout().contains("server.proxy_protocol_from")
    });
    let mut connection = open(&stage, &v1("203.0.113.7"));
    connection.write(&get.bytes(&stage.host()));
    assert_eq!(connection.read(false).status, 400);
    let way = Way::From(
        Ipv4Addr::new(127, 0, 0, 3),
        stage.address(),
        v1("203.0.113.7"),
    );
    let mut connection = Connection::by(&way).unwrap();
    connection.write(&get.bytes(&stage.host()));
    assert_eq!(connection.read(false).status, 200);
}
