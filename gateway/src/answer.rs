//! Answers that the gateway gives itself. The one place where outcomes become HTTP.
//!
//! Errors are RFC 9457 `application/problem+json` with a `code` that programs can rely on, and nothing that an attacker
//! could learn from. Every answer is `no-store`, and none of them says what software made it.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE,
    VARY,
};
use serde::Serialize;
use serde_json::{Value, json};
use session_core::service::{Absence, SessionsError};
use session_core::session::{Dead, RevokeReason};

use crate::edge::{METHODS, Refused};

/// Seconds after which a client may try again when something is unavailable.
pub(crate) const RETRY_SECONDS: u64 = 1;

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub status: u16,
    /// Header fields beside those that every answer carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Bytes,
    /// Whether the connection ends with it.
    pub close: bool,
    /// Metric and log label.
    pub outcome: &'static str,
}

impl Answer {
    fn new(status: u16, outcome: &'static str) -> Self {
        Self {
            status,
            headers: vec![],
            body: Bytes::new(),
            close: false,
            outcome,
        }
    }

    /// JSON.
    #[must_use]
    pub(crate) fn json(status: u16, outcome: &'static str, body: &impl Serialize) -> Self {
        let mut answer = Self::new(status, outcome);
        answer.body = serde_json::to_vec(body).unwrap_or_default().into();
        answer.with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// Text of any kind.
    #[must_use]
    pub(crate) fn text(
        status: u16,
        outcome: &'static str,
        kind: HeaderValue,
        body: &'static str,
    ) -> Self {
        let mut answer = Self::new(status, outcome);
        answer.body = Bytes::from_static(body.as_bytes());
        answer.with(CONTENT_TYPE, kind)
    }

    /// A problem. `code` is part of the contract; the title is for people.
    #[must_use]
    pub(crate) fn problem(status: u16, code: &'static str, title: &str) -> Self {
        Self::problem_with(status, code, title, &json!({}))
    }

    /// A problem with further members.
    #[must_use]
    pub(crate) fn problem_with(
        status: u16,
        code: &'static str,
        title: &str,
        members: &Value,
    ) -> Self {
        let mut body =
            json!({"type": "about:blank", "title": title, "status": status, "code": code});
        if let (Some(body), Some(members)) = (body.as_object_mut(), members.as_object()) {
            body.extend(members.clone());
        }
        let mut answer = Self::new(status, code);
        answer.body = serde_json::to_vec(&body).unwrap_or_default().into();
        answer.with(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        )
    }

    /// `204`.
    #[must_use]
    pub(crate) fn no_content(outcome: &'static str) -> Self {
        Self::new(204, outcome)
    }

    /// A refusal at the edge: the same few words for every reason, and the connection closes.
    #[must_use]
    pub(crate) fn refused(why: Refused) -> Self {
        let status = why.status();
        let answer = Self::problem(status, "bad_request", "The request was refused").closing();
        if status == 405 {
            answer.with(ALLOW, allow())
        } else {
            answer
        }
    }

    /// Nobody can say whether there is a session: `503`, and no cookie is touched.
    #[must_use]
    pub(crate) fn unavailable() -> Self {
        Self::problem(
            503,
            "unavailable",
            "The session service is not available, try again",
        )
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// For an end of sessions that failed, or may have.
    #[must_use]
    pub(crate) fn not_committed(failed: &SessionsError) -> Self {
        if failed.may_have_happened() {
            Self::outcome_unknown()
        } else {
            Self::unavailable()
        }
    }

    /// The same for an end of sessions that was sent to the store and not answered. Repeating it is safe.
    #[must_use]
    fn outcome_unknown() -> Self {
        let title = "It is not known whether the sessions were ended, try again";
        Self::problem_with(503, "unavailable", title, &json!({"outcome": "unknown"}))
            .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// The body is larger than anything that makes sense here.
    #[must_use]
    pub(crate) fn too_large() -> Self {
        Self::problem(413, "too_large", "The request body is too large").closing()
    }

    /// The request makes no sense. The title is for its developer.
    #[must_use]
    pub(crate) fn invalid(title: &str) -> Self {
        Self::problem(400, "invalid_request", title)
    }

    /// There is no session and the route requires one. A browser whose session gave way to another one learns that.
    #[must_use]
    pub(crate) fn unauthenticated(why: Option<Absence>) -> Self {
        let answer = match why.and_then(ended_code) {
            Some(code) => Self::problem(
                401,
                code,
                "The session was ended by a login on another device",
            ),
            None => Self::problem(401, "unauthenticated", "Authentication is required"),
        };
        answer.with(VARY, HeaderValue::from_static("Cookie"))
    }

    /// The same, for somebody who can be sent to the login page.
    #[must_use]
    pub(crate) fn login_page(location: &str) -> Self {
        let Ok(location) = HeaderValue::from_str(location) else {
            return Self::unauthenticated(None);
        };
        Self::new(303, "login_redirect")
            .with(LOCATION, location)
            .with(
                VARY,
                HeaderValue::from_static("Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest"),
            )
    }

    /// The same page again, now with the new cookie. `location` is a path and a query.
    #[must_use]
    pub(crate) fn again(location: &str) -> Self {
        let Ok(location) = HeaderValue::from_str(location) else {
            return Self::unavailable();
        };
        Self::new(303, "migrated").with(LOCATION, location)
    }

    /// The same resource, over TLS. Carries no cookie and says nothing else.
    #[must_use]
    pub(crate) fn over_tls(location: &str) -> Self {
        let Ok(location) = HeaderValue::from_str(location) else {
            return Self::not_found();
        };
        Self::new(308, "https_redirect").with(LOCATION, location)
    }

    /// There is nothing at this path.
    #[must_use]
    pub(crate) fn not_found() -> Self {
        Self::problem(404, "not_found", "Not found")
    }

    /// The path knows other methods.
    #[must_use]
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::problem(405, "method_not_allowed", "Method not allowed")
            .with(ALLOW, HeaderValue::from_static(allow))
    }

    /// A request that another site made the browser send.
    #[must_use]
    pub(crate) fn cross_site() -> Self {
        Self::problem(403, "cross_site", "Cross-site requests are refused")
    }

    /// Adds a header field.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a cookie.
    #[must_use]
    pub(crate) fn with_cookie(self, cookie: HeaderValue) -> Self {
        self.with(SET_COOKIE, cookie)
    }

    /// Closes the connection after the answer.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Fields that every answer of the gateway carries.
    pub(crate) fn common_headers() -> [(HeaderName, HeaderValue); 2] {
        [
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (
                http::header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
        ]
    }
}

/// The `code` that tells a browser why it has no session any more, where that is more than "log in again".
#[must_use]
pub(crate) fn ended_code(why: Absence) -> Option<&'static str> {
    (why == Absence::Ended(Dead::Revoked(Some(RevokeReason::Evicted)))).then_some("session_evicted")
}

fn allow() -> HeaderValue {
    HeaderValue::from_str(&METHODS.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET"))
}
