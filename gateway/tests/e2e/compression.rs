//! Answers that are made smaller on their way: which, how, and which never. Decoded by the real decoders.

use std::io::Read as _;

use sidgate_testkit::app::NAME;
use sidgate_testkit::{Gateway, Reply, Request, Response, Stage, h2};

const ON: &str = "[compression]\nalgorithms = [\"zstd\", \"br\", \"gzip\"]";
const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

fn long() -> String {
    (0..2_000)
        .map(|line| format!("<li>line {}\n", line / 3))
        .collect()
}

fn stage() -> Stage {
    let always = format!(
        "[[routes]]\npath = \"/always\"\nupstream = \"{NAME}\"\nsession = \"optional\"\ncompress = \"always\"\n\
         [[routes]]\npath = \"/off\"\nupstream = \"{NAME}\"\nsession = \"none\"\ncompress = \"off\""
    );
    Stage::with([ON, &always])
}

/// Has the app answer `path` with a long page, and these fields.
fn answers(stage: &Stage, path: &str, fields: &'static [(&'static str, &'static str)]) {
    stage.on(path, move |_| {
        let fields = [&[HTML], fields].concat();
        Reply::new(200, &fields, &long())
    });
}

fn asked(path: &str, accept: &str) -> Request {
    Request::get(path).header("Accept-Encoding", accept)
}

fn decoded(coding: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text),
        "zstd" => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_string(&mut text),
        other => panic!("{other}"),
    }
    .unwrap();
    text
}

fn is_plain(response: &Response) -> bool {
    response.header("content-encoding").is_none() && response.body == long().into_bytes()
}

fn coding(gateway: &Gateway, request: &Request) -> Option<String> {
    let response = gateway.send(request).must_be(200);
    let coding = response.header("content-encoding").map(str::to_owned);
    match &coding {
        Some(coding) => assert_eq!(decoded(coding, &response.body), long()),
        None => assert!(is_plain(&response), "{response:?}"),
    }
    coding
}

#[test]
fn the_client_gets_the_coding_that_it_likes_best() {
    let stage = stage();
    answers(
        &stage,
        "/page",
        &[("ETag", "\"strong\""), ("Accept-Ranges", "bytes")],
    );
    for (accept, wanted) in [
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip, deflate, br", Some("br")),
        ("gzip;q=0.9, br;q=0.5", Some("gzip")),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("identity;q=0, gzip;q=0.1", Some("gzip")),
        ("gzip;q=0.1, identity", None),
        ("deflate", None),
    ] {
        let found = coding(&stage, &asked("/page", accept));
        assert_eq!(found.as_deref(), wanted, "{accept}");
    }
    assert_eq!(coding(&stage, &Request::get("/page")), None);

    let response = stage.send(&asked("/page", "br")).must_be(200);
    assert_eq!(response.header("etag"), Some("W/\"strong\""));
    assert_eq!(response.header("vary"), Some("Accept-Encoding"));
    assert_eq!(response.header("content-length"), None);
    assert_eq!(response.header("accept-ranges"), None);
    assert!(response.body.len() * 3 < long().len());
    answers(&stage, "/varies", &[("Vary", "accept-encoding")]);
    let varies = stage.send(&asked("/varies", "gzip")).must_be(200);
    assert_eq!(varies.all("vary"), ["accept-encoding"]);
    let plain = stage.send(&asked("/page", "identity")).must_be(200);
    assert_eq!(plain.header("etag"), Some("\"strong\""));
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    assert_eq!(plain.header("accept-ranges"), Some("bytes"));
    let brotli = stage.sum("sidgate_compressed_total", &[("algorithm", "br")]);
    assert_eq!(brotli, 2.0);
}

#[test]
fn nothing_is_compressed_unless_the_configuration_says_so() {
    let stage = Stage::start();
    answers(&stage, "/page", &[]);
    let response = stage.send(&asked("/page", "gzip, br, zstd"));
    assert!(is_plain(&response));
    assert_eq!(response.header("vary"), None);
    assert!(response.header("content-length").is_some());
}

