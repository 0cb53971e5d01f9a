//! A session that has had its sid for longer than `session.rotate_every`, or is used in a suspicious way, gets another one
//! with its next answer.
//!
//! An answer that cannot carry a cookie leaves it to the next one. Of parallel requests one renews the sid, on whichever
//! node; the others are served with the old one, which is accepted for ten seconds more. When the store fails nothing is
//! set and the request is served.

use std::time::Duration;

use http::HeaderValue;
use session_core::session::Session;
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::State;
use tracing::warn;

use super::{Forward, Record};
use crate::answer::set_cookie;
use crate::state::Gateway;
use crate::telemetry::labels::Renewed;
use crate::telemetry::security::{self, Kind};

/// Why a new sid is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The session has had its sid for longer than `session.rotate_every`.
    Age,
    /// The session was used in a suspicious way.
    Risk,
}

impl Due {
    /// The reason in the audit trail.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "rotate_every",
            Self::Risk => "risk",
        }
    }
}

/// The cookie with the new sid, if one was due and could be had. `moves` is told of the session's new key.
pub(crate) async fn renew(
    gateway: &Gateway,
    record: &Record,
    forward: &Forward,
    grace: Duration,
    moves: impl FnOnce(SessionKey) + Send,
) -> Option<HeaderValue> {
    let State::Active(active) = &forward.state else {
        return None;
    };
    // The site where people log in gives new sids: another one would leave it with an old one.
    if forward.site(record).login_at.is_some() {
        return None;
    }
    let session = active.entry.session();
    let key = session.key;
    // A session that was found by a former sid has been renewed already, and one that is served stale cannot be.
    if forward.visit.key() != Some(key) || active.stale.is_some() {
        return None;
    }
    let why = why_due(gateway, record, session)?;
    let _renewal = gateway.renewals.begin(key)?;
    let created = match gateway
        .sessions
        .renew(key, &forward.site(record).config.group, grace)
        .await
    {
        Ok(Some(created)) => created,
        Ok(None) => return None,
        Err(failed) => {
            gateway.metrics.renewal(Renewed::Failed);
            if why == Due::Risk {
                gateway.risk.want_rotation(session.id);
            }
            warn!(request_id = &*record.request_id, cause = %failed, "sid not renewed");
            return None;
        }
    };
    gateway.metrics.renewal(Renewed::Done);
    security::note(
        Kind::Rotated,
        record.facts(why.as_str()).by_owner(&created.session),
    );
    moves(created.session.key);
    let now = gateway.sessions.clock().wall();
    set_cookie::issue(
        &forward.site(record).config.cookie,
        &created.sid,
        &created.session,
        now,
    )
}

/// Why a new sid is due, if it is.
fn why_due(gateway: &Gateway, record: &Record, session: &Session) -> Option<Due> {
    let age = gateway.sessions.clock().wall().since(session.sid_since());
    let every = record.settings.config.session.rotate_every;
    if every.is_some_and(|every| age >= every) {
        return Some(Due::Age);
    }
    let suspicious = record.settings.risk.is_some() && gateway.risk.take_rotation(session.id);
    suspicious.then_some(Due::Risk)
}
