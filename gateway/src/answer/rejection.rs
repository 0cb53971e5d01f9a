//! Why a request is not served: facts, which become an answer in one place.

use std::borrow::Cow;

use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::json;
use session_core::service::{Absence, SessionsError};
use sidgate_policy::auth::csrf::CrossSite;
use sidgate_policy::auth::requirements::Unmet;
use sidgate_policy::edge::Breach;

use super::{Answer, RETRY_SECONDS};
use crate::limits::buckets::TooMany;
use crate::limits::streams::Full;
use crate::telemetry::outcome::Outcome;

/// What speaks against a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// It breaks a rule for what may come in.
    Edge(Breach),
    /// It is not valid. The text tells its developer what would be.
    Invalid(Cow<'static, str>),
    /// It cannot be read.
    BadRequest,
    /// Its body did not arrive.
    BodyMissing,
    /// Its body came too slowly.
    TooSlow,
    /// Its body is larger than anything that makes sense here.
    TooLarge,
    /// Its body must be JSON, and says that it is something else.
    NotJson,
    /// There is nothing at its path.
    NotFound,
    /// Another site made the browser send it.
    CrossSite(CrossSite),
    /// It came to the listener of this machine under a name that is not one of it.
    ForeignName,
    /// It came without the token of the admin listener.
    NoToken,
    /// A session is required and there is none. Holds why it ended, if there was one.
    NoSession(Option<Absence>),
    /// Its session is not all that its route asks for.
    Unmet(Unmet),
    /// Its session is not that of an operator.
    NoOperator,
    /// It needs a login of the last minutes.
    StaleLogin,
    /// It brings a code that was made for another browser or another host.
    HandedElsewhere,
    /// It logs in a user of another tenant than the host's.
    WrongTenant,
    /// The user has this many sessions, which is the limit.
    SessionLimit(u64),
    /// Its client asked for too much; seconds to wait.
    TooManyRequests(u64),
    /// There are too many streams.
    TooManyStreams(Full),
    /// It is unknown whether there is a session, or the store did not take a change.
    Unavailable,
    /// The store did not answer an order to end sessions.
    OutcomeUnknown,
    /// It asks for a WebSocket of an app that speaks HTTP/2, which has none.
    NoWebSockets,
    /// The app did not answer.
    BadGateway,
    /// The app did not answer in time.
    GatewayTimeout,
    /// Every server of the app has as many requests as it may have.
    AppBusy,
    /// The gateway failed.
    Internal,
}

impl Rejection {
    /// The rejection for sessions that could not be ended, or of which it is unknown.
    #[must_use]
    pub(crate) fn not_committed(failed: &SessionsError) -> Self {
        if failed.may_have_happened() {
            Self::OutcomeUnknown
        } else {
            Self::Unavailable
        }
    }

    /// A request that is not valid.
    #[must_use]
    pub(crate) fn invalid(title: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(title.into())
    }
}

impl From<TooMany> for Rejection {
    fn from(TooMany(seconds): TooMany) -> Self {
        Self::TooManyRequests(seconds)
    }
}

impl From<Rejection> for Answer {
    fn from(why: Rejection) -> Self {
        use Rejection as R;
        match why {
            R::Edge(breach) => Self::refused(&breach),
            R::Invalid(title) => Self::problem(400, Outcome::InvalidRequest, &title),
            R::BadRequest => Self::problem(400, Outcome::BadRequest, "The request was refused"),
            R::BodyMissing => {
                Self::problem(408, Outcome::RequestTimeout, "The body did not arrive").closing()
            }
            R::TooSlow => {
                Self::problem(408, Outcome::RequestTimeout, "The request came too slowly")
            }
            R::TooLarge => Self::too_large(),
            R::NotJson => Self::problem(
                415,
                Outcome::UnsupportedMediaType,
                "Content-Type must be application/json",
            ),
            R::NotFound => Self::not_found(),
            R::CrossSite(why) => Self::cross_site(why),
            R::ForeignName => Self::foreign_name(),
            R::NoToken => Self::problem(
                401,
                Outcome::TokenRequired,
                "The bearer token of the admin listener is required",
            ),
            R::NoSession(why) => Self::unauthenticated(why),
            R::Unmet(Unmet::Stale) => Self::login_too_old(),
            R::Unmet(Unmet::NotAllowed) => Self::not_allowed(),
            R::NoOperator => Self::problem(
                403,
                Outcome::Forbidden,
                "This needs the right to administer sessions",
            ),
            R::StaleLogin => Self::problem(
                403,
                Outcome::ReauthenticationRequired,
                "Log in again: this needs a login that is not so long ago",
            ),
            R::HandedElsewhere => Self::problem(
                403,
                Outcome::HandoverRefused,
                "This login was handed to another browser. Open the page again",
            ),
            R::WrongTenant => Self::problem(
                403,
                Outcome::WrongTenant,
                "The account belongs to another tenant than this host",
            ),
            R::SessionLimit(sessions) => Self::problem_with(
                409,
                Outcome::SessionLimit,
                "There are too many sessions",
                &json!({
                    "sessions": sessions,
                    "detail": "End sessions on other devices, and log in again",
                }),
            ),
            R::TooManyRequests(seconds) => Self::too_many_requests(seconds),
            R::TooManyStreams(full) => Self::too_many_streams(full),
            R::Unavailable => Self::unavailable(),
            R::OutcomeUnknown => Self::outcome_unknown(),
            R::NoWebSockets => Self::no_websockets(),
            R::BadGateway => Self::of_app(502, Outcome::BadGateway, "did not answer"),
            R::GatewayTimeout => {
                Self::of_app(504, Outcome::GatewayTimeout, "did not answer in time")
            }
            R::AppBusy => Self::of_app(503, Outcome::Overloaded, "has too much to do, try again"),
            R::Internal => Self::problem(500, Outcome::InternalError, "The gateway failed"),
        }
    }
}

impl Answer {
    fn no_websockets() -> Self {
        let title = "The application takes no WebSockets";
        Self::problem(501, Outcome::NotImplemented, title)
    }

    /// For a while the app does not do what it should.
    fn of_app(status: u16, outcome: Outcome, what: &str) -> Self {
        Self::problem(status, outcome, &format!("The application {what}"))
            .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }
}
