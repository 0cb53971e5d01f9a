use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Answer, OnMissing};

const BROWSER_ACCEPT: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

fn auto(fields: &[(&'static str, &str)]) -> Answer {
    OnMissing::Auto.answer("GET", false, &headers(fields))
}

#[test]
fn a_navigation_gets_the_login_page() {
    for dest in ["document", "iframe", "frame", "embed", "object"] {
        let sent = [
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", dest),
            ("accept", BROWSER_ACCEPT),
        ];
        assert_eq!(auto(&sent), Answer::LoginPage, "{dest}");
    }
    for alone in [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ] {
        assert_eq!(auto(&[alone]), Answer::LoginPage, "{alone:?}");
    }
}

#[test]
fn a_script_gets_a_status_even_when_it_takes_html() {
    for mode in [
        "cors",
        "no-cors",
        "same-origin",
        "websocket",
        "",
        "Navigate",
    ] {
        let sent = [
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", "empty"),
            ("accept", BROWSER_ACCEPT),
        ];
        assert_eq!(auto(&sent), Answer::Unauthorized, "{mode}");
    }
    for dest in ["image", "empty", "script", "Document", ""] {
        assert_eq!(
            auto(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", dest)]),
            Answer::Unauthorized,
            "{dest}"
        );
    }
    let twice = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-mode", "navigate"),
    ];
    assert_eq!(auto(&twice), Answer::Unauthorized, "repeated");
}

#[test]
fn without_fetch_metadata_accept_decides() {
    for accept in [
        BROWSER_ACCEPT,
        "text/html",
        "TEXT/HTML",
        "application/xhtml+xml",
        "text/html;charset=utf-8;q=0.9, application/json;q=0.5",
        "application/json;q=0, text/html;q=0.001",
    ] {
        assert_eq!(auto(&[("accept", accept)]), Answer::LoginPage, "{accept}");
    }
    for accept in [
        "",
        "*/*",
        "application/json",
        "application/json, text/plain, */*",
        "text/*",
        "text/html;q=0",
        "text/html;q=0.000",
        "text/html;q=2",
        "text/html;q=x",
        "text/html;q=0.0001",
        "text/html, application/json",
        "text/html;q=0.5, application/json",
        "text/htmlx",
    ] {
        assert_eq!(
            auto(&[("accept", accept)]),
            Answer::Unauthorized,
            "{accept}"
        );
    }
    assert_eq!(auto(&[]), Answer::Unauthorized);
    assert_eq!(
        auto(&[("accept", "image/png"), ("accept", "text/html")]),
        Answer::LoginPage,
        "two fields"
    );
}

#[test]
fn an_xhr_that_says_so_gets_a_status() {
    let sent = [
        ("accept", "text/html"),
        ("x-requested-with", "XMLHttpRequest"),
    ];
    assert_eq!(auto(&sent), Answer::Unauthorized);
}

#[test]
fn only_reads_are_redirected() {
    let navigation = headers(&[("sec-fetch-mode", "navigate"), ("accept", BROWSER_ACCEPT)]);
    for mode in [OnMissing::Auto, OnMissing::Redirect] {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                mode.answer(method, false, &navigation),
                Answer::LoginPage,
                "{mode:?} {method}"
            );
            assert_eq!(
                mode.answer(method, true, &navigation),
                Answer::Unauthorized,
                "{mode:?} websocket"
            );
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            assert_eq!(
                mode.answer(method, false, &navigation),
                Answer::Unauthorized,
                "{mode:?} {method}"
            );
        }
    }
}

#[test]
fn the_fixed_modes_ask_nobody() {
    let navigation = headers(&[("sec-fetch-mode", "navigate")]);
    let script = headers(&[("sec-fetch-mode", "cors")]);
    assert_eq!(
        OnMissing::Unauthorized.answer("GET", false, &navigation),
        Answer::Unauthorized
    );
    assert_eq!(
        OnMissing::Redirect.answer("GET", false, &script),
        Answer::LoginPage
    );
}

proptest! {
    #[test]
    fn any_accept_is_read_without_panic(accept in "[ -~]{0,60}") {
        auto(&[("accept", &accept)]);
    }
}
