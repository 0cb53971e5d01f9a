use http::header::{COOKIE, HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{CookieLimits, Cookies, MAX_COOKIES, MAX_ONE_COOKIE_BYTES, SidCookie, SidNames};
use crate::edge::Refused;

const LIMIT: usize = 8192;

fn fields(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(COOKIE, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

/// What the parser makes of Cookie fields: our value, the line for an app, and how many pairs it
/// dropped.
type Reading = (Option<Vec<u8>>, Vec<u8>, usize);

fn read_as<'n>(name: impl Into<SidNames<'n>>, values: &[&[u8]]) -> Result<Reading, Refused> {
    let headers = fields(values);
    let cookies = Cookies::parse(&headers, name, CookieLimits::of_bytes(LIMIT))
        .map_err(|breach| breach.rule)?;
    let sid = match cookies.sid() {
        SidCookie::None => None,
        SidCookie::One(value) => Some(value.to_vec()),
    };
    let line = cookies
        .upstream_line(|_| false)
        .map(|line| line.as_bytes().to_vec())
        .unwrap_or_default();
    Ok((sid, line, cookies.dropped()))
}

fn read(value: impl AsRef<[u8]>) -> Result<Reading, Refused> {
    read_as("sid", &[value.as_ref()])
}

fn reading(sid: Option<&str>, line: &str, dropped: usize) -> Result<Reading, Refused> {
    Ok((
        sid.map(|sid| sid.as_bytes().to_vec()),
        line.as_bytes().to_vec(),
        dropped,
    ))
}

#[test]
fn our_cookie_is_taken_out_wherever_it_stands() {
    for name in ["sid", "__Host-sid"] {
        for (sent, line) in [
            ("N=A", ""),
            ("N=A; theme=1; csrftoken=x", "theme=1; csrftoken=x"),
            ("theme=1; N=A; csrftoken=x", "theme=1; csrftoken=x"),
            ("theme=1;csrftoken=x;N=A", "theme=1; csrftoken=x"),
            (" theme=1 ;\t N=A\t;; csrftoken=x; ", "theme=1; csrftoken=x"),
        ] {
            let sent = sent.replace('N', name);
            assert_eq!(
                read_as(name, &[sent.as_bytes()]),
                reading(Some("A"), line, 0),
                "{sent}"
            );
        }
    }
    assert_eq!(read_as("sid", &[]), reading(None, "", 0));
}

#[test]
fn crumbs_are_one_line() {
    let crumbs: [&[u8]; 3] = [b"sid=A", b"theme=1", b"csrftoken=x"];
    assert_eq!(
        read_as("sid", &crumbs),
        reading(Some("A"), "theme=1; csrftoken=x", 0)
    );
}

#[test]
fn the_value_is_neither_unquoted_nor_decoded() {
    for value in [
        "\"A\"", "", "%41", "A%20", "A,x", "\\101", "A=B=", "\"", "A\"", "A B",
    ] {
        assert_eq!(
            read(format!("a=1; sid={value}")),
            reading(Some(value), "a=1", 0),
            "{value}"
        );
    }
    assert_eq!(
        read("sid"),
        reading(Some(""), "", 0),
        "a bare name is a malformed cookie of that name"
    );
    assert_eq!(read("sid=\u{2000}A"), reading(Some("\u{2000}A"), "", 0));
}

#[test]
fn a_second_cookie_of_our_name_is_refused_whatever_it_holds() {
    for other in [
        "sid=A",
        "sid=B",
        "sid=",
        "sid",
        "sid=\"A\"",
        "sid=\u{fc}",
        "\tsid=B",
    ] {
        for sent in [
            format!("sid=A; {other}"),
            format!("{other}; theme=1; sid=A"),
        ] {
            assert_eq!(read(&sent), Err(Refused::SidRepeated), "{sent}");
        }
        assert_eq!(
            read_as("sid", &[b"sid=A", other.as_bytes()]),
            Err(Refused::SidRepeated),
            "two fields, {other}"
        );
    }
}

#[test]
fn other_names_are_not_ours() {
    for other in [
        "SID=B",
        "Sid=B",
        "%73id=B",
        "xsid=B",
        "sidx=B",
        "sid.=B",
        "\"sid\"=B",
        "__Host-sid=B",
        "s id=B",
    ] {
        assert_eq!(read(other), reading(None, other, 0), "{other}");
        assert_eq!(
            read(format!("{other}; sid=A")),
            reading(Some("A"), other, 0),
            "{other}"
        );
    }
}

#[test]
fn names_that_some_server_folds_into_ours_are_dropped() {
    let spaces = [
        "\u{2000}", "\u{a0}", "\u{85}", "\u{3000}", "\u{feff}", "\u{180e}", "\u{2003}",
    ];
    for space in spaces {
        for odd in [
            format!("{space}sid=B"),
            format!("sid{space}=B"),
            format!("{space}sid{space}"),
        ] {
            assert_eq!(
                read(format!("{odd}; sid=A; a=1")),
                reading(Some("A"), "a=1", 1),
                "{odd:?}"
            );
            assert_eq!(read(&odd), reading(None, "", 1), "{odd:?}");
        }
    }
    let odd: [&[u8]; 8] = [
        b"\x85sid=B",
        b"\xa0sid=B",
        b"sid =B",
        b"sid\t=B",
        b"$sid=B",
        b"=sid=B",
        b"$sid",
        b"=B",
    ];
    for odd in odd {
        let sent = [odd, b"; sid=A"].concat();
        assert_eq!(
            read(&sent),
            reading(Some("A"), "", 1),
            "{}",
            odd.escape_ascii()
        );
    }
}

#[test]
fn pairs_that_no_grammar_allows_are_dropped_alone() {
    for odd in [
        "name=J\u{fc}rgen",
        "n\u{e4}me=1",
        "a=1\t2",
        "$Version=1",
        "$Path=/",
        "$",
        "a =1",
        "=",
    ] {
        assert_eq!(
            read(format!("x=1; {odd}; y=2")),
            reading(None, "x=1; y=2", 1),
            "{odd}"
        );
    }
    assert_eq!(
        read("$Version=1; sid=A; $Path=/"),
        reading(Some("A"), "", 2)
    );
}

#[test]
fn well_formed_foreign_pairs_pass_byte_for_byte() {
    let pairs = [
        "theme=dark",
        "empty=",
        "flag",
        "a=b=c==",
        "quoted=\"x y\"",
        "odd=\"x",
        "odd=x\"",
        "json={\"a\": 1, \"b\": [2, 3]}",
        "escaped={\"say\":\"\\\"hi\\\"\"}",
        "encoded=%7B%22a%22%3A1%7D",
        "_ga=GA1.2.123.456",
        "spaced= x",
        "dots.and[brackets]=1",
        "jwt=eyJ.eyJ.x_-",
        "comma=a,b, sid=B",
        "__Secure-x=1",
        "back\\slash=\\",
    ];
    for pair in pairs {
        assert_eq!(read(pair), reading(None, pair, 0));
        assert_eq!(read(format!("sid=A; {pair}")), reading(Some("A"), pair, 0));
    }
    let all = pairs[..5].join("; ");
    assert_eq!(read(&all), reading(None, &all, 0));
}

#[test]
fn our_cookie_between_odd_quotes_is_refused() {
    for sent in [
        "$Version=\"1\"; a=\"x; sid=A; b=y\"",
        "a=\"x; sid=A; b=\"y\"\"",
        "a=\"; sid=A; \"",
        "a=\"x\\\"; sid=A; b=y\"",
        "a=\"x; c=1; sid=A; d=2; b=y\"",
        "a=\"x; sid=A\"",
    ] {
        assert_eq!(read(sent), Err(Refused::SidQuoted), "{sent}");
    }
    for sent in [
        "a=\"x; sid=A; b=y",
        "a=\"x; b=y\"; sid=A",
        "sid=A; a=\"x; b=y\"",
        "a=x\"; sid=A; b=y\"",
        "a=\"x\"; sid=A; b=\"y\"",
        "a=\"x\\\\\"; sid=A; b=y\"",
    ] {
        assert!(read(sent).is_ok(), "{sent}");
    }
    let json = "a={\"x\":\"\\\"\"}; sid=A; b={\"y\":1}";
    assert!(
        read(json).is_ok(),
        "balanced quotes on both sides are ordinary"
    );
}

#[test]
fn legacy_names_are_stripped_by_the_caller() {
    let headers = fields(&[b"dott_x=1; session_token=s; theme=1; session_token; sid=A"]);
    let cookies = Cookies::parse(&headers, "sid", CookieLimits::of_bytes(LIMIT)).unwrap();
    let legacy = |name: &[u8]| name == b"session_token" || name.starts_with(b"dott_");
    let line = cookies.upstream_line(legacy).unwrap();
    assert_eq!(line, "theme=1");
    assert!(line.is_sensitive());
    assert_eq!(cookies.upstream_line(|_| true), None);
    let token = cookies
        .foreign()
        .find(|pair| pair.name() == b"session_token")
        .unwrap();
    assert_eq!(
        (token.value(), token.text()),
        (&b"s"[..], &b"session_token=s"[..])
    );
}

#[test]
fn limits_are_exact() {
    let cookies = |count: usize| vec!["a=1"; count].join(";");
    assert!(read(cookies(MAX_COOKIES)).is_ok());
    assert_eq!(read(cookies(MAX_COOKIES + 1)), Err(Refused::CookieCount));
    assert_eq!(
        read(["\u{e9}=1"; MAX_COOKIES + 1].join(";")),
        Err(Refused::CookieCount),
        "dropped ones count"
    );

    let one = |bytes: usize| format!("a={}", "x".repeat(bytes - 1));
    assert!(read(one(MAX_ONE_COOKIE_BYTES)).is_ok());
    assert_eq!(
        read(one(MAX_ONE_COOKIE_BYTES + 1)),
        Err(Refused::CookieBytes)
    );
    assert_eq!(
        read(format!("sid={}", "x".repeat(MAX_ONE_COOKIE_BYTES))),
        Err(Refused::CookieBytes)
    );

    let three = format!(
        "{};{};b={}",
        "x".repeat(4000),
        "y".repeat(4000),
        "z".repeat(LIMIT - 8002 - 2)
    );
    assert_eq!(three.len(), LIMIT);
    assert!(read(&three).is_ok());
    assert_eq!(read(format!("{three}z")), Err(Refused::CookieBytes));
    assert_eq!(
        read_as("sid", &[three.as_bytes(), b""]),
        Err(Refused::CookieBytes),
        "fields count as one line"
    );
}

/// Cookie text that is likely to hit a rule.
fn tricky_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"sid".to_vec()),
        Just(b"=".to_vec()),
        Just(b";".to_vec()),
        Just(b"; ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\\".to_vec()),
        Just(b"$".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\t".to_vec()),
        Just(b"\xe2\x80\x80".to_vec()),
        Just(b"\x85".to_vec()),
        "[a-z]{1,3}".prop_map(String::into_bytes),
        "[ -~]{1,2}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(sidgate_testkit::corpus::tried(1024))]

    /// What an app gets is a fixed point: read again, nothing is dropped and nothing changes, and
    /// ours is not in it.
    #[test]
    fn the_upstream_line_reads_back_as_itself(one in tricky_text(), two in tricky_text()) {
        if let Ok((_, line, _)) = read_as("sid", &[&one, &two]) {
            prop_assert_eq!(read(&line), Ok((None, line, 0)));
        }
    }

    /// Even the most generous trimming finds no cookie of our name in the line.
    #[test]
    fn no_trimming_finds_ours_upstream(text in tricky_text()) {
        if let Ok((_, line, _)) = read(&text) {
            let line = String::from_utf8(line).unwrap();
            for pair in line.split(';') {
                let name = pair.split('=').next().unwrap();
                prop_assert_ne!(name.trim().trim_start_matches('$'), "sid");
            }
        }
    }

    #[test]
    fn one_field_or_many_is_the_same(parts in proptest::collection::vec(tricky_text(), 1..4)) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(read_as("sid", &parts), read_as("sid", &[&parts.join(&b"; "[..])]));
    }
}

/// A sid of another site is as secret as ours, and says nothing here.
#[test]
fn cookies_of_other_sites_are_hidden_and_mean_nothing() {
    let others = ["__Host-shop".to_owned(), "admin-sid".to_owned()];
    let names = SidNames {
        own: "sid",
        others: &others,
    };
    for (sent, sid, line) in [
        ("__Host-shop=X; theme=1; admin-sid=Y", None, "theme=1"),
        ("admin-sid=Y; sid=A; admin-sid=Z", Some("A"), ""),
        ("admin-sid; sid=A; a=1", Some("A"), "a=1"),
        // Another name altogether.
        ("Admin-sid=Y; x=1", None, "Admin-sid=Y; x=1"),
    ] {
        let read = read_as(names, &[sent.as_bytes()]);
        assert_eq!(read, reading(sid, line, 0), "{sent}");
    }
    // They count towards the limits all the same.
    let many = "admin-sid=Y; ".repeat(MAX_COOKIES + 1);
    assert_eq!(
        read_as(names, &[many.as_bytes()]),
        Err(Refused::CookieCount)
    );
}
