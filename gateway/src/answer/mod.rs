//! Answers that the gateway gives itself. The one place where outcomes become HTTP.
//!
//! Errors are RFC 9457 `application/problem+json`: a `code` that programs can rely on, the id of the request, and no detail
//! that helps an attacker. A person gets the same as a small page, whatever they have done to get it. Every answer is `no-store`, cannot be framed or sniffed,
//! and does not say what software made it.

mod code;
mod page;
mod refused;
mod rejection;
mod rendered;
mod routed;
pub(crate) mod set_cookie;
mod unvetted;

pub(crate) use self::page::{OwnPage, Person, Reader};
pub(crate) use self::rejection::Rejection;
pub(crate) use self::rendered::Rendered;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use session_core::service::Absence;
use session_core::session::{Dead, RevokeReason};
use sidgate_policy::edge::METHODS;

use crate::limits::streams::Full;
use crate::telemetry::outcome::Outcome;

/// Seconds after which a client may try again when something is unavailable.
pub(crate) const RETRY_SECONDS: u64 = 1;

/// Fields that every answer carries.
pub(crate) const COMMON: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
];

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub status: u16,
    /// Header fields beside those that every answer carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Body,
    /// Whether the connection ends with it.
    pub close: bool,
    /// What it means, for metrics and log lines.
    pub outcome: Outcome,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// JSON, complete.
    Json(Bytes),
    /// Text of the kind given, complete.
    Text(HeaderValue, &'static str),
    /// Bytes that nobody is to make anything of.
    Plain(Bytes),
    /// A problem document, to which the id of the request is added when it is written.
    Problem(Map<String, Value>),
}

impl Body {
    /// Content type and bytes of a body that is the same for every reader.
    fn bytes(self, request_id: &str) -> (HeaderValue, Bytes) {
        let (kind, bytes) = match self {
            Self::Empty => ("text/plain", Bytes::new()),
            Self::Json(bytes) => ("application/json", bytes),
            Self::Plain(bytes) => ("text/plain", bytes),
            Self::Text(kind, text) => return (kind, Bytes::from_static(text.as_bytes())),
            Self::Problem(mut problem) => {
                problem.insert("request_id".to_owned(), request_id.into());
                (
                    "application/problem+json",
                    serde_json::to_vec(&problem).unwrap_or_default().into(),
                )
            }
        };
        (HeaderValue::from_static(kind), bytes)
    }
}

impl Answer {
    fn new(status: u16, outcome: Outcome) -> Self {
        Self {
            status,
            headers: vec![],
            body: Body::Empty,
            close: false,
            outcome,
        }
    }

    /// JSON.
    #[must_use]
    pub(crate) fn json(status: u16, outcome: Outcome, body: &impl Serialize) -> Self {
        let mut answer = Self::new(status, outcome);
        answer.body = Body::Json(serde_json::to_vec(body).unwrap_or_default().into());
        answer
    }

    /// Text of any kind.
    #[must_use]
    pub(crate) fn text(
        status: u16,
        outcome: Outcome,
        kind: HeaderValue,
        body: &'static str,
    ) -> Self {
        let mut answer = Self::new(status, outcome);
        answer.body = Body::Text(kind, body);
        answer
    }

    /// A problem. The name of the outcome is its `code`, which is part of the contract; the title is for people.
    #[must_use]
    pub(crate) fn problem(status: u16, outcome: Outcome, title: &str) -> Self {
        Self::problem_with(status, outcome, title, &json!({}))
    }

    /// A problem with further members.
    #[must_use]
    pub(crate) fn problem_with(
        status: u16,
        outcome: Outcome,
        title: &str,
        members: &Value,
    ) -> Self {
        debug_assert!(
            code::statuses(outcome).contains(&status),
            "{outcome:?} is not documented with {status}"
        );
        let mut body = Map::new();
        body.insert("type".to_owned(), json!("about:blank"));
        body.insert("title".to_owned(), json!(title));
        body.insert("status".to_owned(), json!(status));
        body.insert("code".to_owned(), json!(outcome.into_str()));
        body.extend(members.as_object().cloned().unwrap_or_default());
        let mut answer = Self::new(status, outcome);
        answer.body = Body::Problem(body);
        answer
    }

    /// `204`.
    #[must_use]
    pub(crate) fn no_content(outcome: Outcome) -> Self {
        Self::new(204, outcome)
    }

