//! HTTP/2 used to hold or to burn what one connection should not: silence, trickles, resets, endless headers.

use sidgate_testkit::client::Connection;
use sidgate_testkit::h2::{Field, Raw};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Stage};

/// The fields of a request.
fn fields(gateway: &Gateway, method: &str, path: &str) -> Vec<Field> {
    let host = gateway.host();
    [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", &host),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
    .to_vec()
}

fn refused(gateway: &Gateway, reason: &str) -> f64 {
    let labels = [("reason", reason)];
    gateway.sum("sidgate_refused_total", &labels)
}

fn is_fine(gateway: &Gateway) {
    assert_eq!(gateway.get("/").status, 200);
    assert!(gateway.is_ready());
}

/// Half a preface, a whole one, and a header that does not end: no request has begun, so none is waited for.
#[test]
fn a_connection_on_which_no_request_begins_is_let_go() {
    let stage = Stage::with(["[edge]\nheader_timeout = \"500ms\""]);
    for start in [&b"PRI"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut connection = stage.connect();
        connection.write(start);
        until_true("the end", LONG, || connection.is_closed());
    }
    let mut begun = Raw::open(stage.address(), &[]);
    begun.flood_continuations(1);
    begun.wait_for_the_end(1);
    until_true("the count", LONG, || {
        refused(&stage, "header_timeout") >= 3.0
    });
    is_fine(&stage);
}

/// Pingora has no limit for this.
#[test]
fn body_that_stops_half_way_is_not_waited_for() {
    let stage = Stage::with(["[edge]\nbody_timeout = \"300ms\""]);
    let mut connection = Raw::open(stage.address(), &[]);
    assert!(connection.request(1, &fields(&stage, "POST", "/"), false));
    assert!(connection.data(1, b"half"));

    until_true("the end of it", LONG, || {
        refused(&stage, "body_timeout") > 0.0
    });
    connection.wait_for_the_end(1);
    is_fine(&stage);
}

/// A body is waited for; an app may take its time.
#[test]
fn slow_app_is_no_slow_body() {
    let stage = Stage::with(["[edge]\nbody_timeout = \"300ms\""]);
    stage.on("/slow", |_| {
        std::thread::sleep(std::time::Duration::from_secs(2));
        Reply::ok()
    });
    for body in [None, Some(&b"whole"[..])] {
        let answer =
            sidgate_testkit::h2::send(stage.address(), &fields(&stage, "POST", "/slow"), body);
        assert_eq!(answer.status(), 200, "{body:?}");
    }
}

/// Its window stays shut.
#[test]
fn client_that_does_not_read_is_let_go() {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let stage = Stage::with(["[edge]\nwrite_timeout = \"300ms\""]);
    stage.on("/large", |_| Reply::new(200, &[], &"x".repeat(1 << 20)));
    let mut connection = Raw::open(stage.address(), &[(INITIAL_WINDOW_SIZE, 0)]);
    assert!(connection.request(1, &fields(&stage, "GET", "/large"), true));

    until_true("the end of the request", LONG, || {
        stage.stdout().contains(r#""outcome":"broken_off""#)
    });
    is_fine(&stage);
}

/// CVE-2023-44487: requests that are taken back at once. Few of them reach an app, and the connection is given up.
#[test]
fn rapid_resets_end_the_connection() {
    const TIMES: u32 = 20_000;
    let stage = Stage::start();
    let fields = fields(&stage, "GET", "/abandoned");
    let mut connection = Raw::open(stage.address(), &[]);
    let gone = (0..TIMES).find(|number| {
        let stream = number * 2 + 1;
        !(connection.request(stream, &fields, true) && connection.reset(stream))
    });

    assert!(gone.is_some(), "all {TIMES} were taken");
    assert!(
        stage.app.requests().len() < 5_000,
        "{}",
        stage.app.requests().len()
    );
    is_fine(&stage);
}

/// CVE-2024-27316: a header that never ends, in frames that cost the sender nothing.
#[test]
fn endless_continuations_end_the_connection() {
    let stage = Stage::start();
    let mut connection = Raw::open(stage.address(), &[]);

    assert!(!connection.flood_continuations(200_000), "all were taken");

    assert!(stage.app.requests().is_empty());
    is_fine(&stage);
}

/// The same bytes on HTTP/1 are a request like any other.
#[test]
fn what_begins_like_a_preface_need_not_be_one() {
    let stage = Stage::start();
    let mut connection: Connection = stage.connect();
    connection.write(format!("PRI / HTTP/1.1\r\nHost: {}\r\n\r\n", stage.host()).as_bytes());
    let answer = connection.try_read(false);
    assert!(answer.is_none_or(|answer| answer.status == 405));
    assert!(stage.app.requests().is_empty());
}
