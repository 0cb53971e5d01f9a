//! Answers without an end: they are passed on as they come, and end with the session.

use std::time::Duration;

use serde_json::json;

use sidgate_testkit::client::Connection;
use sidgate_testkit::wait::{instant, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage};

/// The lease, and one look at the session (DESIGN 5; catalogue X17).
const CUT: Duration = Duration::from_secs(3);

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Transfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n";
const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn handshake() -> Request {
    Request::get("/socket").websocket()
}

/// Opens a stream and waits for its beginning.
fn open(gateway: &Gateway, request: &Request, status: u16) -> Connection {
    let mut connection = gateway.connect();
    connection.write(&request.bytes(&gateway.host()));
    assert_eq!(connection.read_head_only(), status);
    connection
}

fn is_cut_in_time(connection: &mut Connection) {
    let start = instant();
    until_true("the end of the stream", CUT, || connection.is_closed());
    assert!(start.elapsed() <= CUT);
}

#[test]
fn event_stream_ends_with_its_session_and_others_go_on() {
    let stage = Stage::start();
    stage.on("/stream", |_| Reply::Open(STREAM.to_vec()));
    let [alice, bob] = ["alice", "bob"].map(|user| stage.log_in(&format!("{user}@example.com")));
    let request = |sid: &str| Request::get("/stream").sid(sid);
    let mut of_alice = open(&stage, &request(&alice), 200);
    let mut of_bob = open(&stage, &request(&bob), 200);
    let mut of_nobody = open(&stage, &Request::get("/stream"), 200);

    stage.log_out(&alice);

    is_cut_in_time(&mut of_alice);
    assert!(!of_bob.is_closed(), "another session's stream");
    assert!(!of_nobody.is_closed(), "nobody's stream");
}

#[test]
fn websocket_ends_with_its_session() {
    let stage = Stage::start();
    stage.on("/socket", |_| Reply::Open(SWITCHED.to_vec()));
    let sid = stage.log_in("alice@example.com");
    let mut socket = open(&stage, &handshake().sid(&sid), 101);

    stage.log_out(&sid);

    is_cut_in_time(&mut socket);
}

#[test]
fn websocket_handshake_carries_the_identity() {
    let stage = Stage::start();
    stage.on("/socket", |_| Reply::Open(SWITCHED.to_vec()));
    let sid = stage.log_in("alice@example.com");

    let mut socket = open(&stage, &handshake().sid(&sid), 101);

    let seen = stage.app.only_request();
    assert_eq!(seen.user().unwrap(), "alice");
    assert_eq!(seen.header("upgrade").unwrap(), "websocket");
    assert!(seen.all("cookie").is_empty());
    assert!(!socket.is_closed());
}

#[test]
fn websocket_of_nobody_does_not_open_a_required_route() {
    let stage = Stage::start();
    let request = Request::get("/required")
        .websocket()
        .header("Sec-Fetch-Mode", "websocket");

    assert_eq!(stage.send(&request).problem(401), "unauthenticated");

    assert!(stage.app.requests().is_empty());
}

#[test]
fn first_bytes_of_a_stream_do_not_wait_for_the_rest() {
    let stage = Stage::start();
    stage.on("/stream", |_| Reply::Open(STREAM.to_vec()));

    let mut connection = open(&stage, &Request::get("/stream"), 200);

    assert_eq!(connection.read_chunk(), b"first\n");
    assert!(!connection.is_closed());
}

#[test]
fn stream_of_a_session_survives_an_update_of_its_identity() {
    let stage = Stage::start();
    stage.on("/stream", |_| Reply::Open(STREAM.to_vec()));
    let identity = json!({"attributes": {"plan": "pro"}});
    stage.says("/update", json!([{"type": "update", "identity": identity}]));
    let sid = stage.log_in("alice@example.com");
    let mut stream = open(&stage, &Request::get("/stream").sid(&sid), 200);

    stage.send(&Request::post("/update").sid(&sid));

    let start = instant();
    while start.elapsed() < Duration::from_millis(1_500) {
        assert!(!stream.is_closed(), "after {:?}", start.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The app exchanges the session in the head of an answer that goes on: the answer belongs to the new session then.
#[test]
fn stream_whose_answer_exchanges_the_session_ends_with_the_new_one() {
    let stage = Stage::start();
    stage.on("/stream", |exchange| {
        let claims = exchange.event_claims(&json!([{"type": "rotate"}]));
        let event = format!("X-Session-Event: {}\r\n\r\n", exchange.sign(&claims));
        let head = String::from_utf8(STREAM.to_vec()).unwrap();
        Reply::Open(
            head.replacen("\r\n\r\n", &format!("\r\n{event}"), 1)
                .into_bytes(),
        )
    });
    let old = stage.log_in("alice@example.com");
    let mut connection = stage.connect();
    connection.write(&Request::get("/stream").sid(&old).bytes(&stage.host()));
    let head = connection.read(true);
    assert_eq!(head.status, 200);
    let fresh = head.new_sid();
    assert!(!stage.knows(&old));

    let start = instant();
    while start.elapsed() < Duration::from_millis(1_500) {
        assert!(!connection.is_closed(), "after {:?}", start.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    stage.log_out(&fresh);
    is_cut_in_time(&mut connection);
}

/// Nobody may wonder where a request went.
#[test]
fn stream_that_was_cut_is_logged_and_counted() {
    let stage = Stage::start();
    stage.on("/stream", |_| Reply::Open(STREAM.to_vec()));
    let sid = stage.log_in("alice@example.com");
    let mut stream = open(&stage, &Request::get("/stream").sid(&sid), 200);

    stage.log_out(&sid);

    is_cut_in_time(&mut stream);
    until_true("the access line", CUT, || {
        stage.stdout().contains(r#""outcome":"cut""#)
    });
    let cut = [("route", "/"), ("outcome", "cut")];
    assert_eq!(stage.sum("sidgate_requests_total", &cut), 1.0);
}
