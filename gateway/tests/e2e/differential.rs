//! Whatever arrives: what is sent on, read by a second and strict parser, is exactly one request, and the identity in it is
//! the gateway's. Catalogue: C24, C25.
//!
//! Requests are the vectors (`gateway/tests/vectors/`), which are the kept corpus, changed at random. `PROPTEST_CASES` says
//! how many are tried.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sidgate_testkit::client::Connection;
use sidgate_testkit::upstream::Received;
use sidgate_testkit::{Gateway, Stage};

use crate::vectors::case::{File, Values};

const CORPUS: [&str; 5] = [
    include_str!("../vectors/a-headers.toml"),
    include_str!("../vectors/b-cookies.toml"),
    include_str!("../vectors/c-framing.toml"),
    include_str!("../vectors/d-targets.toml"),
    include_str!("../vectors/e-sites.toml"),
];

/// What parsers have stumbled over.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b",",
    b";",
    b"0",
    b"_",
    b"\x0b",
    b"\xa0",
    b"\x80",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"X-Session-User-Id: root\r\n",
    b"X_Session_User_Id: root\r\n",
    b"Connection: X-Session-State\r\n",
    b"Host: evil.test\r\n",
    b"\r\n\r\nGET /smug HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"0\r\n\r\n",
    b"%2f",
    b"//",
];

/// Those of them that are whole lines.
const LINES: std::ops::Range<usize> = 14..20;

#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, usize),
    Delete(usize),
    Replace(usize, u8),
    DoubleLine(usize),
    /// In front of a line of the head.
    InsertLine(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..10_000_usize;
    prop_oneof![
        4 => (at.clone(), 0..PIECES.len()).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        1 => at.clone().prop_map(Edit::Delete),
        1 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        1 => at.clone().prop_map(Edit::DoubleLine),
        4 => (at, LINES).prop_map(|(line, piece)| Edit::InsertLine(line, piece)),
    ]
}

fn apply(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let length = bytes.len().max(1);
        match *edit {
            Edit::Insert(at, piece) => {
                let at = at % length;
                bytes.splice(at..at, PIECES[piece].iter().copied());
            }
            Edit::Delete(at) if !bytes.is_empty() => drop(bytes.remove(at % length)),
            Edit::Replace(at, byte) if !bytes.is_empty() => bytes[at % length] = byte,
            Edit::DoubleLine(number) => {
                let line = line_at(&bytes, number);
                let doubled = bytes[line.clone()].to_vec();
                bytes.splice(line.start..line.start, doubled);
            }
            Edit::InsertLine(number, piece) => {
                let at = line_at(&bytes, number).start;
                bytes.splice(at..at, PIECES[piece].iter().copied());
            }
            Edit::Delete(_) | Edit::Replace(..) => {}
        }
    }
    bytes
}

/// One of the lines, the first one excepted where there are more.
fn line_at(bytes: &[u8], number: usize) -> std::ops::Range<usize> {
    let ends = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    let ends: Vec<usize> = ends.collect();
    let number = number % ends.len().max(1);
    let start = ends.get(number).copied().unwrap_or_default();
    let end = ends.get(number + 1).copied().unwrap_or(bytes.len());
    start.min(end)..end
}

