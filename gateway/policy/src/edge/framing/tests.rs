use http::Version;
use proptest::prelude::*;

use super::{canonical_length, count_lines};
use crate::edge::tests::{Sent, policy};
use crate::edge::{EdgePolicy, Refused, vet};

fn post() -> Sent {
    Sent::get("/").method("POST")
}

/// The declared length, or the refusal.
fn framed(sent: &Sent) -> Result<Option<u64>, Refused> {
    let policy = policy();
    sent.judged(|req| {
        vet(req, &policy)
            .map_err(|breach| breach.rule)
            .map(|vetted| vetted.content_length)
    })
}

#[test]
fn only_three_versions_are_served() {
    for version in [Version::HTTP_10, Version::HTTP_11] {
        assert_eq!(
            Sent {
                version,
                ..Sent::get("/")
            }
            .refusal(),
            None,
            "{version:?}"
        );
    }
    assert_eq!(Sent::h2("/").refusal(), None);
    for version in [Version::HTTP_09, Version::HTTP_3] {
        assert_eq!(
            Sent {
                version,
                ..Sent::get("/")
            }
            .refusal(),
            Some(Refused::Version),
            "{version:?}"
        );
    }
}

#[test]
fn an_http1_head_must_be_seen() {
    let policy = policy();
    let refused = Sent::get("/").judged(|req| {
        let unseen = crate::edge::RawRequest {
            raw_head: None,
            ..*req
        };
        vet(&unseen, &policy).err().map(|breach| breach.rule)
    });
    assert_eq!(refused, Some(Refused::HeadUnseen));
}

#[test]
fn content_length_has_one_spelling() {
    for (value, length) in [("0", 0), ("5", 5), ("10", 10), ("10485760", 10_485_760)] {
        assert_eq!(
            framed(&post().with("content-length", value)),
            Ok(Some(length)),
            "{value}"
        );
    }
    let odd = [
        "05",
        "00",
        "+5",
        "-1",
        "0x5",
        "5_0",
        "5 5",
        " 5",
        "5 ",
        "",
        "5,5",
        "5, 5",
        "5;",
        "18446744073709551616",
    ];
    for value in odd {
        assert_eq!(
            framed(&post().with("content-length", value)),
            Err(Refused::ContentLength),
            "{value:?}"
        );
        let h2 = Sent::h2("/").method("POST").with("content-length", value);
        assert_eq!(framed(&h2), Err(Refused::ContentLength), "h2 {value:?}");
    }
    for second in ["5", "6"] {
        let sent = post()
            .with("content-length", "5")
            .with("content-length", second);
        assert_eq!(
            framed(&sent),
            Err(Refused::ContentLength),
            "repeated {second}"
        );
    }
}

#[test]
fn a_body_above_the_limit_is_refused() {
    assert_eq!(
        framed(&post().with("content-length", "10485761")),
        Err(Refused::BodyTooLarge)
    );
    assert_eq!(
        framed(&post().with("content-length", "18446744073709551615")),
        Err(Refused::BodyTooLarge)
    );
}

#[test]
fn transfer_encoding_is_one_plain_chunked() {
    for value in ["chunked", "Chunked", "CHUNKED"] {
        assert_eq!(
            framed(&post().with("transfer-encoding", value)),
            Ok(None),
            "{value}"
        );
    }
    let cases = [
        ("gzip, chunked", Refused::TransferCoding),
        ("GZIP,chunked", Refused::TransferCoding),
        ("deflate", Refused::TransferCoding),
        ("gzip, deflate, chunked", Refused::TransferCoding),
        ("", Refused::TransferEncoding),
        (",chunked", Refused::TransferEncoding),
        ("chunked,", Refused::TransferEncoding),
        ("chunked, chunked", Refused::TransferEncoding),
        ("chunked, gzip", Refused::TransferEncoding),
        ("chunked, identity", Refused::TransferEncoding),
        ("identity, chunked", Refused::TransferEncoding),
        ("identity", Refused::TransferEncoding),
        ("xchunked", Refused::TransferEncoding),
        ("chunked;q=1", Refused::TransferEncoding),
        ("\"chunked\"", Refused::TransferEncoding),
        ("\u{a0}chunked", Refused::TransferEncoding),
        ("chunked\tx", Refused::TransferEncoding),
    ];
    for (value, refused) in cases {
        assert_eq!(
            framed(&post().with("transfer-encoding", value)),
            Err(refused),
            "{value:?}"
        );
    }
    let twice = post()
        .with("transfer-encoding", "chunked")
        .with("transfer-encoding", "chunked");
    assert_eq!(framed(&twice), Err(Refused::TransferEncoding));
}