/// BREACH: the attacker has the victim's browser ask for pages that repeat a guess, and watches their sizes.
#[test]
fn answers_that_may_hold_a_secret_stay_as_they_are() {
    let (stage, sid) = stage().and_alice();
    answers(&stage, "/page", &[]);
    answers(&stage, "/cookie", &[("Set-Cookie", "csrftoken=x")]);
    answers(
        &stage,
        "/public-cookie",
        &[("Set-Cookie", "csrftoken=x"), ("Cache-Control", "public")],
    );
    answers(&stage, "/vary", &[("Vary", "Accept-Language, Cookie")]);
    answers(&stage, "/private", &[("Cache-Control", "private")]);
    answers(&stage, "/no-store", &[("Cache-Control", "no-store")]);
    answers(&stage, "/required/page", &[]);
    answers(
        &stage,
        "/public",
        &[("Cache-Control", "public, max-age=60")],
    );
    answers(&stage, "/off/page", &[]);
    answers(&stage, "/always/page", &[("Set-Cookie", "a=b")]);
    answers(&stage, "/none/page", &[]);
    let anonymous = |path| coding(&stage, &asked(path, "gzip")).is_some();
    let known = |path| coding(&stage, &asked(path, "gzip").sid(&sid)).is_some();
    assert!(anonymous("/page") && !known("/page") && !known("/required/page"));
    for path in [
        "/cookie",
        "/public-cookie",
        "/vary",
        "/private",
        "/no-store",
        "/off/page",
    ] {
        assert!(!anonymous(path) && !known(path), "{path}");
    }
    for path in ["/public", "/always/page", "/none/page"] {
        assert!(anonymous(path) && known(path), "{path}");
    }
    let token = asked("/page", "gzip").header("Authorization", "Bearer one");
    assert_eq!(coding(&stage, &token), None);
}

#[test]
fn what_is_encoded_cut_small_or_not_to_be_changed_stays_as_it_is() {
    let stage = stage();
    answers(&stage, "/encoded", &[("Content-Encoding", "x-own")]);
    answers(
        &stage,
        "/as-it-is",
        &[("Cache-Control", "public, no-transform")],
    );
    answers(&stage, "/digest", &[("Content-Digest", "sha-256=:x:")]);
    answers(&stage, "/page", &[]);
    stage.on("/small", |_| Reply::new(200, &[HTML], &long()[..1_023]));
    stage.on("/enough", |_| Reply::new(200, &[HTML], &long()[..1_024]));
    stage.on("/image", |_| {
        Reply::new(200, &[("Content-Type", "image/png")], &long())
    });
    stage.on("/part", |_| {
        let fields = [HTML, ("Content-Range", "bytes 0-9/20")];
        Reply::new(206, &fields, &long())
    });
    let sent = |request: &Request| stage.send(request);
    let encoded = sent(&asked("/encoded", "gzip"));
    assert_eq!(encoded.all("content-encoding"), ["x-own"]);
    assert_eq!(encoded.body, long().into_bytes());
    for path in ["/as-it-is", "/digest", "/small", "/image", "/part"] {
        let response = sent(&asked(path, "gzip"));
        assert_eq!(response.header("content-encoding"), None, "{path}");
        assert!(response.header("content-length").is_some(), "{path}");
    }
    assert_eq!(
        sent(&asked("/enough", "gzip")).header("content-encoding"),
        Some("gzip")
    );
    let part = asked("/page", "gzip").header("Range", "bytes=0-9");
    assert_eq!(sent(&part).header("content-encoding"), None);
    let ours = sent(&asked("/required", "gzip"));
    assert_eq!(ours.problem(401), "unauthenticated");
}

#[test]
fn answers_without_a_body_keep_the_connection_whole() {
    let stage = stage();
    answers(&stage, "/page", &[]);
    stage.on("/nothing", |_| {
        Reply::Bytes(b"HTTP/1.1 204 No\r\nContent-Type: text/html\r\n\r\n".to_vec())
    });
    stage.on("/same", |_| {
        Reply::Bytes(
            b"HTTP/1.1 304 Same\r\nContent-Type: text/html\r\nETag: \"a\"\r\n\r\n".to_vec(),
        )
    });
    stage.on("/empty", |_| Reply::new(200, &[HTML], ""));
    let mut connection = stage.connect();
    let mut send = |request: &Request| {
        connection.write(&request.bytes(&stage.host()));
        connection.read(request.is_head())
    };
    let head = Request::new("HEAD", "/head").header("Accept-Encoding", "gzip");
    stage.on("/head", |_| {
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\nETag: \"a\"\r\n\r\n".to_vec())
    });
    let head = send(&head).must_be(200);
    assert_eq!(head.header("content-encoding"), Some("gzip"));
    assert_eq!(
        head.header("content-length"),
        None,
        "that of the other bytes"
    );
    assert_eq!(head.header("etag"), Some("W/\"a\""));
    assert_eq!(
        send(&asked("/nothing", "gzip"))
            .must_be(204)
            .header("content-encoding"),
        None
    );
    let same = send(&asked("/same", "gzip")).must_be(304);
    assert_eq!(
        (same.header("content-encoding"), same.header("etag")),
        (None, Some("\"a\""))
    );
    assert_eq!(send(&asked("/empty", "gzip")).must_be(200).body, b"");
    let page = send(&asked("/page", "gzip")).must_be(200);
    assert_eq!(decoded("gzip", &page.body), long());
}

