//! Keys that set how long something is waited for, and how large it may be, by their effect.

use std::thread;
use std::time::Duration;

use serde_json::json;

use rustix::process::Signal;
use session_testing::TestPostgres;
use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::client::Connection;
use sidgate_testkit::port::free_port;
use sidgate_testkit::stores::{sql, store_config};
use sidgate_testkit::tls_connection::TlsConnection;
use sidgate_testkit::wait::{LONG, instant, until_true};
use sidgate_testkit::{App, Gateway, Reply, Request, SESSION, Stage, h2, login, tls};

const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Shorter than any default that a test here changes to something shorter.
const SOON: Duration = Duration::from_secs(7);

fn ask(connection: &mut Connection, stage: &Stage) -> u16 {
    connection.write(&Request::get("/").bytes(&stage.host()));
    connection.read(false).status
}

#[test]
fn keepalive_timeout_is_how_long_an_idle_connection_is_kept() {
    let stage = Stage::with(["[server]\nkeepalive_timeout = \"2s\""]);
    let mut connection = stage.connect();
    for _ in 0..3 {
        assert_eq!(ask(&mut connection, &stage), 200);
        thread::sleep(Duration::from_millis(700));
    }
    until_true("the end of the connection", SOON, || connection.is_closed());

    let mut raw = h2::Raw::open(stage.address(), &[]);
    let authority = stage.host();
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", &*authority),
        (":path", "/"),
    ];
    let fields = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    assert!(raw.request(1, &fields, true));
    let start = instant();
    raw.wait_for_the_end(3);
    assert!(start.elapsed() < SOON, "the idle connection of HTTP/2");
}

#[test]
fn keepalive_timeout_holds_under_tls_too() {
    let app = App::start();
    let (port, (cert, key)) = (free_port(), tls::files());
    let _gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[server]\npublic_origin = \"https://localhost:{port}\"\nkeepalive_timeout = \"1s\"\n\
             [server.tls]\nlisten = [\"127.0.0.1:{port}\"]\ncert = {cert:?}\nkey = {key:?}\n"
        ))
        .start();
    let request = Request::get("/").bytes(&format!("localhost:{port}"));
    let mut connection = TlsConnection::open(port).unwrap();
    for _ in 0..2 {
        assert_eq!(connection.ask(&request).unwrap(), 200);
        thread::sleep(Duration::from_millis(400));
    }
    thread::sleep(Duration::from_secs(3));
    assert!(connection.ask(&request).is_err(), "it has been closed");
}

#[test]
fn keepalive_requests_is_how_many_one_connection_carries() {
    let stage = Stage::with(["[server]\nkeepalive_requests = 3"]);
    let mut connection = stage.connect();
    let mut served = 0;
    while !connection.is_closed() && served < 10 {
        connection.write(&Request::get("/").bytes(&stage.host()));
        if connection.try_read(false).is_none() {
            break;
        }
        served += 1;
        thread::sleep(Duration::from_millis(50));
    }
    assert!((3..=4).contains(&served), "{served}");
}

#[test]
fn targets_and_cookies_are_as_large_as_configured() {
    let stage = Stage::with([
        "[edge]\nmax_target_bytes = 20000\nmax_cookies = 100\nmax_one_cookie_bytes = 6000\nmax_cookie_bytes = 9000",
    ]);
    let target = |length: usize| format!("/?{}", "x".repeat(length - 2));
    assert_eq!(stage.get(&target(20_000)).status, 200);
    assert_eq!(stage.get(&target(20_001)).status, 414);
    let cookies = |line: String| {
        stage
            .send(&Request::get("/").header("Cookie", &line))
            .status
    };
    assert_eq!(cookies(vec!["a=1"; 100].join("; ")), 200);
    assert_eq!(cookies(vec!["a=1"; 101].join("; ")), 431);
    assert_eq!(cookies(format!("a={}", "x".repeat(5_999))), 200);
    assert_eq!(cookies(format!("a={}", "x".repeat(6_000))), 431);
    let last = stage.app.last_request();
    assert_eq!(last.header("cookie").unwrap().len(), 6_001);

    let narrow = Stage::with(["[edge]\nmax_target_bytes = 100"]);
    assert_eq!(narrow.get(&target(100)).status, 200);
    assert_eq!(narrow.get(&target(101)).status, 414);
}

