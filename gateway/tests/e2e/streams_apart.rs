//! Streams take no place of a request in progress, and nobody takes all of them.

use session_testing::TestPostgres;

use sidgate_testkit::client::Connection;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage};

const EVENTS: &str = "/api/auth/events";
const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const DOWNLOAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n";

fn socket(sid: Option<&str>, client: &str) -> Request {
    handshake("/socket", sid, client)
}

fn handshake(path: &str, sid: Option<&str>, client: &str) -> Request {
    let request = Request::get(path)
        .websocket()
        .header("X-Forwarded-For", client);
    match sid {
        Some(sid) => request.sid(sid),
        None => request,
    }
}

fn open(gateway: &Gateway, request: &Request, status: u16) -> Connection {
    let mut connection = gateway.connect();
    connection.write(&request.bytes(&gateway.host()));
    assert_eq!(connection.read(true).status, status);
    connection
}

fn is_refused(gateway: &Gateway, request: &Request, status: u16) {
    let refused = gateway.send(request);
    assert_eq!(refused.problem(status), "too_many_streams");
    assert!(refused.header("retry-after").is_some());
}

fn forwarded(gateway: &Gateway) -> f64 {
    gateway.sum("sidgate_forwarded_streams", &[])
}

/// Opens sockets until there are `total` of all, and they stay: on a busy machine one may end right after its handshake
/// (cloudflare/pingora#946).
fn open_until(gateway: &Gateway, total: f64, request: &Request) -> Vec<Connection> {
    let mut sockets = Vec::new();
    let mut looks = 0;
    until_true("so many sockets", LONG, || {
        let open_now = forwarded(gateway);
        if open_now < total {
            sockets.push(open(gateway, request, 101));
        }
        looks = if open_now == total { looks + 1 } else { 0 };
        looks > 5
    });
    sockets
}

/// Visitors come, somebody logs in and out.
fn life_goes_on(gateway: &Gateway) {
    assert_eq!(gateway.get("/app").status, 200, "a visitor");
    let sid = gateway.log_in("zoe@example.com");
    let request = Request::get("/required").sid(&sid);
    assert_eq!(gateway.send(&request).status, 200, "a user");
    gateway.log_out(&sid).must_be(204);
}

#[test]
fn open_tabs_turn_nobody_away() {
    let stage = Stage::with(["[edge]\nmax_requests = 40"]);
    let users: Vec<_> = (0..4)
        .map(|nth| stage.log_in(&format!("user{nth}@example.com")))
        .collect();
    let tabs: Vec<_> = (0..60)
        .map(|nth| open(&stage, &Request::get(EVENTS).sid(&users[nth % 4]), 200))
        .collect();

    life_goes_on(&stage);

    drop(tabs);
    until_true("the end of the streams", LONG, || {
        stage.sum("sidgate_event_streams", &[]) == 0.0
    });
}

#[test]
fn sockets_turn_nobody_away_and_each_session_has_its_share() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([
        &sidgate_testkit::stores::store_config(&database),
        "[edge]\nmax_requests = 40\n[server]\ntrusted_proxies = [\"127.0.0.1\"]",
    ]);
    stage.on("/socket", |_| Reply::Open(SWITCHED.to_vec()));
    let users: Vec<_> = (0..4)
        .map(|nth| stage.log_in(&format!("user{nth}@example.com")))
        .collect();
    let mut sockets = Vec::new();
    for (user, total) in users.iter().zip([16.0, 32.0, 48.0]) {
        let request = socket(Some(user), "192.0.2.1");
        sockets.extend(open_until(&stage, total, &request));
    }

    life_goes_on(&stage);
    is_refused(&stage, &socket(Some(&users[0]), "192.0.2.2"), 429);
    let another = socket(Some(&users[3]), "192.0.2.1");
    sockets.extend(open_until(&stage, 49.0, &another));

    // Each of them ends in another way: by its session, by its client, or not at all.
    stage.log_out(&users[0]);
    until_true("the end of those of a session", LONG, || {
        forwarded(&stage) <= 33.0
    });
    drop(sockets);
    until_true("the end of all", LONG, || forwarded(&stage) == 0.0);
    open(&stage, &socket(Some(&users[1]), "192.0.2.1"), 101);
}

#[test]
fn sockets_of_nobody_are_bounded_by_client_and_all_together() {
    let stage = Stage::with([
        "[edge]\nmax_streams = 5\nstreams_per_client = 3\n[server]\ntrusted_proxies = [\"127.0.0.1\"]",
    ]);
    stage.on("/socket", |_| Reply::Open(SWITCHED.to_vec()));
    stage.on("/no", |_| Reply::new(403, &[], "no"));
    let mut sockets = Vec::new();
    for (client, total) in [
        ("2001:db8::1", 1.0),
        ("2001:db8::2", 2.0),
        ("2001:db8::3", 3.0),
    ] {
        sockets.extend(open_until(&stage, total, &socket(None, client)));
    }

    is_refused(&stage, &socket(None, "2001:db8::4"), 429);
    for (client, total) in [("192.0.2.1", 4.0), ("192.0.2.2", 5.0)] {
        sockets.extend(open_until(&stage, total, &socket(None, client)));
    }
    let asked = stage.app.requests().len();
    is_refused(&stage, &socket(None, "192.0.2.3"), 503);
    assert_eq!(
        stage.app.requests().len(),
        asked,
        "no app hears of those that are refused"
    );
    for (reason, times) in [("streams_per_client", 1.0), ("max_streams", 1.0)] {
        let labels = [("reason", reason)];
        assert_eq!(stage.sum("sidgate_refused_total", &labels), times);
    }

    drop(sockets);
    until_true("the end of all", LONG, || forwarded(&stage) == 0.0);
    // An app that does not agree leaves nothing behind either.
    let denied = handshake("/no", None, "192.0.2.1");
    for _ in 0..6 {
        assert_eq!(stage.send(&denied).status, 403);
    }
    until_true("none", LONG, || forwarded(&stage) == 0.0);
}

#[test]
fn answers_that_take_long_become_streams() {
    let stage = Stage::with(["[edge]\nmax_requests = 50"]);
    stage.on("/download", |_| Reply::Open(DOWNLOAD.to_vec()));
    let users: Vec<_> = (0..3)
        .map(|nth| stage.log_in(&format!("user{nth}@example.com")))
        .collect();
    let slow: Vec<_> = (0..45)
        .map(|nth| open(&stage, &Request::get("/download").sid(&users[nth % 3]), 200))
        .collect();
    let visitor = Request::get("/app");
    assert_eq!(
        stage.send(&visitor).problem(503),
        "overloaded",
        "for a while"
    );

    until_true("the downloads to be streams", LONG * 2, || {
        forwarded(&stage) == 45.0
    });

    life_goes_on(&stage);
    drop(slow);
    until_true("the end of all", LONG, || forwarded(&stage) == 0.0);
}
