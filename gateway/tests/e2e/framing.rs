//! Requests that two parsers could cut in two ways. Catalogue: category C; the cases that need no story
//! of their own are in `vectors/c-framing.toml`.

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