#[test]
fn transfer_encoding_belongs_to_http_1_1() {
    let sent = Sent {
        version: Version::HTTP_10,
        ..post()
    }
    .with("transfer-encoding", "chunked");
    assert_eq!(framed(&sent), Err(Refused::TransferEncoding));
    let sent = Sent::h2("/")
        .method("POST")
        .with("transfer-encoding", "chunked");
    assert_eq!(framed(&sent), Err(Refused::TransferEncoding));
}

#[test]
fn padding_hidden_by_the_parser_is_found_in_the_head() {
    for line in ["Transfer-Encoding: chunked ", "transfer-encoding:chunked\t"] {
        let head = format!("POST / HTTP/1.1\r\nHost: app.test\r\n{line}\r\n\r\n");
        let sent = post().with("transfer-encoding", "chunked").head(head);
        assert_eq!(framed(&sent), Err(Refused::TransferEncoding), "{line:?}");
    }
}

#[test]
fn two_lengths_are_refused_even_when_the_parser_has_dropped_one() {
    let both = post()
        .with("content-length", "6")
        .with("transfer-encoding", "chunked");
    assert_eq!(framed(&both), Err(Refused::FramingConflict));

    let dropped = both
        .clone()
        .without("content-length")
        .head(both.written_head());
    assert_eq!(framed(&dropped), Err(Refused::FramingConflict));

    let twice = both.clone().with("content-length", "6");
    let dropped = twice
        .clone()
        .without("content-length")
        .head(twice.written_head());
    assert_eq!(framed(&dropped), Err(Refused::FramingConflict));
}

#[test]
fn the_head_must_be_what_was_parsed() {
    let line = "GET / HTTP/1.1\r\n";
    let host = "Host: app.test\r\n";
    let cases = [
        (format!("GET / HTTP/1.1\n{host}\r\n"), Refused::BareLineEnd),
        (format!("{line}Host: app.test\n\r\n"), Refused::BareLineEnd),
        (format!("{line}{host}\n"), Refused::BareLineEnd),
        (format!("{line}{host}\n\r\n"), Refused::BareLineEnd),
        (
            format!("{line}Host: app\r.test\r\n\r\n"),
            Refused::BareLineEnd,
        ),
        (format!("\r\n{line}{host}\r\n"), Refused::RequestLine),
        (format!(" {line}{host}\r\n"), Refused::RequestLine),
        (
            format!("GET /#frag HTTP/1.1\r\n{host}\r\n"),
            Refused::RequestLine,
        ),
        (
            format!("GET  / HTTP/1.1\r\n{host}\r\n"),
            Refused::RequestLine,
        ),
        (
            format!("GET\t/ HTTP/1.1\r\n{host}\r\n"),
            Refused::RequestLine,
        ),
        (
            format!("GET / HTTP/1.1 \r\n{host}\r\n"),
            Refused::RequestLine,
        ),
        (
            format!("GET / HTTP/1.0\r\n{host}\r\n"),
            Refused::RequestLine,
        ),
        (
            format!("{line}Host: app.test\r\n\tx\r\n\r\n"),
            Refused::ObsFold,
        ),
        (
            format!("{line}{host} X-Session-Id: x\r\n\r\n"),
            Refused::ObsFold,
        ),
        (
            format!("{line}{host}X-Unseen: 1\r\n\r\n"),
            Refused::HeadMismatch,
        ),
        (format!("{line}\r\n"), Refused::HeadMismatch),
        (format!("{line}{host}"), Refused::HeadMismatch),
        (format!("{line}{host}\r\nbody"), Refused::HeadMismatch),
        (String::new(), Refused::RequestLine),
    ];
    for (head, refused) in cases {
        assert_eq!(
            Sent::get("/").head(&head).refusal(),
            Some(refused),
            "{head:?}"
        );
    }
    assert_eq!(
        Sent::get("/").head(format!("{line}{host}\r\n")).refusal(),
        None,
        "the canonical head"
    );
}

