//! From a route's policy and what is known about the session to what happens with the request.
//!
//! The three answers of the session service stay apart to the end: absent may send somebody to the
//! login page, unknown never does.

use session_core::clock::Timestamp;
use session_core::service::{Absence, Active, Resolution, Unknown};

use super::requirements::{Requirements, Unmet};

/// What a route wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionPolicy {
    /// Nothing: no look-up is made.
    None,
    /// Look it up; serve anonymous visitors too.
    Optional,
    /// Serve only requests with a session.
    Required,
}

impl SessionPolicy {
    /// Whether a session is looked up.
    #[must_use]
    pub const fn asks(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// The answer while the store cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// `503` with `Retry-After`.
    Unavailable,
    /// To the app, marked `X-Session-State: unknown`; only for [`SessionPolicy::Optional`].
    Pass,
}

/// What the app is told about the session.
#[derive(Clone, Debug)]
pub enum State {
    /// The route asks for no session; none was looked up.
    None,
    /// There is certainly no session.
    Anonymous,
    /// There is one.
    Active(Active),
    /// The state is unknown, and the route accepts such requests.
    Unknown,
}

impl State {
    /// Value of `X-Session-State` and of the assertion's `state`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Anonymous => "anonymous",
            Self::Active(_) => "active",
            Self::Unknown => "unknown",
        }
    }
}

/// What happens with a request.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It goes to the app.
    Forward(State),
    /// The route requires a session and there is none; why not, if there was one.
    Missing(Option<Absence>),
    /// The route needs to know, and the state is unknown: 503.
    Unavailable(Unknown),
    /// There is a session, and it is not all that the route asks for.
    Unmet(Unmet),
}

/// What was found out about the session of a request.
#[derive(Clone, Debug)]
pub enum Finding {
    /// The route asks for none: nothing was looked up.
    NotAsked,
    /// The request carries no session cookie.
    NoCookie,
    /// The session service's answer.
    Resolved(Resolution),
}

/// What a route wants of the session of a request.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'r> {
    /// Whether there has to be one.
    pub session: SessionPolicy,
    /// What happens while that is unknown.
    pub on_unknown: OnUnknown,
    /// What it has to be.
    pub requirements: &'r Requirements,
}

/// Decides. `now` is asked only if the route wants a fresh login.
#[must_use]
pub fn decide(wanted: Wanted<'_>, finding: Finding, now: impl FnOnce() -> Timestamp) -> Decision {
    let Wanted {
        session,
        on_unknown,
        requirements,
    } = wanted;
    let required = session == SessionPolicy::Required;
    match finding {
        Finding::NotAsked => Decision::Forward(State::None),
        Finding::Resolved(Resolution::Active(active)) => {
            match requirements.check(active.entry.session(), now) {
                Ok(()) => Decision::Forward(State::Active(active)),
                Err(unmet) => Decision::Unmet(unmet),
            }
        }
        Finding::NoCookie if required => Decision::Missing(None),
        Finding::Resolved(Resolution::Absent(why)) if required => Decision::Missing(Some(why)),
        Finding::NoCookie | Finding::Resolved(Resolution::Absent(_)) => {
            Decision::Forward(State::Anonymous)
        }
        Finding::Resolved(Resolution::Unknown(_)) if !required && on_unknown == OnUnknown::Pass => {
            Decision::Forward(State::Unknown)
        }
        Finding::Resolved(Resolution::Unknown(why)) => Decision::Unavailable(why),
    }
}

/// Labels of a finding for metrics and logs: tier and result.
#[must_use]
pub fn labels(finding: &Finding) -> (&'static str, &'static str) {
    match finding {
        Finding::NotAsked => ("none", "not_asked"),
        Finding::NoCookie => ("none", "no_cookie"),
        Finding::Resolved(Resolution::Active(active)) => (
            active.tier.as_str(),
            if active.stale.is_some() {
                "stale"
            } else {
                "active"
            },
        ),
        Finding::Resolved(Resolution::Absent(
            why @ (Absence::Malformed | Absence::Forged | Absence::OtherGroup),
        )) => ("seal", why.as_str()),
        Finding::Resolved(Resolution::Absent(why)) => ("store", why.as_str()),
        Finding::Resolved(Resolution::Unknown(why)) => ("none", why.as_str()),
    }
}

#[cfg(test)]
mod tests;
