use http::header::{HeaderMap, HeaderValue, REFERER};
use proptest::prelude::*;

use super::{InvalidLoginUrl, LoginUrl, MAX_NEXT_BYTES, is_local, page_of_form};

fn location(login_url: &str, path: &str, query: Option<&str>) -> Option<String> {
    LoginUrl::parse(login_url).unwrap().location(path, query)
}

#[test]
fn the_way_back_is_one_encoded_value() {
    let cases = [
        ("/login", "/app", None, "/login?next=/app"),
        ("/login", "/", None, "/login?next=/"),
        (
            "/login",
            "/app",
            Some("a=1&b=2"),
            "/login?next=/app%3Fa%3D1%26b%3D2",
        ),
        ("/login", "/app", Some(""), "/login?next=/app%3F"),
        (
            "/login",
            "/a%20b",
            Some("q=%26"),
            "/login?next=/a%2520b%3Fq%3D%2526",
        ),
        (
            "/login",
            "/a",
            Some("q=\u{e9}\r\n"),
            "/login?next=/a%3Fq%3D%C3%A9%0D%0A",
        ),
        ("/login", "/a+b", None, "/login?next=/a%2Bb"),
        ("/login?lang=de", "/app", None, "/login?lang=de&next=/app"),
        ("/login#form", "/app", None, "/login?next=/app#form"),
        (
            "/login?lang=de#form",
            "/app",
            None,
            "/login?lang=de&next=/app#form",
        ),
        (
            "https://sso.test/in",
            "/app",
            None,
            "https://sso.test/in?next=/app",
        ),
    ];
    for (login_url, path, query, expected) in cases {
        assert_eq!(location(login_url, path, query).as_deref(), Some(expected));
    }
}

#[test]
fn the_login_page_itself_is_never_redirected() {
    for (login_url, path) in [
        ("/login", "/login"),
        ("/login", "/login/"),
        ("/login/", "/login"),
        ("/login?lang=de", "/login"),
        ("/", "/"),
    ] {
        assert_eq!(
            location(login_url, path, Some("next=/x")),
            None,
            "{login_url} {path}"
        );
    }
    assert!(location("/login", "/login/help", None).is_some());
    assert!(location("/login", "/loginx", None).is_some());
    assert!(
        location("https://sso.test/in", "/in", None).is_some(),
        "the same path of another origin"
    );
}

#[test]
fn a_way_back_to_elsewhere_is_left_out() {
    for path in [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "",
        "evil",
    ] {
        assert_eq!(
            location("/login", path, None).as_deref(),
            Some("/login"),
            "{path}"
        );
    }
}

#[test]
fn a_long_way_back_loses_its_query_then_itself() {
    let longest = format!("/{}", "a".repeat(MAX_NEXT_BYTES - 1));
    assert_eq!(
        location("/login", &longest, None),
        Some(format!("/login?next={longest}"))
    );
    assert_eq!(
        location("/login", &longest, Some("q")),
        Some(format!("/login?next={longest}"))
    );
    assert_eq!(
        location("/login", &format!("{longest}a"), Some("q")).as_deref(),
        Some("/login")
    );
    assert_eq!(
        location("/login", "/app", Some(&"&".repeat(MAX_NEXT_BYTES / 3))).as_deref(),
        Some("/login?next=/app")
    );
}

#[test]
fn a_login_url_is_local_or_absolute() {
    for url in [
        "/login",
        "/",
        "/accounts/login/?a=b#c",
        "https://sso.test/",
        "http://localhost:8000/login",
    ] {
        assert!(LoginUrl::parse(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "login",
        "//evil.test",
        "/\\evil",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "ftp://x",
        "/a\r\nb",
        "/a b",
        "/\u{e9}",
    ] {
        assert_eq!(LoginUrl::parse(url), Err(InvalidLoginUrl), "{url:?}");
    }
}

#[test]
fn local_targets_stay_on_the_origin() {
    for target in ["/", "/a", "/a//b", "/a?b=//c"] {
        assert!(is_local(target), "{target}");
    }
    for target in [
        "",
        "a",
        "//",
        "//evil",
        "/\\evil",
        "\\\\evil",
        "https://evil",
        "/\t/evil",
        "/a\r\nb",
        " /a",
    ] {
        assert!(!is_local(target), "{target:?}");
    }
}

#[test]
fn a_form_leads_back_to_the_page_that_held_it() {
    let page = |referers: &[&str]| {
        let mut headers = HeaderMap::new();
        for referer in referers {
            headers.append(
                REFERER,
                HeaderValue::from_bytes(referer.as_bytes()).unwrap(),
            );
        }
        let target = page_of_form(&headers, "https://app.test")?;
        Some((target.path.to_owned(), target.query.map(str::to_owned)))
    };
    let found = |path: &str, query: Option<&str>| Some((path.to_owned(), query.map(str::to_owned)));
    assert_eq!(page(&["https://app.test/a/b"]), found("/a/b", None));
    assert_eq!(
        page(&["https://app.test/a?b=1&c"]),
        found("/a", Some("b=1&c"))
    );
    for other in [
        "",
        "https://app.test",
        "https://app.test.evil.test/a",
        "https://app.test@evil.test/a",
        "https://app.test:444/a",
        "http://app.test/a",
        "HTTPS://app.test/a",
        "https://app.test//evil.test/a",
        "https://app.test/\\evil.test",
        "https://app.test/%2fevil.test",
        "https://app.test/../a",
        "https://app.test/a b",
        "https://app.test/a#b",
        "https://app.test/\u{e9}",
        "//app.test/a",
        "/a",
    ] {
        assert_eq!(page(&[other]), None, "{other}");
    }
    assert_eq!(page(&["https://app.test/a", "https://app.test/a"]), None);
    assert_eq!(page(&[]), None);
}

proptest! {
    /// Nothing in the request ends the value or the header, and the login page reads back exactly
    /// what was asked for.
    #[test]
    fn next_decodes_to_the_request(
        path in "/[!-~]{0,30}",
        query in proptest::option::of("[ -~é]{0,30}"),
    ) {
        prop_assume!(is_local(&path));
        let location = location("/login", &path, query.as_deref());
        prop_assume!(location.is_some());
        let location = location.unwrap();
        let next = location.strip_prefix("/login?next=").unwrap();
        let inert = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        prop_assert!(next.bytes().all(inert));
        let asked = match query {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        prop_assert_eq!(decode(next), asked.into_bytes());
    }
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (byte, width) = match first {
            '%' => (u8::from_str_radix(&rest[1..3], 16).unwrap(), 3),
            other => (u8::try_from(other).unwrap(), 1),
        };
        bytes.push(byte);
        rest = &rest[width..];
    }
    bytes
}
