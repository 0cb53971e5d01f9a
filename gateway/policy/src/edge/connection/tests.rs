use http::Version;

use super::{is_last, is_websocket};
use crate::edge::tests::{Sent, policy};
use crate::edge::{Refused, vet};

/// Is this a WebSocket handshake, or why is it refused?
fn websocket(sent: &Sent) -> Result<bool, Refused> {
    let policy = policy();
    sent.judged(|req| {
        vet(req, &policy)
            .map_err(|breach| breach.rule)
            .map(|vetted| vetted.websocket)
    })
}

fn handshake() -> Sent {
    Sent::get("/ws")
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-version", "13")
        .with("sec-websocket-key", KEY)
}

/// The example of RFC 6455.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[test]
fn connection_may_only_speak_of_the_connection() {
    for value in [
        "close",
        "keep-alive",
        "Keep-Alive",
        "upgrade",
        "close, upgrade",
        "keep-alive,\tUpgrade",
        "",
        "close,",
        "TE, close",
        "te",
        "Trailer",
        "Upgrade, HTTP2-Settings",
        "Proxy-Connection, keep-alive",
    ] {
        assert_eq!(
            websocket(&Sent::get("/").with("connection", value)),
            Ok(false),
            "{value}"
        );
    }
    let odd = [
        "x-session-state",
        "x-session-assertion",
        "X-Session-User-Id",
        "close, X-Session-User-Id",
        "cookie",
        "Cookie",
        "host",
        "content-length",
        "authorization",
        "x-forwarded-for",
        "TE, X-Session-User-Id",
        "Upgrade, HTTP2-Settings, Cookie",
        "trailers",
        "te,te,te,te,te,te,te,te",
        "te;q=1",
        "transfer-encoding",
        "proxy-authorization",
        ":authority",
        "\"close\"",
        "clos",
        "close upgrade",
        "close;x",
        "\u{a0}close",
    ];
    for value in odd {
        assert_eq!(
            websocket(&Sent::get("/").with("connection", value)),
            Err(Refused::Connection),
            "{value}"
        );
        let second = Sent::get("/")
            .with("connection", "close")
            .with("connection", value);
        assert_eq!(
            websocket(&second),
            Err(Refused::Connection),
            "second field {value}"
        );
    }
}

#[test]
fn http2_has_no_connection_fields() {
    assert_eq!(
        websocket(&Sent::h2("/").with("connection", "close")),
        Err(Refused::Connection)
    );
    assert_eq!(
        websocket(&Sent::h2("/").with("connection", "te")),
        Err(Refused::Connection)
    );
    for protocol in ["websocket", "h2c"] {
        assert_eq!(
            websocket(&Sent::h2("/").with("upgrade", protocol)),
            Err(Refused::Upgrade)
        );
    }
}

#[test]
fn a_complete_handshake_is_a_websocket() {
    assert_eq!(websocket(&handshake()), Ok(true));
    let firefox = handshake()
        .without("connection")
        .without("upgrade")
        .with("connection", "keep-alive, Upgrade")
        .with("upgrade", "WebSocket");
    assert_eq!(websocket(&firefox), Ok(true));
    assert_eq!(
        websocket(&handshake().with("content-length", "0")),
        Ok(true)
    );
}

#[test]
fn close_is_heard_wherever_it_stands() {
    let plain = Sent::get("/");
    for (values, last) in [
        (&["close"][..], true),
        (&["TE, Close"], true),
        (&["TE", "close"], true),
        (&["keep-alive", "te,\tclose"], true),
        (&["keep-alive"], false),
        (&["closed"], false),
        (&[], false),
    ] {
        let add = |sent: Sent, value: &&str| sent.with("connection", value);
        let sent = values.iter().fold(plain.clone(), add);
        assert_eq!(is_last(&sent.headers), last, "{values:?}");
    }
}

#[test]
fn an_upgrade_that_is_not_taken_is_ignored() {
    for protocol in [
        "foo",
        "h2c",
        "",
        "TLS/1.0",
        "connect-udp",
        "TLS/1.0, HTTP/2.0",
    ] {
        let offer = Sent::get("/").with("upgrade", protocol);
        let named = offer.clone().with("connection", "upgrade");
        let with_body = named.clone().method("POST").with("content-length", "5");
        for sent in [&offer, &named, &with_body] {
            assert_eq!(websocket(sent), Ok(false), "{protocol}");
            assert!(!is_websocket(&sent.headers), "{protocol} is taken away");
        }
    }
    assert!(is_websocket(&handshake().headers));
}

#[test]
fn whoever_mentions_websocket_brings_the_whole_handshake() {
    for protocol in [
        "websocket, foo",
        "h2c, websocket",
        "websocket/13",
        "websockets",
        "\"websocket\"",
    ] {
        let sent = handshake().without("upgrade").with("upgrade", protocol);
        assert_eq!(websocket(&sent), Err(Refused::Upgrade), "{protocol}");
    }
    let incomplete = [
        ("without connection", handshake().without("connection")),
        (
            "only close",
            handshake()
                .without("connection")
                .with("connection", "close"),
        ),
        ("without key", handshake().without("sec-websocket-key")),
        (
            "without version",
            handshake().without("sec-websocket-version"),
        ),
        (
            "short key",
            handshake()
                .without("sec-websocket-key")
                .with("sec-websocket-key", "x"),
        ),
        ("two keys", handshake().with("sec-websocket-key", KEY)),
        (
            "another version",
            handshake()
                .without("sec-websocket-version")
                .with("sec-websocket-version", "8"),
        ),
        ("post", handshake().method("POST")),
        (
            "http/1.0",
            Sent {
                version: Version::HTTP_10,
                ..handshake()
            },
        ),
        ("twice", handshake().with("upgrade", "websocket")),
        ("beside another", handshake().with("upgrade", "h2c")),
        ("with length", handshake().with("content-length", "5")),
        (
            "with chunks",
            handshake().with("transfer-encoding", "chunked"),
        ),
    ];
    for (what, sent) in incomplete {
        assert_eq!(websocket(&sent), Err(Refused::Upgrade), "{what}");
    }
}

#[test]
fn one_expectation_is_known() {
    for value in ["100-continue", "100-Continue"] {
        assert_eq!(
            websocket(&Sent::get("/").method("POST").with("expect", value)),
            Ok(false),
            "{value}"
        );
    }
    for value in [
        "y 100-continue",
        "100-continue, x",
        "100-continue ",
        "",
        "200-ok",
    ] {
        assert_eq!(
            websocket(&Sent::get("/").with("expect", value)),
            Err(Refused::Expect),
            "{value:?}"
        );
    }
    let twice = Sent::get("/")
        .with("expect", "100-continue")
        .with("expect", "100-continue");
    assert_eq!(websocket(&twice), Err(Refused::Expect));
}
