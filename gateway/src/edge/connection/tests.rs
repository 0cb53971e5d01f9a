use http::Version;

use crate::edge::tests::{Sent, policy};
use crate::edge::{Refused, vet};

/// Is this a WebSocket handshake, or why is it refused?
fn websocket(sent: &Sent) -> Result<bool, Refused> {
    let policy = policy();
    sent.judged(|req| vet(req, &policy).map(|vetted| vetted.websocket))
}

fn handshake() -> Sent {
    Sent::get("/ws")
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
}

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
        "Upgrade, HTTP2-Settings",
        "te",
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
        websocket(&Sent::h2("/").with("upgrade", "websocket")),
        Err(Refused::Upgrade)
    );
}

#[test]
fn a_complete_handshake_is_a_websocket() {
    assert_eq!(websocket(&handshake()), Ok(true));
    let firefox = Sent::get("/ws")
        .with("connection", "keep-alive, Upgrade")
        .with("upgrade", "WebSocket");
    assert_eq!(websocket(&firefox), Ok(true));
    assert_eq!(
        websocket(&handshake().with("content-length", "0")),
        Ok(true)
    );
}

#[test]
fn every_other_upgrade_is_refused() {
    let upgrade_to = |protocol| {
        Sent::get("/")
            .with("connection", "upgrade")
            .with("upgrade", protocol)
    };
    for protocol in [
        "foo",
        "h2c",
        "",
        "websocket, foo",
        "websocket/13",
        "TLS/1.0",
        "websockets",
    ] {
        assert_eq!(
            websocket(&upgrade_to(protocol)),
            Err(Refused::Upgrade),
            "{protocol}"
        );
    }
    let incomplete = [
        (
            "without connection",
            Sent::get("/").with("upgrade", "websocket"),
        ),
        (
            "only close",
            Sent::get("/")
                .with("connection", "close")
                .with("upgrade", "websocket"),
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
