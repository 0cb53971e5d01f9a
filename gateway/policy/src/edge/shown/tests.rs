use proptest::prelude::*;

use super::*;

const SID: &str = "3f9a1c52-7be0-4d11-9a63-0d2c8e7f4b15";
const ID: &str = "01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b";

/// A path as it is written down where only [`SID`] is a session id.
fn shown(target: &str) -> String {
    path(target.as_bytes(), |text| text == SID).into_owned()
}

#[test]
fn ordinary_paths_stay_as_they_are() {
    for ordinary in [
        "/",
        "/a/b/",
        "/accounts/alice@example.com/",
        "/blog/2026/how-to-install-python3-on-a-machine-of-2024",
        "/orders/1234567890123456789012345",
        "/static/admin/css/nav_sidebar.css",
        "/_next/static/chunks/4bd1b696-182b6b13bdad92e3.js",
        "/static/app.9f86d081884c7d659a2feaa0c55ad015a3bf4f1b.css",
        "/IMG_20240101_123456789.jpg",
        "/getUserAccountSettingsPage",
        "/dp/B07XJ8C8F5",
        "/a%20b/caf%C3%A9",
        "/a;v=1/b",
        "/users/user-01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b",
        "/api/auth/sessions/01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b",
    ] {
        let written = path(ordinary.as_bytes(), |text| text == SID);
        assert!(matches!(written, Cow::Borrowed(_)), "{ordinary}");
        assert_eq!(written, ordinary);
    }
}

#[test]
fn no_query_is_written() {
    for target in ["/a?token=x", "/a?", "/a#x", "/a?b?c#d"] {
        assert_eq!(shown(target), "/a");
    }
}

#[test]
fn what_looks_like_a_secret_is_masked() {
    let escaped: String = SID.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let twice = escaped.replace('%', "%25");
    for secret in [
        SID,
        &SID.replace('-', "%2D"),
        &escaped,
        &twice,
        &format!("sid={SID};x"),
        &format!("id-{SID}"),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
        "eyJhbGciOiJub25lIn0",
        "5d41402abc4b2a76b9719d911017c592",
        "c6xk3b-4a5f6e7d8c9b0a1f2e3d4c5b6a7f8e9d",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "V1StGXR8_Z5jdHi6B-myT",
        "q9Xz3LmP0aRt7WvKs2Yd",
        "AbCdEfGhIjKlMnOpQrSt",
        "MQ:1tXbQz:kD3vJx9mQ2rT5wY8zA1cF4hL7nP0sU3v",
        "pqlarmzgknwtcuvbxeyhdsfojipqlarmzgk",
        "%2525252541",
    ] {
        assert_eq!(shown(&format!("/a/{secret}/b")), "/a/***/b", "{secret}");
    }
    assert_eq!(shown(&format!("/a/{ID}.json")), format!("/a/{ID}.json"));
    assert_eq!(
        shown(&format!("/{}.js", SID)),
        "/***",
        "no ending saves a session id"
    );
}

#[test]
fn session_ids_are_masked_in_other_letters_too() {
    for written in [SID.to_uppercase(), SID.replace('-', "_")] {
        assert_eq!(shown(&format!("/a/{written}/b")), "/a/***/b");
        assert_eq!(name(format!("X_{written}").as_bytes()), "***");
    }
}

#[test]
fn a_secret_at_the_end_of_what_is_written_is_not_written_in_part() {
    for before in (PATH_MAX - 60) / 3..PATH_MAX / 3 {
        let written = shown(&format!("/{}{SID}", "ab/".repeat(before)));
        assert!(!written.contains(&SID[..8]), "{written}");
        assert!(written.len() <= PATH_MAX);
    }
}

#[test]
fn targets_of_other_forms_lose_the_user_before_the_host() {
    assert_eq!(shown("http://user:pw@app.test/a?b"), "http://***/a");
    assert_eq!(shown("user:pw@app.test:443"), "***");
    assert_eq!(shown("admin"), "admin");
    assert_eq!(shown("*"), "*");
}

