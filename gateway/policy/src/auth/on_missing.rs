//! No session where one is required: does the client want a login page or a status?
//!
//! A person who follows a link wants the login page. A script wants `401`: a redirect would hand it
//! the HTML of the login page with status 200, which it would take for data. Browsers say which it
//! is in `Sec-Fetch-Mode`; where they do not (plain HTTP, old clients), `Accept` has to do.
//!
//! A person who sends a form navigates too. They get the status with a page: a redirect would drop
//! what they have written.

use http::header::{ACCEPT, HeaderMap, HeaderName};

use crate::edge::fields::only;
use crate::edge::quality;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// The answer to a visitor without a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// A redirect for navigations, `401` for everything else.
    Auto,
    /// Always `401`.
    Unauthorized,
    /// A redirect to `server.login_url` for every GET and HEAD, `401` for everything else.
    Redirect,
}

/// How the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `401` with a problem document.
    Unauthorized,
    /// `303` to the login page.
    LoginPage,
}

impl OnMissing {
    /// Chooses the answer for one request.
    ///
    /// Only GET and HEAD are ever redirected: the login page sends its user back with a GET, so
    /// whatever else the request meant to do would be lost without a word. A WebSocket handshake
    /// cannot follow a redirect at all.
    #[must_use]
    pub fn answer(self, method: &str, websocket: bool, headers: &HeaderMap) -> Answer {
        let redirectable = matches!(method, "GET" | "HEAD") && !websocket;
        let redirect = redirectable
            && match self {
                Self::Auto => is_navigation(headers),
                Self::Unauthorized => false,
                Self::Redirect => true,
            };
        if redirect {
            Answer::LoginPage
        } else {
            Answer::Unauthorized
        }
    }
}

/// What browsers load as a page of its own, in a window or inside of another page.
const PAGES: [&str; 5] = ["document", "iframe", "frame", "embed", "object"];

/// Will the answer be shown to a person as a page? Whatever the method: a form is sent by navigating.
///
/// Frames, `<embed>` and `<object>` count: what they load is a page, and nobody reads a problem document
/// in one. `fetch()` and `XMLHttpRequest` never count, whatever they accept.
#[must_use]
pub fn is_navigation(headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, values: &[&str]| {
        !headers.contains_key(name) || is_single(headers, name, values)
    };
    if [&SEC_FETCH_MODE, &SEC_FETCH_DEST]
        .iter()
        .any(|name| headers.contains_key(*name))
    {
        return says(&SEC_FETCH_MODE, &["navigate"]) && says(&SEC_FETCH_DEST, &PAGES);
    }
    !headers.contains_key(X_REQUESTED_WITH) && prefers_html(headers)
}

/// Will the answer be shown as a page of a window of its own?
#[must_use]
pub fn is_page(headers: &HeaderMap) -> bool {
    let is_document =
        !headers.contains_key(SEC_FETCH_DEST) || is_single(headers, &SEC_FETCH_DEST, &["document"]);
    is_document && is_navigation(headers)
}

/// Does the browser ask in advance, for a page that nobody has opened yet?
#[must_use]
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    headers
        .get("sec-purpose")
        .is_some_and(|value| value.as_bytes().starts_with(b"prefetch"))
}

/// Is the field there once, with one of these values?
fn is_single(headers: &HeaderMap, name: &HeaderName, expected: &[&str]) -> bool {
    only(headers, name).is_some_and(|value| expected.iter().any(|expected| value == expected))
}

/// Does `Accept` ask for HTML, and for JSON less?
///
/// Only types named in full count: `*/*` is what every script sends.
fn prefers_html(headers: &HeaderMap) -> bool {
    let (mut html, mut json) = (0, 0);
    let ranges = headers
        .get_all(ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    for range in ranges.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(quality::MOST, |weight| quality::parse(weight).unwrap_or(0));
        if ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|html| media_type.eq_ignore_ascii_case(html))
        {
            html = html.max(weight);
        } else if media_type.eq_ignore_ascii_case("application/json") {
            json = json.max(weight);
        }
    }
    html > json
}

#[cfg(test)]
mod tests;
