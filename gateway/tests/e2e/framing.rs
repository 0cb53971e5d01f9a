//! Requests that two parsers could cut in two ways. Catalogue: category C.

use std::thread;
use std::time::Duration;

use crate::support::wait::{LONG, instant, until};
use crate::support::{App, Gateway, Request};

/// Sends `bytes`, in which `HOST` stands for the gateway's own; the gateway must answer `status`, close, and tell nobody.
fn is_refused(app: &App, gateway: &Gateway, status: u16, bytes: &str) {
    let metrics = gateway.metrics();
    let bytes = bytes.replace("HOST", &gateway.host());
    let response = gateway.send_refused(bytes.as_bytes());
    assert_eq!(response.status, status, "{bytes:?}: {response:?}");
    assert!(app.requests().is_empty(), "{bytes:?} reached the app");
    let (before, after) = (metrics, gateway.metrics());
    let lookups = "sidgate_resolve_total";
    assert_eq!(
        before.sum(lookups, &[]),
        after.sum(lookups, &[]),
        "{bytes:?} cost a look-up"
    );
}

fn all_are_refused(status: u16, vectors: &[&str]) {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for vector in vectors {
        is_refused(&app, &gateway, status, vector);
    }
}

#[test]
fn content_length_beside_transfer_encoding_is_refused() {
    all_are_refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
            "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
        ],
    );
}

#[test]
fn content_length_in_any_other_spelling_is_refused() {
    let vectors: Vec<String> = [
        "5,5",
        "05",
        "+5",
        "0x5",
        "5_0",
        "5 5",
        "",
        "-1",
        "18446744073709551616",
    ]
    .map(|length| format!("POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: {length}\r\n\r\nhello"))
    .into();
    let vectors: Vec<_> = vectors.iter().map(String::as_str).collect();
    all_are_refused(400, &vectors);
    all_are_refused(
        400,
        &[
            "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ],
    );
}

#[test]
fn transfer_encoding_other_than_chunked_is_refused() {
    let vectors: Vec<String> = [
        ",chunked",
        "chunked,",
        "chunked, chunked",
        "identity, chunked",
        "xchunked",
        "\x0bchunked",
        "chunked ",
        "chunked\r\nTransfer-Encoding: chunked",
    ]
    .map(|coding| {
        format!("POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n")
    })
    .into();
    let vectors: Vec<_> = vectors.iter().map(String::as_str).collect();
    all_are_refused(400, &vectors);
}

#[test]
fn transfer_coding_that_is_not_spoken_is_not_implemented() {
    all_are_refused(
        501,
        &["POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    );
}

#[test]
fn bare_line_ends_are_refused() {
    all_are_refused(
        400,
        &[
            "GET / HTTP/1.1\nHost: HOST\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\nX-A: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\n\n",
            "GET / HTTP/1.1\nHost: HOST\n\n",
            "\r\nGET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\rX-Session-User-Id: 1\r\n\r\n",
        ],
    );
}

#[test]
fn malformed_fields_are_refused() {
    all_are_refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\nX-Session-User-Id : 1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\n: empty\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: \0\r\n\r\n",
        ],
    );
}

#[test]
fn upgrade_to_anything_but_a_websocket_is_refused() {
    all_are_refused(
        400,
        &[
            "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nGET /admin HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\n\r\n",
        ],
    );
}

#[test]
fn second_request_behind_a_refused_one_is_never_read() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";
    let length = smuggled.len();
    let required = format!(
        "POST /required HTTP/1.1\r\nHost: HOST\r\nContent-Length: {length}\r\n\r\n{smuggled}{smuggled}"
    )
    .replace("HOST", &gateway.host());

    let mut connection = gateway.connect();
    connection.write(required.as_bytes());
    let response = connection.read(false);

    assert_eq!(response.problem(401), "unauthenticated");
    assert!(app.requests().is_empty(), "{:?}", app.requests());
}

#[test]
fn malformed_chunks_never_become_a_request() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for size in ["0x1", "0_1", "+1", "G", "11111111111111111"] {
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\na\r\n0\r\n\r\n",
            gateway.host()
        );
        let mut connection = gateway.connect();
        connection.write(bytes.as_bytes());
        assert_eq!(connection.read(false).status, 400, "chunk size {size:?}");
        connection.read_to_end();
    }
    assert!(app.requests().is_empty(), "a complete request was seen");
}

/// Pingora's parser reads an empty chunk size as 0, so what follows are trailers. Nobody may take it for a request.
#[test]
fn nothing_behind_an_empty_chunk_size_becomes_a_request() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let host = gateway.host();
    let bytes = format!(
        "POST /first HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
    );

    let mut connection = gateway.connect();
    connection.write(bytes.as_bytes());
    connection.read_to_end();

    for seen in app.requests() {
        assert_eq!(seen.request_line(), "POST /first");
        assert!(seen.body.is_empty(), "{seen:?}");
    }
}

#[test]
fn body_above_the_limit_is_refused() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[edge]\nmax_body_bytes = 1000")
        .start();
    let declared = "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1001\r\n\r\n";
    is_refused(&app, &gateway, 413, declared);

    let chunk = "x".repeat(1001);
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{chunk}\r\n0\r\n\r\n",
        gateway.host()
    );
    let mut connection = gateway.connect();
    connection.write(chunked.as_bytes());
    assert_eq!(connection.read(false).status, 413);
    assert!(app.requests().is_empty(), "a complete request was seen");
}

#[test]
fn header_block_above_the_limits_is_refused() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let fields: String = (0..101).map(|at| format!("X-F{at}: 1\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: HOST\r\n{fields}\r\n");
    let large = format!(
        "GET / HTTP/1.1\r\nHost: HOST\r\nX-Large: {}\r\n\r\n",
        "x".repeat(32 * 1024)
    );
    is_refused(&app, &gateway, 431, &many);
    is_refused(&app, &gateway, 431, &large);
}

#[test]
fn head_that_comes_too_slowly_is_cut_off() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[edge]\nheader_timeout = \"500ms\"")
        .start();
    let head = Request::get("/").bytes(&gateway.host());
    let starts: [&[u8]; 3] = [b"", b"GET / HT", &head[..head.len() - 2]];
    for start in starts {
        let mut connection = gateway.connect();
        connection.write(start);
        let begun = instant();
        connection.read_to_end();
        let open = begun.elapsed();
        assert!(
            open < Duration::from_secs(3),
            "{start:?} kept it open for {open:?}"
        );
    }
    assert!(app.requests().is_empty());
}

#[test]
fn head_that_trickles_is_cut_off_at_the_total_deadline() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[edge]\nheader_timeout = \"500ms\"")
        .start();
    let mut connection = gateway.connect();
    connection.write(&Request::get("/").bytes(&gateway.host())[..40]);
    let begun = instant();
    let closed = until("the end of the connection", LONG, || {
        connection.write(b"x");
        thread::sleep(Duration::from_millis(100));
        connection.is_closed().then(|| begun.elapsed())
    });
    assert!(closed < Duration::from_secs(3), "open for {closed:?}");
    assert!(app.requests().is_empty());
}
