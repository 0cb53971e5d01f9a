use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Allowed, CrossSite, check};

const OURS: &str = "https://app.test";

fn verdict(fields: &[(&'static str, &str)]) -> Result<Allowed, CrossSite> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    check(&headers, OURS)
}

#[test]
fn fetch_metadata_decides_when_present() {
    for site in ["same-origin", "none"] {
        assert_eq!(
            verdict(&[("sec-fetch-site", site)]),
            Ok(Allowed::SameOrigin),
            "{site}"
        );
        let with_origin = [("sec-fetch-site", site), ("origin", "https://evil.test")];
        assert_eq!(
            verdict(&with_origin),
            Ok(Allowed::SameOrigin),
            "{site} outranks Origin"
        );
    }
    for site in [
        "cross-site",
        "same-site",
        "",
        "Same-Origin",
        "same-origin ",
        "same-origin, none",
        "null",
        "\u{e9}",
    ] {
        assert_eq!(
            verdict(&[("sec-fetch-site", site)]),
            Err(CrossSite::FetchSite),
            "{site}"
        );
        let with_origin = [("sec-fetch-site", site), ("origin", OURS)];
        assert_eq!(
            verdict(&with_origin),
            Err(CrossSite::FetchSite),
            "{site} outranks Origin"
        );
    }
}

#[test]
fn a_repeated_header_is_never_believed() {
    let sites = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(verdict(&sites), Err(CrossSite::FetchSite));
    assert_eq!(
        verdict(&[("origin", OURS), ("origin", OURS)]),
        Err(CrossSite::Origin)
    );
    assert_eq!(
        verdict(&[("origin", OURS), ("origin", "https://evil.test")]),
        Err(CrossSite::Origin)
    );
}

#[test]
fn otherwise_the_origin_must_be_ours_to_the_byte() {
    assert_eq!(verdict(&[("origin", OURS)]), Ok(Allowed::SameOrigin));
    let others = [
        "null",
        "",
        "https://app.test.evil",
        "http://app.test",
        "https://app.test:444",
        "https://app.test:443",
        "https://app.test/",
        "HTTPS://APP.TEST",
        "https://evil.app.test",
        "https://app.test https://evil.test",
        "app.test",
    ];
    for origin in others {
        assert_eq!(
            verdict(&[("origin", origin)]),
            Err(CrossSite::Origin),
            "{origin}"
        );
    }
}

#[test]
fn a_client_without_either_is_no_browser() {
    assert_eq!(verdict(&[]), Ok(Allowed::NonBrowser));
    assert_eq!(
        verdict(&[("referer", "https://evil.test/")]),
        Ok(Allowed::NonBrowser)
    );
}

#[test]
fn a_browser_cannot_pass_for_something_else() {
    for name in ["sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user"] {
        assert_eq!(
            verdict(&[(name, "navigate")]),
            Err(CrossSite::Incomplete(name)),
            "{name}"
        );
        assert_eq!(
            verdict(&[(name, "navigate"), ("origin", OURS)]),
            Ok(Allowed::SameOrigin),
            "{name} with origin"
        );
    }
}