#[test]
fn header_limits_are_exact() {
    let with_fields =
        |count: usize| (1..count).fold(Sent::get("/"), |sent, n| sent.with(&format!("x-{n}"), "v"));
    assert_eq!(with_fields(100).refusal(), None);
    assert_eq!(with_fields(101).refusal(), Some(Refused::HeaderCount));

    let host = "host: app.test\r\n".len();
    let with_bytes = |bytes: usize| {
        Sent::get("/").with("x-fill", "v".repeat(bytes - host - "x-fill: \r\n".len()))
    };
    assert_eq!(with_bytes(32 * 1024).refusal(), None);
    assert_eq!(
        with_bytes(32 * 1024 + 1).refusal(),
        Some(Refused::HeaderBytes)
    );
}

#[test]
fn limits_come_from_the_policy() {
    let tight = EdgePolicy {
        max_header_count: 1,
        max_header_bytes: 40,
        max_body_bytes: 4,
        ..policy()
    };
    assert_eq!(Sent::get("/").refusal_under(&tight), None);
    assert_eq!(
        Sent::get("/").with("a", "b").refusal_under(&tight),
        Some(Refused::HeaderCount)
    );
    let wider = EdgePolicy {
        max_header_count: 2,
        ..tight
    };
    assert_eq!(
        Sent::get("/")
            .with("a", "b".repeat(40))
            .refusal_under(&wider),
        Some(Refused::HeaderBytes)
    );
    assert_eq!(
        post().with("content-length", "4").refusal_under(&wider),
        None
    );
    assert_eq!(
        post().with("content-length", "5").refusal_under(&wider),
        Some(Refused::BodyTooLarge)
    );
}

proptest! {
    #[test]
    fn an_accepted_length_prints_as_it_was_sent(digits in "[0-9+ ]{0,22}") {
        if let Some(length) = canonical_length(digits.as_bytes()) {
            prop_assert_eq!(length.to_string(), digits);
        }
    }

    #[test]
    fn every_number_is_accepted(length in any::<u64>()) {
        prop_assert_eq!(canonical_length(length.to_string().as_bytes()), Some(length));
    }

    /// The branchless count agrees with the obvious one, also across its blocks.
    #[test]
    fn lines_are_counted_as_one_would_by_eye(
        pieces in proptest::collection::vec("(\r\n|\r|\n|x{1,90}|\r\n){1,3}", 0..8),
    ) {
        let head = pieces.concat();
        let rest = head.replace("\r\n", "");
        let clean = !rest.contains('\r') && !rest.contains('\n');
        let lines = clean.then(|| head.matches("\r\n").count());
        prop_assert_eq!(count_lines(head.as_bytes()), lines);
    }

    #[test]
    fn any_head_is_judged_without_panic(head in proptest::collection::vec(any::<u8>(), 0..200)) {
        let written = Sent::get("/").written_head();
        let refused = Sent::get("/").head(&head).refusal();
        prop_assert!(refused.is_some() || head == written);
    }

    #[test]
    fn a_stray_line_end_never_passes(at in 0_usize..30, carriage_return in any::<bool>()) {
        let stray = if carriage_return { b'\r' } else { b'\n' };
        let mut head = Sent::get("/").written_head();
        head.insert(at, stray);
        prop_assert!(Sent::get("/").head(&head).refusal().is_some());
    }
}
