//! Requests that two parsers could cut in two ways. Catalogue: category C; the cases that need no story
//! of their own are in `vectors/c-framing.toml`.

use std::thread;
use std::time::Duration;

use sidgate_testkit::wait::{LONG, instant, until};
use sidgate_testkit::{Gateway, Request, Stage};

/// Sends `bytes`, in which `HOST` stands for the gateway's own; the gateway must answer `status`, close, and tell nobody.
fn is_refused(stage: &Stage, status: u16, bytes: &str) {
    let metrics = stage.metrics();
    let bytes = bytes.replace("HOST", &stage.host());
    let response = stage.send_refused(bytes.as_bytes());
    assert_eq!(response.status, status, "{bytes:?}: {response:?}");
    assert!(stage.app.requests().is_empty(), "{bytes:?} reached the app");
    let (before, after) = (metrics, stage.metrics());
    let lookups = "sidgate_resolve_total";
    assert_eq!(
        before.sum(lookups, &[]),
        after.sum(lookups, &[]),
        "{bytes:?} cost a look-up"
    );
}

#[test]
fn second_request_behind_a_refused_one_is_never_read() {
    let stage = Stage::start();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";
    let length = smuggled.len();
    let required = format!(
        "POST /required HTTP/1.1\r\nHost: HOST\r\nContent-Length: {length}\r\n\r\n{smuggled}{smuggled}"
    )
    .replace("HOST", &stage.host());

    let mut connection = stage.connect();
    connection.write(required.as_bytes());
    let response = connection.read(false);

    assert_eq!(response.problem(401), "unauthenticated");
    assert!(
        stage.app.requests().is_empty(),
        "{:?}",
        stage.app.requests()
    );
}

/// Pingora's parser reads an empty chunk size as 0, so what follows are trailers to it.
#[test]
fn nothing_behind_an_empty_chunk_size_becomes_a_request() {
    let stage = Stage::start();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";
    let bytes = format!(
        "POST /first HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n\r\n{smuggled}{smuggled}"
    );
    is_refused(&stage, 400, &bytes);
}

/// The head, and then the rest once the gateway has begun to serve it.
fn late(gateway: &Gateway, target: &str, fields: &str, rest: &str) -> sidgate_testkit::Response {
    let mut connection = gateway.connect();
    let host = gateway.host();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Transfer-Encoding: chunked\r\n\r\n"
    );
    connection.write(head.as_bytes());
    thread::sleep(Duration::from_millis(100));
    for part in rest.split_inclusive('|') {
        connection.write(part.trim_end_matches('|').as_bytes());
        thread::sleep(Duration::from_millis(20));
    }
    let response = connection.read(false);
    assert!(
        connection.read_to_end().is_empty(),
        "{rest:?}: a second answer"
    );
    response
}

/// Then the app has begun to hear of the request, and must not get to its end.
#[test]
fn malformed_chunk_that_comes_late_ends_the_request() {
    let stage = Stage::start();
    for rest in [
        "\r\n\r\n",
        "5\r\nhello\r\n|\r\n\r\n",
        "5|;a\nb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhel|lo\r\n|0x0\r\n\r\n",
        "5\r\nhello\r\n0\r\nnot a field|\r\n\r\n",
        "5\r\nhello\r\n00000000000000000|\r\n\r\n",
    ] {
        let smuggled = format!(
            "{rest}GET /smuggled HTTP/1.1\r\nHost: {}\r\n\r\n",
            stage.host()
        );
        let response = late(&stage, "/app", "", &smuggled);
        assert_eq!(response.problem(400), "bad_request", "{rest:?}");
        let labels = [("reason", "chunk")];
        assert!(stage.sum("sidgate_refused_total", &labels) > 0.0);
        assert!(stage.app.requests().is_empty(), "{rest:?}: a whole request");
    }
    let login = "Content-Type: application/json\r\n";
    let response = late(
        &stage,
        sidgate_testkit::SESSION,
        login,
        "2\r\n{}\r\n|\r\n\r\n",
    );
    assert_eq!(
        response.status, 400,
        "the gateway reads no other bodies itself"
    );
}

#[test]
fn body_in_chunks_may_come_in_any_pieces() {
    let stage = Stage::start();
    let rest = "5|;a=b|\r|\nhel|lo|\r|\n1|0|\r\n0123456789abcdef|\r\n0|\r|\nX-A: b|\r\n|\r|\n";
    assert_eq!(late(&stage, "/app", "", rest).status, 200);
    assert_eq!(stage.app.only_request().body, b"hello0123456789abcdef");
}

/// The end of one request's head must not be looked for in another's body.
#[test]
fn every_request_of_a_connection_is_looked_at() {
    let stage = Stage::start();
    let host = stage.host();
    let mut connection = stage.connect();
    for length in [0, 5, 100_000] {
        let body = "x".repeat(length);
        connection.write(
            format!("POST /app HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}")
                .as_bytes(),
        );
        assert_eq!(connection.read(false).status, 200);
    }
    let before = stage.app.requests().len();
    connection.write(
        format!("POST /app HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n")
            .as_bytes(),
    );
    assert_eq!(connection.read(false).status, 400);
    assert_eq!(stage.app.requests().len(), before);
}

#[test]
fn body_above_the_limit_is_refused() {
    let stage = Stage::with(["[edge]\nmax_body_bytes = 1000"]);
    let declared = "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1001\r\n\r\n";
    is_refused(&stage, 413, declared);

    let chunk = "x".repeat(1001);
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{chunk}\r\n0\r\n\r\n",
        stage.host()
    );
    let mut connection = stage.connect();
    connection.write(chunked.as_bytes());
    assert_eq!(connection.read(false).status, 413);
    assert!(
        stage.app.requests().is_empty(),
        "a complete request was seen"
    );
}

#[test]
fn head_that_comes_too_slowly_is_cut_off() {
    let stage = Stage::with(["[edge]\nheader_timeout = \"500ms\""]);
    let head = Request::get("/").bytes(&stage.host());
    let starts: [&[u8]; 3] = [b"", b"GET / HT", &head[..head.len() - 2]];
    for start in starts {
        let mut connection = stage.connect();
        connection.write(start);
        let begun = instant();
        connection.read_to_end();
        let open = begun.elapsed();
        assert!(
            open < Duration::from_secs(3),
            "{start:?} kept it open for {open:?}"
        );
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn head_that_trickles_is_cut_off_at_the_total_deadline() {
    let stage = Stage::with(["[edge]\nheader_timeout = \"500ms\""]);
    let mut connection = stage.connect();
    connection.write(&Request::get("/").bytes(&stage.host())[..40]);
    let begun = instant();
    let closed = until("the end of the connection", LONG, || {
        connection.write(b"x");
        thread::sleep(Duration::from_millis(100));
        connection.is_closed().then(|| begun.elapsed())
    });
    assert!(closed < Duration::from_secs(3), "open for {closed:?}");
    assert!(stage.app.requests().is_empty());
}