#[test]
fn stream_after_is_when_an_answer_becomes_a_stream() {
    const DOWNLOAD: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n";

    let stage = Stage::with(["[edge]\nstream_after = \"1s\""]);
    stage.on("/download", |_| Reply::Open(DOWNLOAD.to_vec()));
    let mut connection = stage.connect();
    connection.write(&Request::get("/download").bytes(&stage.host()));
    assert_eq!(connection.read_head_only(), 200);
    until_true("a stream", SOON, || {
        stage.sum("sidgate_forwarded_streams", &[]) == 1.0
    });
}

#[test]
fn heartbeat_is_the_longest_silence_on_the_events() {
    let (stage, sid) = Stage::with(["[endpoints]\nheartbeat = \"1s\""]).and_alice();
    let mut connection = stage.connect();
    connection.write(
        &Request::get("/api/auth/events")
            .sid(&sid)
            .bytes(&stage.host()),
    );
    assert_eq!(connection.read_head_only(), 200);
    let start = instant();
    let mut beats = 0;
    while beats < 2 {
        let chunk = connection.read_chunk();
        beats += String::from_utf8_lossy(&chunk)
            .matches("still here")
            .count();
    }
    assert!(start.elapsed() < SOON);
}

#[test]
fn body_of_a_login_has_a_time_and_a_size() {
    let stage = Stage::with(["[endpoints]\nbody_timeout = \"1s\"\nmax_body_bytes = 2000"]);
    let extra = |length: usize| {
        let body =
            json!({"email": "alice@example.com", "password": PASSWORD, "code": "x".repeat(length)});
        stage.send(&Request::post(SESSION).json(&body)).status
    };
    assert_eq!(extra(1_000), 201);
    assert_eq!(extra(2_000), 413);

    let mut connection = stage.connect();
    let whole = login("alice@example.com", PASSWORD).bytes(&stage.host());
    connection.write(&whole[..whole.len() - 5]);
    let start = instant();
    assert_eq!(connection.read(false).status, 408);
    assert!(start.elapsed() < SOON);
}

#[test]
fn answers_of_the_backend_have_a_size() {
    let large = {
        let mut identity = app::identity("alice@example.com");
        identity["attributes"]["note"] = json!("x".repeat(3_000));
        Reply::json(200, &identity)
    };
    let stage = Stage::with(["[backend]\nmax_answer_bytes = 2048"]);
    assert_eq!(stage.try_login("alice@example.com").status, 201);
    stage.app.on_authenticate(large.clone());
    assert_eq!(stage.try_login("alice@example.com").status, 503);

    let wide = Stage::start();
    wide.app.on_authenticate(large);
    assert_eq!(wide.try_login("alice@example.com").status, 201);
}

#[test]
fn fresh_is_how_long_ago_an_operator_may_have_logged_in() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([
        &store_config(&database),
        "[admin]\nclaim = \"user.is_staff\"\nfresh = \"1h\"",
    ]);
    let mut identity = app::identity("root@example.com");
    identity["user"]["is_staff"] = json!(true);
    stage.app.on_authenticate(Reply::json(200, &identity));
    let root = stage.log_in("root@example.com");
    let status = || stage.get_as(&root, "/api/admin/nodes").status;
    let older = |minutes: u32| {
        let by = format!("interval '{minutes} minutes'");
        sql(
            &database,
            &format!("UPDATE sidgate_session SET auth_time = auth_time - {by}"),
        );
        let told = "SELECT pg_notify('none', '')";
        sql(&database, told);
    };
    older(50);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(status(), 200, "longer than the default");
    older(20);
    until_true("the end of it", LONG, || status() == 403);
}

/// WebSockets last as long as their clients like, so a restart does not wait for them, nor for open tabs.
#[test]
fn open_sockets_and_event_streams_do_not_hold_a_stop_up() {
    let (mut stage, sid) = Stage::with(["[server]\ndrain_timeout = \"10m\""]).and_alice();
    stage.on("/socket", |_| Reply::Open(SWITCHED.to_vec()));
    let handshake = Request::get("/socket").websocket();
    let mut socket = stage.connect();
    socket.write(&handshake.bytes(&stage.host()));
    assert_eq!(socket.read(true).status, 101);
    let mut events = stage.connect();
    events.write(
        &Request::get("/api/auth/events")
            .sid(&sid)
            .bytes(&stage.host()),
    );
    assert_eq!(events.read_head_only(), 200);

    stage.signal(Signal::TERM);

    assert!(stage.stop().success());
    assert!(
        String::from_utf8_lossy(&events.read_to_end()).ends_with("0\r\n\r\n"),
        "a clean end"
    );
    assert!(socket.is_closed());
}