    /// It is unknown whether there is a session: `503`. Cookies stay as they are.
    #[must_use]
    pub(crate) fn unavailable() -> Self {
        Self::problem(
            503,
            Outcome::Unavailable,
            "The session service is not available, try again",
        )
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// The store did not answer an order to end sessions, so they may have ended. Repeating the request is safe.
    #[must_use]
    fn outcome_unknown() -> Self {
        let title = "It is not known whether the sessions were ended, try again";
        Self::problem_with(
            503,
            Outcome::Unavailable,
            title,
            &json!({"outcome": "unknown"}),
        )
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// The operator has taken the apps out of service. `seconds` is the wait.
    #[must_use]
    pub(crate) fn maintenance(seconds: u64) -> Self {
        Self::problem(
            503,
            Outcome::Maintenance,
            "The site is under maintenance, try again later",
        )
        .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The limit of streams is reached, for the process or for this client or session.
    #[must_use]
    pub(crate) fn too_many_streams(full: Full) -> Self {
        let status = match full {
            Full::Process => 503,
            Full::Client | Full::Session => 429,
        };
        Self::problem(status, Outcome::TooManyStreams, "Too many streams are open")
            .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// The gateway is overloaded and turns this request away, to serve more important ones. The wait differs from request
    /// to request, so that clients do not all come back together.
    #[must_use]
    pub(crate) fn overloaded(request_id: &str) -> Self {
        let spread = request_id
            .bytes()
            .last()
            .map_or(0, |byte| u64::from(byte % 4));
        Self::problem(
            503,
            Outcome::Overloaded,
            "Too many requests at once, try again",
        )
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS + spread))
    }

    /// The client sent too many sids that are no sessions, or asked for too many lists. `seconds` is the wait.
    #[must_use]
    pub(crate) fn too_many_requests(seconds: u64) -> Self {
        Self::problem(
            429,
            Outcome::TooManyRequests,
            "Too many requests, try again later",
        )
        .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What a page of another origin may do here; see `auth/cors.rs`.
    #[must_use]
    pub(crate) fn preflight(requested: Option<&HeaderValue>, methods: &HeaderValue) -> Self {
        let answer = Self::new(204, Outcome::Preflight)
            .with(ACCESS_CONTROL_ALLOW_METHODS, methods.clone())
            .with(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(600));
        match requested {
            Some(names) => answer.with(ACCESS_CONTROL_ALLOW_HEADERS, names.clone()),
            None => answer,
        }
    }

    /// On to the next step of a handover of a login between two sites.
    #[must_use]
    pub(crate) fn hand_over(location: &str) -> Self {
        match HeaderValue::from_str(location) {
            Ok(location) => Self::new(303, Outcome::Handover).with(LOCATION, location),
            Err(_unfit) => Self::not_found(),
        }
    }

    /// The answer to a preflight from an origin that is not on the route's list.
    #[must_use]
    pub(crate) fn origin_not_allowed() -> Self {
        Self::problem(
            403,
            Outcome::OriginNotAllowed,
            "This origin is not allowed here",
        )
    }

    /// The body is larger than anything that makes sense here.
    #[must_use]
    pub(crate) fn too_large() -> Self {
        Self::problem(413, Outcome::TooLarge, "The request body is too large").closing()
    }

    /// There is no session and the route requires one. A browser whose session was evicted by another login is told so.
    #[must_use]
    pub(crate) fn unauthenticated(why: Option<Absence>) -> Self {
        let answer = match why.and_then(ended_code) {
            Some(_) => Self::problem(
                401,
                Outcome::SessionEvicted,
                "The session was ended by a login on another device",
            ),
            None => Self::problem(401, Outcome::Unauthenticated, "Authentication is required"),
        };
        answer.with(VARY, HeaderValue::from_static("Cookie"))
    }

    /// There is no session and the route requires one: sends the browser to the login page.
    #[must_use]
    pub(crate) fn login_page(location: &str) -> Self {
        let Ok(location) = HeaderValue::from_str(location) else {
            return Self::unauthenticated(None);
        };
        Self::new(303, Outcome::LoginRedirect)
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
        Self::new(303, Outcome::Migrated).with(LOCATION, location)
    }

    /// The same resource, over TLS. Carries no cookie and says nothing else.
    #[must_use]
    pub(crate) fn over_tls(location: &str) -> Self {
        let Ok(location) = HeaderValue::from_str(location) else {
            return Self::not_found();
        };
        Self::new(308, Outcome::HttpsRedirect).with(LOCATION, location)
    }

    /// There is nothing at this path.
    #[must_use]
    pub(crate) fn not_found() -> Self {
        Self::problem(404, Outcome::NotFound, "Not found")
    }

    /// The request came in clear text, and a redirect to TLS could not repeat it.
    #[must_use]
    pub(crate) fn https_required() -> Self {
        let detail =
            "A proxy in front says that this came in clear text. Send it to the https address";
        let members = json!({"detail": detail, "field": "x-forwarded-proto"});
        Self::problem_with(403, Outcome::HttpsRequired, "Use https", &members).closing()
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

    /// All header fields but those of the body: the common ones and the answer's own. Its own win.
    #[must_use]
    pub(crate) fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(COMMON.len() + self.headers.len());
        for (name, value) in COMMON {
            fields.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in &self.headers {
            if COMMON.iter().any(|(common, _)| common == name) {
                fields.insert(name, value.clone());
            } else {
                fields.append(name, value.clone());
            }
        }
        fields
    }
}

/// The `code` that tells a browser why it has no session any more, where that is more than "log in again".
#[must_use]
pub(crate) fn ended_code(why: Absence) -> Option<&'static str> {
    (why == Absence::Ended(Dead::Revoked(Some(RevokeReason::Evicted))))
        .then_some(Outcome::SessionEvicted.into_str())
}

fn allow() -> HeaderValue {
    HeaderValue::from_str(&METHODS.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET"))
}