#[test]
fn whatever_bytes_come_are_made_visible() {
    let written = path(b"/\xffa\x00\x1b[2J\n\xe2\x80\xae", |_| false);
    assert_eq!(written, "/\\xffa\\x00\\x1b[2J\\x0a\\xe2\\x80\\xae");
}

#[test]
fn a_host_is_shown_without_its_user_and_is_cut() {
    let shown = |text: &[u8]| host(text, |text| text == SID).into_owned();
    assert_eq!(shown(b"shop.example.com:8080"), "shop.example.com:8080");
    assert_eq!(shown(b"user:pw@evil.test"), "evil.test");
    assert_eq!(
        shown(format!("{SID}.evil.test").as_bytes()),
        "***.evil.test"
    );
    assert_eq!(shown(b"a b\xff"), "a\\x20b\\xff");
    assert_eq!(shown("a.".repeat(500).as_bytes()).len(), HOST_MAX);
}

#[test]
fn a_refused_target_leads_wherever_it_could() {
    for target in [
        "/reset/x",
        "/reset",
        "/a/../reset/x",
        "/a//reset//x",
        "/%72eset/x",
        "/%2572eset/x",
        "/a%2freset%2fx",
        "\\reset\\x",
        "/RESET;v=1/x",
        "http://app.test/reset/x",
        "reset/x",
        "/%252525252525",
    ] {
        assert!(leads_below(target.as_bytes(), "/reset"), "{target}");
    }
    for target in ["/", "/resets/x", "/a/b", "/re/set"] {
        assert!(!leads_below(target.as_bytes(), "/reset"), "{target}");
    }
    assert!(leads_below(b"/anything", "/"));
    assert!(leads_below(b"/x/a/b/c", "/a/b/"));
    assert!(!leads_below(b"/b/a", "/a/b"));
}

/// Escapes of the bytes of a text that `which` picks, by the number of the byte.
fn escaped(text: &str, which: u64) -> String {
    let escape = |(at, byte): (usize, u8)| {
        if which >> (at % 64) & 1 == 1 {
            format!("%{byte:02X}")
        } else {
            char::from(byte).to_string()
        }
    };
    text.bytes().enumerate().map(escape).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

proptest! {
    #[test]
    fn random_tokens_are_masked_in_every_escaping(
        bytes in proptest::array::uniform32(any::<u8>()),
        which in any::<u64>(),
        in_hex in any::<bool>(),
        before in "(/[a-z]{1,8}){0,3}",
    ) {
        // A text of one letter is no token, and neither is what nobody would draw.
        prop_assume!(bytes.iter().collect::<std::collections::HashSet<_>>().len() > 24);
        let token = if in_hex { hex(&bytes) } else { base64(&bytes) };
        let written = shown(&format!("{before}/{}/end", escaped(&token, which)));
        prop_assert_eq!(written, format!("{before}/***/end"));
    }

    #[test]
    fn session_ids_are_masked_wherever_they_stand(
        before in "[!-$&-~]{0,30}",
        after in "[ -~]{0,30}",
        which in any::<u64>(),
    ) {
        let written = shown(&format!("/{before}{}{after}", escaped(SID, which)));
        prop_assert!(!written.contains(SID), "{}", written);
        prop_assert!(!written.contains(&escaped(SID, which)), "{}", written);
    }

    /// What was written once may be written again: nothing new comes to light, and nothing is lost.
    #[test]
    fn whatever_comes_is_bounded_visible_and_stable(target in proptest::collection::vec(any::<u8>(), 0..700)) {
        let written = path(&target, |text| text == SID).into_owned();
        prop_assert!(written.len() <= PATH_MAX);
        prop_assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert!(host(&target, |_| true).len() <= HOST_MAX);
        prop_assert!(name(&target).len() <= NAME_MAX);
    }

    #[test]
    fn short_words_stay(segments in proptest::collection::vec("[a-z]{1,12}(-[a-z]{1,8}){0,3}", 1..5)) {
        let target = format!("/{}", segments.join("/"));
        prop_assert_eq!(shown(&target), target);
    }
}
