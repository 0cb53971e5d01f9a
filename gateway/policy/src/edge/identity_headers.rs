//! The headers below `X-Session-` to which the gateway gives a meaning.
//!
//! No client may send any name below [`PREFIX`]. Operators may fill further names from an identity, but none of `OWN`.

use http::HeaderName;

/// What all of them begin with.
pub const PREFIX: &str = "x-session-";

/// What the gateway knows about the session: `active`, `none`, ...
pub const STATE: HeaderName = HeaderName::from_static("x-session-state");
/// Seconds since the session was last confirmed, when it is served without a lease.
pub const STALE: HeaderName = HeaderName::from_static("x-session-stale");
/// The session's handle.
pub const ID: HeaderName = HeaderName::from_static("x-session-id");
/// The user's id.
pub const USER_ID: HeaderName = HeaderName::from_static("x-session-user-id");
/// The tenant's id.
pub const TENANT_ID: HeaderName = HeaderName::from_static("x-session-tenant-id");
/// When the session ends.
pub const EXPIRES_AT: HeaderName = HeaderName::from_static("x-session-expires-at");
/// All of it, signed for one app.
pub const ASSERTION: HeaderName = HeaderName::from_static("x-session-assertion");
/// What an app wants done about the session, signed by the app: the one that travels the other way.
pub const EVENT: HeaderName = HeaderName::from_static("x-session-event");

/// The subject of the certificate that the client has shown. Says nothing of a session.
pub const CLIENT_SUBJECT: HeaderName = HeaderName::from_static("x-session-client-subject");

/// Those that say something about a session to an app, and the subject of a certificate: what an answer to an edge always has.
pub const TOLD: [HeaderName; 8] = [
    STATE,
    ID,
    USER_ID,
    TENANT_ID,
    EXPIRES_AT,
    STALE,
    ASSERTION,
    CLIENT_SUBJECT,
];

/// All of them.
const OWN: [HeaderName; 9] = [
    STATE,
    STALE,
    ID,
    USER_ID,
    TENANT_ID,
    EXPIRES_AT,
    ASSERTION,
    EVENT,
    CLIENT_SUBJECT,
];

/// Whether `name` is one of them.
#[must_use]
pub fn is_own(name: &HeaderName) -> bool {
    OWN.contains(name)
}
