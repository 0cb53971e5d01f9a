//! May this request migrate its sender, and be answered with a redirect?
//!
//! An old cookie that somebody planted in a browser, from a sibling domain, would log that browser in as its owner. Old
//! cookies may come with a request that another site causes. Of those only a top-level navigation, which the person
//! sees, may migrate its sender.

use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};

use sidgate_policy::edge::fields::{Field, only};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether an old login in this request may become a session. `origin` is the public origin, as browsers write it.
pub(crate) fn may_migrate(method: &str, headers: &HeaderMap, origin: &str) -> bool {
    match Field::find(headers, &SITE) {
        Field::Absent if headers.contains_key(&MODE) || headers.contains_key(&DEST) => false,
        // No browser, or one without fetch metadata: `Origin` decides. Browsers send it with every method but GET and
        // HEAD.
        Field::Absent => match Field::find(headers, &ORIGIN) {
            Field::Absent => true,
            Field::One(value) => value == origin,
            Field::Several => false,
        },
        Field::One(settings) if settings == "cross-site" => is_top_level_get(method, headers),
        Field::One(settings) => {
            settings == "same-origin" || settings == "same-site" || settings == "none"
        }
        Field::Several => false,
    }
}

/// Whether a person opens a page, by the fetch metadata of the browser.
pub(crate) fn is_top_level_get(method: &str, headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, expected: &str| {
        only(headers, name).is_some_and(|value| value == expected)
    };
    method == "GET" && says(&MODE, "navigate") && says(&DEST, "document")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    const OWN: &str = "https://app.test";

    #[test]
    fn another_site_may_only_send_somebody_here() {
        let from = |settings| {
            move |method, mode, dest| {
                let fields = [
                    ("sec-fetch-site", settings),
                    ("sec-fetch-mode", mode),
                    ("sec-fetch-dest", dest),
                ];
                may_migrate(method, &headers(&fields), OWN)
            }
        };
        let other = from("cross-site");
        assert!(other("GET", "navigate", "document"));
        for (method, mode, dest) in [
            ("POST", "navigate", "document"),
            ("GET", "navigate", "iframe"),
            ("GET", "no-cors", "image"),
            ("GET", "cors", "empty"),
            ("GET", "websocket", "websocket"),
        ] {
            assert!(!other(method, mode, dest), "{method} {mode} {dest}");
            assert!(from("same-origin")(method, mode, dest));
            assert!(from("same-site")(method, mode, dest));
        }
        assert!(from("none")("GET", "navigate", "document"));
        assert!(!from("elsewhere")("GET", "navigate", "document"));
    }

    #[test]
    fn without_fetch_metadata_the_origin_decides() {
        assert!(may_migrate("POST", &headers(&[]), OWN));
        assert!(may_migrate("POST", &headers(&[("origin", OWN)]), OWN));
        assert!(!may_migrate(
            "POST",
            &headers(&[("origin", "https://evil.test")]),
            OWN
        ));
        assert!(!may_migrate("GET", &headers(&[("origin", "null")]), OWN));
        assert!(!may_migrate(
            "GET",
            &headers(&[("sec-fetch-mode", "navigate")]),
            OWN
        ));
        let twice = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ];
        assert!(!may_migrate("GET", &headers(&twice), OWN));
    }
}
