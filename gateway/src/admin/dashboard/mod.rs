//! The dashboard: one page and what it is made of, compiled in. Nothing in it is secret; what it shows comes from the API.

use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY};

use crate::answer::Answer;
use crate::telemetry::outcome::Outcome;

/// What the page may do: run its own scripts, and ask its own origin. No inline code, no other site, no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// A file of the dashboard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// The page is at a path without a slash at its end, so what it is made of lies beside it.
static ASSETS: [Asset; 6] = [
    Asset {
        path: "/session-dashboard",
        kind: "text/html; charset=utf-8",
        text: include_str!("index.html"),
    },
    Asset {
        path: "/assets/dashboard.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("dashboard.css"),
    },
    Asset {
        path: "/assets/dashboard.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("dashboard.js"),
    },
    Asset {
        path: "/assets/charts.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("charts.js"),
    },
    Asset {
        path: "/assets/uPlot.iife.min.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("vendor/uPlot.iife.min.js"),
    },
    Asset {
        path: "/assets/uPlot.min.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("vendor/uPlot.min.css"),
    },
];

/// The file at a path below the base of the API.
#[must_use]
pub(super) fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// Whether this is the page itself.
    #[must_use]
    pub(crate) fn is_page(&self) -> bool {
        self.kind.starts_with("text/html")
    }

    /// The file with the headers that keep it harmless.
    #[must_use]
    pub(super) fn answer(&self) -> Answer {
        Answer::text(
            200,
            Outcome::Dashboard,
            HeaderValue::from_static(self.kind),
            self.text,
        )
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .with(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .with(
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        )
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// What npm has under uplot@1.6.32.
    const VENDORED: [(&str, &str); 2] = [
        (
            "/assets/uPlot.iife.min.js",
            "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        ),
        (
            "/assets/uPlot.min.css",
            "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        ),
    ];

    #[test]
    fn vendored_files_are_what_was_published() {
        for (path, digest) in VENDORED {
            let text = asset(path).unwrap().text;
            let found: String = Sha256::digest(text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(found, digest, "{path}");
        }
    }

    #[test]
    fn the_page_refers_to_its_own_files_only() {
        let page = asset("/session-dashboard").unwrap().text;
        for part in page.split(['"']).filter(|part| part.contains("assets/")) {
            assert!(asset(&format!("/{part}")).is_some(), "{part}");
        }
        for inline in [
            "<style",
            " style=",
            " onclick",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!page.contains(inline), "{inline}");
        }
    }
}
