//! What clients send is not kept: memory stays as it is, whatever names, values, hosts and paths they make up.
//!
//! The short form sends some ten thousand requests, the long one (`make soak`) a million.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;

use sidgate_testkit::app::{Exchange, identity};
use sidgate_testkit::{App, Gateway, Reply, SESSION};

const CLIENTS: usize = 8;
/// Text of one request that no other has, in bytes.
const TEXT: usize = 7_000;
/// How much more memory may be in use afterwards, in KiB. What is sent in each kind of request is more.
const GROWTH_MAX: u64 = 6 * 1_024;

fn requests() -> usize {
    let is_soak = std::env::var_os("SIDGATE_SOAK").is_some();
    if is_soak { 1_000_000 } else { 12_000 }
}

/// Text that was never there before, of letters.
struct Fresh(u64);

impl Fresh {
    fn next(&mut self) -> u64 {
        // A linear congruential generator: what matters is that nothing comes twice.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    fn text(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            text.push_str(&format!("{:x}", self.next()));
        }
        text.truncate(length);
        text
    }

    fn fields(&mut self, count: usize) -> String {
        let length = TEXT / count;
        (0..count)
            .map(|_| format!("X-{}: {}\r\n", self.text(12), self.text(length)))
            .collect()
    }

    fn cookies(&mut self, count: usize) -> String {
        let length = TEXT / count;
        let pairs: Vec<_> = (0..count)
            .map(|_| format!("{}={}", self.text(20), self.text(length - 20)))
            .collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }

    /// In the form of a sid, and forged.
    fn sid(&mut self) -> String {
        let digits = self.text(32);
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        parts.map(|(from, to)| &digits[from..to]).join("-")
    }

    /// A request of one of the kinds, and all of them in turn.
    fn request(&mut self, kind: usize, host: &str) -> String {
        let text = self.text(TEXT);
        let get = |target: &str, host: &str, fields: &str| {
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
        };
        match kind % 9 {
            0 => get(&format!("/required/{text}"), host, ""),
            1 => get("/none/", host, &format!("User-Agent: {text}\r\n")),
            2 => get("/", &format!("{}.example", &text[..200]), ""),
            3 => get("/required", host, &self.cookies(40)),
            4 => get(
                "/required",
                host,
                &format!("Cookie: sid={}\r\n", self.sid()),
            ),
            5 => get("/", host, &self.fields(30)),
            6 => get(&format!("/%2e/{text}"), host, ""),
            7 => {
                let fields = format!("X-Forwarded-For: {text}\r\nX-Request-Id: {text}\r\n");
                get(&format!("/api/auth/sessions?{text}"), host, &fields)
            }
            _ => {
                let email = format!("{}@example.com", &text[..60]);
                let body = json!({"email": email, "password": "wrong"}).to_string();
                let length = body.len();
                format!(
                    "POST {SESSION} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                )
            }
        }
    }
}

/// Sends `count` requests, each when the one before has its answer.
fn send(address: SocketAddr, host: &str, seed: u64, count: usize) {
    let mut fresh = Fresh(seed);
    let mut connection = None;
    for number in 0..count {
        let mut stream = connection
            .take()
            .unwrap_or_else(|| TcpStream::connect(address).unwrap());
        stream
            .set_read_timeout(Some(Duration::from_secs(15)))
            .unwrap();
        // A refusal may come before everything was sent.
        let _reset = stream.write_all(fresh.request(number, host).as_bytes());
        if answer(&mut stream) {
            connection = Some(stream);
        }
    }
}

/// Reads one answer; whether the connection goes on.
fn answer(stream: &mut TcpStream) -> bool {
    let (mut read, mut block) = (Vec::new(), [0; 8_192]);
    loop {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return false,
            Ok(count) => read.extend_from_slice(&block[..count]),
        }
        let text = String::from_utf8_lossy(&read).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length = field("content-length: ").map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            return field("connection: close").is_none();
        }
    }
}

/// An app that answers everything and remembers nothing.
fn forgetful_app() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    let (mut read, mut block) = (Vec::new(), [0; 8_192]);
    while let Ok(count @ 1..) = stream.read(&mut block) {
        read.extend_from_slice(&block[..count]);
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            let answered = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            if answered.is_err() {
                return;
            }
        }
    }
}

fn from_everybody(gateway: &Gateway, seed: u64, count: usize) {
    let (address, host) = (gateway.address(), gateway.host());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (host, seed) = (host.as_str(), seed + client as u64);
            scope.spawn(move || send(address, host, seed, count / CLIENTS));
        }
    });
}

#[test]
fn what_clients_make_up_is_not_kept() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .routes_to(forgetful_app())
        // At the level of every test the library would write all of it down.
        .env("RUST_LOG", "info")
        .start();
    let sid = gateway.log_in("alice@example.com");
    from_everybody(&gateway, 1_000, requests() / 4);
    let before = gateway.resident_kib();

    from_everybody(&gateway, 2_000, requests());

    let after = gateway.resident_kib();
    let growth = after.saturating_sub(before);
    eprintln!("{before} KiB before, {after} KiB after");
    assert!(growth < GROWTH_MAX, "from {before} to {after} KiB");
    assert!(gateway.knows(&sid));
}

/// What an app says about its users is kept up to `cache.local_max_bytes`.
#[test]
fn large_identities_are_kept_within_their_bound() {
    const SESSIONS: usize = 200;
    let app = App::start();
    app.on("/__sidgate__/authenticate", |exchange: &Exchange<'_>| {
        let email = exchange.json()["email"].as_str().unwrap().to_owned();
        let mut said = identity(&email);
        said["attributes"]["about"] = json!("x".repeat(12_000));
        Reply::json(200, &said)
    });
    let reads_again = |bytes: &str| {
        let gateway = Gateway::in_front_of(&app)
            .with(&format!("[cache]\nlocal_max_bytes = \"{bytes}\""))
            .env("RUST_LOG", "info")
            .start();
        let log_in = |number| gateway.log_in(&format!("user{number}@example.com"));
        let sids: Vec<_> = (0..SESSIONS).map(log_in).collect();
        let use_all = || {
            for sid in &sids {
                gateway.get_as(sid, "/required").must_be(200);
            }
        };
        let loads = || {
            let labels = [("what", "store_loads")];
            gateway.sum("sidgate_core_total", &labels)
        };
        use_all();
        let before = loads();
        use_all();
        let held = gateway.sum("sidgate_local_bytes", &[]);
        (loads() - before, held)
    };

    let (read_again, held) = reads_again("1MiB");
    assert!(read_again > 100.0, "{read_again} of {SESSIONS}");
    assert!(held <= f64::from(1 << 20), "{held} bytes");
    let (read_again, _) = reads_again("256MiB");
    assert!(
        read_again < 1.0,
        "there is room for all, and not for {read_again}"
    );
}
