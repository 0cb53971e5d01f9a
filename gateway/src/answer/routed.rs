//! What a route says by itself: which methods it takes, where it leads, whom it lets in.

use http::header::{ALLOW, HeaderValue, LOCATION, VARY};

use super::Answer;
use crate::telemetry::outcome::Outcome;

impl Answer {
    /// The path exists, but not for this method.
    #[must_use]
    pub(crate) fn method_not_allowed(allow: HeaderValue) -> Self {
        Self::problem(405, Outcome::MethodNotAllowed, "Method not allowed").with(ALLOW, allow)
    }

    /// A route sends its visitors elsewhere.
    #[must_use]
    pub(crate) fn redirect(status: u16, location: HeaderValue) -> Self {
        Self::new(status, Outcome::Redirect).with(LOCATION, location)
    }

    /// There is a session, and its login is longer ago than the route allows.
    #[must_use]
    pub(crate) fn login_too_old() -> Self {
        let title = "Log in again: this needs a login that is not so long ago";
        Self::problem(401, Outcome::ReauthenticationRequired, title)
            .with(VARY, HeaderValue::from_static("Cookie"))
    }

    /// There is a session, and its user may not use the route.
    #[must_use]
    pub(crate) fn not_allowed() -> Self {
        Self::problem(403, Outcome::Forbidden, "This account may not use this")
            .with(VARY, HeaderValue::from_static("Cookie"))
    }
}
