use proptest::prelude::*;

use super::{MAX_TARGET_BYTES, Target, other_readings, without_params};
use crate::edge::Refused;

#[test]
fn ordinary_targets_pass_as_they_are() {
    let targets = [
        "/",
        "/admin",
        "/admin/",
        "/a/b/c.json",
        "/.well-known/acme-challenge/x",
        "/...",
        "/..a/.b/c..",
        "/ADMIN",
        "/a%20b",
        "/J%C3%BCrgen",
        "/100%25",
        "/100%25/x",
        "/a%25zz",
        "/a%3Bb%3Fc%23d",
        "/a;b",
        "/a;b=c;d/e",
        "/files/a:b@c!$&'()*+,=~_-",
        "/[slug]|x",
        "/_next/data/B/admin.json",
        "/admin.segments/_tree.segment.rsc",
    ];
    for target in targets {
        let parsed = parse(target.as_bytes()).unwrap();
        assert_eq!((parsed.path, parsed.query), (target, None));
    }
}

#[test]
fn the_query_is_not_policed() {
    let queries = [
        "",
        "_rsc=1",
        "next=//evil/..%2f%00",
        "a=\\;%zz%",
        "a?b",
        "q=%61%252f",
        "q=é",
        "url=http://x/../y",
    ];
    for query in queries {
        let target = format!("/a?{query}");
        let parsed = parse(target.as_bytes()).unwrap();
        assert_eq!((parsed.path, parsed.query), ("/a", Some(query)));
    }
}

/// Every target of `targets` breaks the rule `refused`, and no rule before it.
fn parse(target: &[u8]) -> Result<Target<'_>, Refused> {
    Target::parse(target, MAX_TARGET_BYTES)
}

fn assert_refused(refused: Refused, targets: &[&[u8]]) {
    for target in targets {
        assert_eq!(
            parse(target).err(),
            Some(refused),
            "{}",
            target.escape_ascii()
        );
    }
}

#[test]
fn only_origin_form_is_a_target() {
    let others: [&[u8]; 8] = [
        b"",
        b"admin/",
        b"?x",
        b"*",
        b"http://app.test/admin",
        b"foo://x/admin",
        b"app.test:443",
        b"%2fadmin",
    ];
    assert_refused(Refused::TargetForm, &others);
}

#[test]
fn segments_that_vanish_downstream_are_refused() {
    let empty: [&[u8]; 9] = [
        b"//evil/admin",
        b"//admin",
        b"/public//../admin",
        b"///",
        b"//",
        b"/a//",
        b"/;/admin",
        b"/;x",
        b"/a/;x=1/admin",
    ];
    assert_refused(Refused::TargetEmptySegment, &empty);
    let dots: [&[u8]; 9] = [
        b"/.",
        b"/..",
        b"/./admin",
        b"/admin/.",
        b"/public/../admin/x",
        b"/public/./../admin",
        b"/public/..;/admin",
        b"/public/.;x=1/admin",
        b"/public/..;",
    ];
    assert_refused(Refused::TargetDotSegment, &dots);
}

#[test]
fn escapes_that_decode_into_structure_are_refused() {
    let structure: [&[u8]; 13] = [
        b"/public/%2e%2e/admin",
        b"/public/.%2e/admin",
        b"/public/%2E./admin",
        b"/public/..%2fadmin",
        b"/public%2f..%2fadmin",
        b"/%2Fadmin",
        b"/public/%5c../admin",
        b"/a%5Cb",
        b"/admin%00",
        b"/admin%0a",
        b"/admin%0d%0aX:1",
        b"/admin%1F",
        b"/admin%7f",
    ];
    assert_refused(Refused::TargetEscapeForbidden, &structure);
    assert_refused(
        Refused::TargetEscapeDouble,
        &[b"/admin%252f..", b"/%252e%252e/admin", b"/%25%2541"],
    );
    let needless: [&[u8]; 7] = [
        b"/%61dmin",
        b"/ad%6Din",
        b"/a%2Db",
        b"/a%5fb",
        b"/%7Euser",
        b"/%30",
        b"/%25%36%31dmin",
    ];
    assert_refused(Refused::TargetEscapeNeedless, &needless);
    assert_refused(
        Refused::TargetEscapeMalformed,
        &[b"/a%", b"/a%2", b"/a%zz", b"/a%+1"],
    );
}

