//! What became of a request: the label of metrics and log lines, and the `code` of the gateway's own errors.

use sidgate_policy::auth::decide::State;

/// What became of a request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Outcome {
    /// The client went away before it had an answer.
    Aborted,
    /// The answer to a challenge of an authority for certificates.
    Acme,
    /// The account exists and may not be used.
    AccountDisabled,
    /// Served with a session.
    Active,
    /// The admin API answered.
    Admin,
    /// Served without a session, although one was asked for.
    Anonymous,
    /// The app did not answer, or not in HTTP.
    BadGateway,
    /// The form of the message was refused; `sidgate_refused_total` says why.
    BadRequest,
    /// The answer of the app broke off.
    BrokenOff,
    /// A rule about cookies was broken.
    Cookies,
    /// Another site made the browser send it.
    CrossSite,
    /// Cut off half-way, because its session ended.
    Cut,
    /// The admin dashboard.
    Dashboard,
    /// A user ended the session of one device.
    DeviceEnded,
    /// A list of devices.
    Devices,
    /// A user ended the sessions of several devices.
    DevicesEnded,
    /// An app said that somebody is logged in, or out, and the store did not take it.
    EventNotCommitted,
    /// An app behind an edge had something done about a session.
    EventDone,
    /// The event stream of a session.
    Events,
    /// Somebody without the claim asked for the admin API.
    Forbidden,
    /// The app did not answer in time.
    GatewayTimeout,
    /// A step of a login that one site hands to another.
    Handover,
    /// It was handed to another browser or host.
    HandoverRefused,
    /// A rule about a header field was broken.
    Headers,
    /// There are too many or too large header fields.
    HeadersTooLarge,
    /// Somebody asked whether this node may be sent traffic.
    Health,
    /// A host that is not served here.
    HostUnknown,
    /// Sent to the same resource over TLS.
    HttpsRedirect,
    /// Came in clear text, and cannot be sent again.
    HttpsRequired,
    /// The gateway failed.
    InternalError,
    /// Account name or password is wrong.
    InvalidCredentials,
    /// An endpoint does not understand it.
    InvalidRequest,
    /// The old login is not valid any more.
    LegacyRefused,
    /// Too many attempts to log in.
    Locked,
    /// Logged in.
    Login,
    /// Sent to the login page.
    LoginRedirect,
    /// Logged out.
    Logout,
    /// It has come through a gateway of this installation before.
    LoopDetected,
    /// The endpoint exists, but not for this method.
    MethodNotAllowed,
    /// The apps are out of service.
    Maintenance,
    /// A login needs another factor.
    MfaRequired,
    /// An old login became a session; sent to the same page again.
    Migrated,
    /// Served by a route that asks for no session.
    None,
    /// There is nothing at this path.
    NotFound,
    /// A coding that is not spoken here.
    NotImplemented,
    /// The description of the admin API.
    #[strum(serialize = "openapi")]
    OpenApi,
    /// A page of an origin that is not on the route's list asked what it may do.
    OriginNotAllowed,
    /// Too many requests at once.
    Overloaded,
    /// A page of another origin was told what it may do.
    Preflight,
    /// A login is too old for what was asked.
    ReauthenticationRequired,
    /// Sent elsewhere by its route.
    Redirect,
    /// The body came too slowly.
    RequestTimeout,
    /// The session gave way to a login on another device.
    SessionEvicted,
    /// A login would be one session too many.
    SessionLimit,
    /// A rule about the path was broken.
    Target,
    /// The token of the admin listener is missing or wrong.
    TokenRequired,
    /// The body is too large.
    TooLarge,
    /// Too many sids of one client were no sessions, or too many lists are being read.
    TooManyRequests,
    /// Too many streams are open.
    TooManyStreams,
    /// The route requires a session and there is none.
    Unauthenticated,
    /// It is unknown whether there is a session.
    Unavailable,
    /// Served although it is unknown whether there is a session.
    Unknown,
    /// The body is of a type that an endpoint does not read.
    UnsupportedMediaType,
    /// The target of the request is too long.
    UriTooLong,
    /// A version of HTTP that is not served.
    Version,
    /// Somebody logged in at the host of another tenant than theirs.
    WrongTenant,
}

impl Outcome {
    /// As it is drawn.
    pub(crate) const fn group(self) -> Group {
        match self {
            Self::Active => Group::Active,
            Self::Anonymous => Group::Anonymous,
            Self::None => Group::NoSessionAsked,
            Self::Acme
            | Self::Admin
            | Self::Dashboard
            | Self::DeviceEnded
            | Self::Devices
            | Self::DevicesEnded
            | Self::EventDone
            | Self::Events
            | Self::Handover
            | Self::Health
            | Self::HttpsRedirect
            | Self::Login
            | Self::Logout
            | Self::Maintenance
            | Self::Migrated
            | Self::NotFound
            | Self::OpenApi
            | Self::Preflight
            | Self::Redirect => Group::OwnEndpoints,
            Self::AccountDisabled
            | Self::InvalidCredentials
            | Self::LegacyRefused
            | Self::LoginRedirect
            | Self::MfaRequired
            | Self::ReauthenticationRequired
            | Self::SessionEvicted
            | Self::SessionLimit
            | Self::Unauthenticated => Group::LoginNeeded,
            Self::BadRequest
            | Self::Cookies
            | Self::CrossSite
            | Self::Forbidden
            | Self::HandoverRefused
            | Self::Headers
            | Self::HeadersTooLarge
            | Self::HostUnknown
            | Self::HttpsRequired
            | Self::InvalidRequest
            | Self::Locked
            | Self::LoopDetected
            | Self::MethodNotAllowed
            | Self::NotImplemented
            | Self::OriginNotAllowed
            | Self::RequestTimeout
            | Self::Target
            | Self::TokenRequired
            | Self::TooLarge
            | Self::TooManyRequests
            | Self::UnsupportedMediaType
            | Self::UriTooLong
            | Self::Version
            | Self::WrongTenant => Group::Refused,
            Self::EventNotCommitted
            | Self::Overloaded
            | Self::TooManyStreams
            | Self::Unavailable
            | Self::Unknown => Group::Unavailable,
            Self::BadGateway | Self::BrokenOff | Self::GatewayTimeout | Self::InternalError => {
                Group::AppFailed
            }
            Self::Aborted | Self::Cut => Group::Aborted,
        }
    }
}

impl From<&State> for Outcome {
    fn from(state: &State) -> Self {
        match state {
            State::None => Self::None,
            State::Anonymous => Self::Anonymous,
            State::Active(_) => Self::Active,
            State::Unknown => Self::Unknown,
        }
    }
}

/// Outcomes that the dashboard draws as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Group {
    /// Served with a session.
    Active,
    /// Served without one.
    Anonymous,
    /// Served by a route that asks for none.
    NoSessionAsked,
    /// Answered by the gateway, as it should be.
    OwnEndpoints,
    /// Somebody has to log in, or could not.
    LoginNeeded,
    /// The request was not as it should be.
    Refused,
    /// The gateway could not serve it just now.
    Unavailable,
    /// The app, or the gateway itself, failed.
    AppFailed,
    /// Broken off by the client, or because its session ended.
    Aborted,
}

#[cfg(test)]
mod tests;