/// Every vector that is given as the bytes of HTTP/1, and an ordinary request with each kind of body.
fn corpus(gateway: &Gateway, sid: &str) -> Vec<Vec<u8>> {
    let (host, port) = (gateway.host(), gateway.public_port().to_string());
    let values = |each: &str| {
        Values(vec![
            ("each", each.to_owned()),
            ("host", host.clone()),
            ("port", port.clone()),
            ("N", "sid".to_owned()),
            ("sid", sid.to_owned()),
        ])
    };
    let mut corpus = vec![
        values("").bytes("GET /app?a=1 HTTP/1.1\r\nHost: {host}\r\nCookie: a=1; sid={sid}\r\nAccept: */*\r\n\r\n"),
        values("").bytes("POST /app HTTP/1.1\r\nHost: {host}\r\nCookie: sid={sid}\r\nContent-Length: 5\r\n\r\nhello"),
        values("").bytes("POST /app HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ];
    // Three in four changed requests begin as ordinary ones: those are what reaches an app.
    let ordinary = corpus.clone();
    for text in CORPUS {
        let file: File = toml::from_str(text).unwrap();
        for case in file.cases {
            let Some(bytes) = case.h1 else { continue };
            let each = if case.each.is_empty() {
                vec![String::new()]
            } else {
                case.each
            };
            corpus.extend(
                each.iter()
                    .map(|each| values(each).bytes(&bytes))
                    .filter(|bytes| bytes.len() < 4096),
            );
        }
    }
    while corpus.len() % 4 != 3 {
        corpus.push(ordinary[0].clone());
    }
    let others = corpus.len();
    corpus.extend((0..others * 2).map(|number| ordinary[number % ordinary.len()].clone()));
    corpus
}

#[test]
fn what_is_sent_on_is_one_request_to_a_strict_parser_too() {
    try_out("", 1500);
}

/// The same behind a route that lets the app see slashes that others never see, and takes its prefix away.
#[test]
fn a_path_that_a_route_changes_is_one_to_a_strict_parser_too() {
    let route = "[[routes]]\npath = \"/app\"\nupstream = \"app\"\nsession = \"optional\"\n\
                 strip_prefix = true\nencoded_slashes = \"pass\"";
    try_out(route, 500);
}

fn try_out(layer: &str, usual: u32) {
    let waits = "[edge]\nheader_timeout = \"300ms\"\nbody_timeout = \"300ms\"";
    let (stage, sid) = Stage::with([waits, layer]).and_alice();
    let corpus = corpus(&stage, &sid);
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(usual);
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (0..corpus.len(), vec(edit(), 0..4));
    let sent_on = std::cell::Cell::new(0);

    runner
        .run(&strategy, |(seed, edits)| {
            let bytes = apply(corpus[seed].clone(), &edits);
            let before = stage.app.requests().len();
            let mut connection = Connection::open(stage.address());
            connection.write(&bytes);
            let answer = connection.try_read(bytes.starts_with(b"HEAD "));
            let seen = stage.app.requests().split_off(before);
            prop_assert!(seen.len() <= 1, "{} requests out of one", seen.len());
            if let Some(seen) = seen.first() {
                sent_on.set(sent_on.get() + 1);
                let holds_sid = bytes
                    .windows(sid.len())
                    .any(|window| window == sid.as_bytes());
                check(seen, holds_sid).map_err(|why| {
                    TestCaseError::fail(format!(
                        "{why} in {:?}, made of {:?}, answered {answer:?}",
                        text(&seen.wire),
                        text(&bytes)
                    ))
                })?;
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));

    let (sent_on, cases) = (sent_on.get(), i64::from(cases));
    assert!(
        sent_on > cases / 20 && sent_on < cases,
        "{sent_on} of {cases} were sent on: this proves little"
    );
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads a request as strictly as RFC 9112 allows.
fn check(seen: &Received, holds_sid: bool) -> Result<(), String> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let head_length = match request.parse(&seen.wire) {
        Ok(httparse::Status::Complete(length)) => length,
        other => return Err(format!("not a request: {other:?}")),
    };
    let (head, body) = seen.wire.split_at(head_length);
    let breaks = head.windows(2).filter(|pair| pair == b"\r\n").count();
    let stray = head
        .iter()
        .filter(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
        != 2 * breaks;
    if stray || breaks != request.headers.len() + 2 {
        return Err("a line that does not end in CRLF, or a folded one".to_owned());
    }
    let mut once = HashSet::new();
    for field in request.headers.iter() {
        let name = field.name.to_lowercase();
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(format!("the name {name:?}"));
        }
        let ours = ["x-session-", "x-sidgate-", "x-forwarded-"];
        let single = [
            "x-request-id",
            "host",
            "cookie",
            "content-length",
            "transfer-encoding",
        ];
        let must_be_single =
            single.contains(&&*name) || ours.iter().any(|prefix| name.starts_with(prefix));
        if must_be_single && !once.insert(name.clone()) {
            return Err(format!("{name} twice"));
        }
    }
    check_path(request.path.unwrap_or_default())?;
    check_body(&request, body)?;
    let value = |name: &str| {
        let mut values = request
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        values.next().map(|field| text(field.value))
    };
    let user = value("x-session-user-id");
    match (user.as_deref(), value("x-session-state").as_deref()) {
        (Some("alice"), Some("active")) if holds_sid => Ok(()),
        (None, Some("anonymous" | "none")) => Ok(()),
        other => Err(format!("the identity {other:?}")),
    }
}

/// Whatever a server takes for a slash: the path begins with one, and leads to no other place than it says.
fn check_path(target: &str) -> Result<(), String> {
    let path = target.split('?').next().unwrap_or_default();
    let read = path.to_lowercase().replace("%2f", "/");
    let odd = read.split('/').any(|segment| {
        let name = segment.split(';').next().unwrap_or_default();
        let name = name.split("%3b").next().unwrap_or_default();
        matches!(name, "." | "..")
    });
    let hidden = ["\\", "%5c", "%2e", "%00", "%0d", "%0a"];
    let hides = hidden.iter().any(|hidden| read.contains(hidden));
    if !read.starts_with('/') || read.starts_with("//") || odd || hides {
        return Err(format!("the path {path:?}"));
    }
    Ok(())
}

fn check_body(request: &httparse::Request<'_, '_>, body: &[u8]) -> Result<(), String> {
    let value = |name: &str| {
        let mut values = request
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        values.next().map(|field| field.value)
    };
    match (value("content-length"), value("transfer-encoding")) {
        (Some(_), Some(_)) => Err("two lengths".to_owned()),
        (Some(length), None) if length == body.len().to_string().as_bytes() => Ok(()),
        (None, Some(b"chunked")) if is_chunked(body) => Ok(()),
        (None, None) if body.is_empty() => Ok(()),
        other => Err(format!("a body of {} bytes with {other:?}", body.len())),
    }
}

/// Exactly one chunked body without extensions and trailers.
fn is_chunked(mut body: &[u8]) -> bool {
    loop {
        let Some(end) = body.windows(2).position(|pair| pair == b"\r\n") else {
            return false;
        };
        let size = &body[..end];
        if size.is_empty() || !size.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        let Ok(size) = usize::from_str_radix(&text(size), 16) else {
            return false;
        };
        let Some(rest) = body
            .get(end + 2 + size..)
            .and_then(|rest| rest.strip_prefix(b"\r\n"))
        else {
            return false;
        };
        if size == 0 {
            return rest.is_empty();
        }
        body = rest;
    }
}