#[test]
fn raw_bytes_that_are_no_path_are_refused() {
    assert_refused(Refused::TargetBackslash, &[b"/public/..\\admin", b"/a\\b"]);
    let bytes: [&[u8]; 10] = [
        b"/admin#frag",
        b"/a?b#c",
        b"/a b",
        b"/a?b c",
        b"/admin\t",
        b"/a\x7f",
        b"/\xffadmin",
        b"/a?\xff",
        b"/a?x\0y",
        "/adm\u{131}n".as_bytes(),
    ];
    assert_refused(Refused::TargetByte, &bytes);
}

#[test]
fn the_length_limit_counts_path_and_query() {
    for prefix in ["/", "/?"] {
        let longest = format!("{prefix}{}", "a".repeat(MAX_TARGET_BYTES - prefix.len()));
        assert!(parse(longest.as_bytes()).is_ok());
        assert_eq!(
            parse(format!("{longest}a").as_bytes()).err(),
            Some(Refused::TargetTooLong)
        );
    }
}

#[test]
fn parameters_are_cut_per_segment() {
    for (path, without) in [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/admin/", "/admin/"),
        ("/admin;x", "/admin"),
        ("/admin;x/", "/admin/"),
        ("/a;b;c=d/e;f/g", "/a/e/g"),
    ] {
        assert_eq!(without_params(path), without);
    }
}

#[test]
fn other_readings_are_decoded_and_bare() {
    let cases: [(&str, &[&str]); 7] = [
        ("/plain", &[]),
        ("/%40ops/x", &["/@ops/x"]),
        ("/%C3%a9", &["/\u{e9}"]),
        ("/a%25", &["/a%"]),
        ("/a;x/b", &["/a/b"]),
        ("/%40a;x", &["/@a;x", "/@a", "/%40a"]),
        ("/%40a%3Bx", &["/@a;x", "/@a", "/%40a"]),
    ];
    for (path, readings) in cases {
        assert_eq!(other_readings(path), readings, "{path}");
    }
}

/// The segments that the most generous server finds: it cuts parameters, decodes until nothing
/// changes, takes backslashes for slashes, collapses slashes and resolves dots.
fn generous_reading(path: &str) -> Vec<String> {
    let text = decode_fully(&without_params(path)).replace('\\', "/");
    let mut kept = Vec::new();
    for segment in text.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name.to_owned()),
        }
    }
    kept
}

fn decode_fully(text: &str) -> String {
    let mut decoded = text.as_bytes().to_vec();
    loop {
        let next = decode_once(&decoded);
        if next == decoded {
            return String::from_utf8_lossy(&decoded).into_owned();
        }
        decoded = next;
    }
}

fn decode_once(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        match rest {
            [b'%', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let hex = [*high, *low];
                out.push(u8::from_str_radix(str::from_utf8(&hex).unwrap(), 16).unwrap());
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Text that is likely to hit a rule.
fn tricky_target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just(".".to_owned()),
        Just(";".to_owned()),
        Just("%".to_owned()),
        Just("%2e".to_owned()),
        Just("%2F".to_owned()),
        Just("%25".to_owned()),
        Just("%C3%A9".to_owned()),
        Just("\\".to_owned()),
        Just("?".to_owned()),
        Just("admin".to_owned()),
        Just("public".to_owned()),
        "[ -~]{1,2}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(sidgate_testkit::corpus::tried(1024))]

    #[test]
    fn any_bytes_are_judged_without_panic(target in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse(&target);
    }

    #[test]
    fn an_accepted_target_is_sent_on_byte_for_byte(target in tricky_target()) {
        if let Ok(parsed) = parse(target.as_bytes()) {
            let again = match parsed.query {
                Some(query) => format!("{}?{query}", parsed.path),
                None => parsed.path.to_owned(),
            };
            prop_assert_eq!(again, target);
        }
    }

    /// No server, however generous, finds other segments in an accepted path than the route table.
    #[test]
    fn an_accepted_path_has_one_reading(target in tricky_target()) {
        if let Ok(parsed) = parse(target.as_bytes()) {
            let plain = without_params(parsed.path);
            let segments = plain.split('/').filter(|segment| !segment.is_empty());
            let ours: Vec<String> = segments.map(decode_fully).collect();
            prop_assert_eq!(ours, generous_reading(parsed.path));
        }
    }
}