fn chunked(kind: &str, chunk: &str) -> Vec<u8> {
    let length = chunk.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{chunk}\r\n"
    )
    .into_bytes()
}

/// A page that is rendered piece by piece shows its first piece at once.
#[test]
fn what_an_app_sends_piece_by_piece_arrives_piece_by_piece() {
    let stage = stage();
    stage.on("/pieces", |_| {
        Reply::Open(chunked("text/html", "the first piece"))
    });
    stage.on("/events", |_| {
        Reply::Open(chunked("text/event-stream", "data: one\n\n"))
    });
    for coding in ["gzip", "br", "zstd"] {
        let mut connection = stage.connect();
        connection.write(&asked("/pieces", coding).bytes(&stage.host()));
        let fields = connection.read_fields();
        let has = |name: &str, value: &str| {
            fields
                .iter()
                .any(|(field, said)| field.eq_ignore_ascii_case(name) && said == value)
        };
        assert!(has("content-encoding", coding), "{fields:?}");
        let piece = connection.read_chunk();
        let mut read = [0; 15];
        match coding {
            "gzip" => flate2::read::GzDecoder::new(&*piece).read_exact(&mut read),
            "br" => brotli::Decompressor::new(&*piece, 4096).read_exact(&mut read),
            _ => zstd::stream::read::Decoder::new(&*piece)
                .unwrap()
                .read_exact(&mut read),
        }
        .unwrap();
        assert_eq!(&read, b"the first piece", "{coding}");
    }
    let mut connection = stage.connect();
    connection.write(&asked("/events", "gzip").bytes(&stage.host()));
    let fields = connection.read_fields();
    assert!(
        !fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
    );
    assert_eq!(connection.read_chunk(), b"data: one\n\n");
}

/// Half an answer must not look like a whole one.
#[test]
fn an_answer_that_breaks_off_has_no_end() {
    let stage = stage();
    stage.on("/cut", |_| {
        Reply::Last(chunked("text/html", "the first piece"))
    });
    stage.on("/whole", |_| {
        let mut bytes = chunked("text/html", "the first piece");
        bytes.extend(b"0\r\n\r\n");
        Reply::Bytes(bytes)
    });
    let whole = stage.send(&asked("/whole", "gzip")).must_be(200);
    assert_eq!(decoded("gzip", &whole.body), "the first piece");
    let mut connection = stage.connect();
    connection.write(&asked("/cut", "gzip").bytes(&stage.host()));
    let text = connection.read_to_end();
    assert!(text.starts_with(b"HTTP/1.1 200"), "{text:?}");
    assert!(!text.ends_with(b"0\r\n\r\n"), "{text:?}");
}

#[test]
fn http2_gets_it_too_and_http1_0_does_not() {
    let stage = stage();
    answers(&stage, "/page", &[]);
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let fields = [
        field(":method", "GET"),
        field(":scheme", "http"),
        field(":authority", &stage.host()),
        field(":path", "/page"),
        field("accept-encoding", "gzip"),
    ];
    let h2::Answer::Response { status, body } = h2::send(stage.address(), &fields, None) else {
        panic!("no answer");
    };
    assert_eq!(status, 200);
    assert!(body.starts_with("\u{1f}\u{fffd}"), "no gzip: {body:?}");

    let mut connection = stage.connect();
    let old = format!(
        "GET /page HTTP/1.0\r\nHost: {}\r\nAccept-Encoding: gzip\r\n\r\n",
        stage.host()
    );
    connection.write(old.as_bytes());
    let answer = String::from_utf8(connection.read_to_end()).unwrap();
    assert!(answer.ends_with(&long()), "{answer}");
    assert!(!answer.to_lowercase().contains("content-encoding"));
}

#[test]
fn there_are_no_more_encoders_than_allowed() {
    let stage = Stage::with([ON, "[compression]\nmax_concurrent = 1"]);
    stage.on("/pieces", |_| {
        Reply::Open(chunked("text/html", "the first piece"))
    });
    answers(&stage, "/page", &[]);
    let mut first = stage.connect();
    first.write(&asked("/pieces", "gzip").bytes(&stage.host()));
    assert_eq!(first.read_head_only(), 200);
    assert_eq!(coding(&stage, &asked("/page", "gzip")), None);
    drop(first);
    sidgate_testkit::wait::until_true("a free place", sidgate_testkit::wait::LONG, || {
        coding(&stage, &asked("/page", "gzip")).is_some()
    });
}
