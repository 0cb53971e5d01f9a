//! Whether an attempt to log in may be made: who makes it, and which counters it is charged to.

use serde_json::Value;
use session_core::service::{Query, Resolution};
use session_core::session::Session;
use sidgate_policy::auth::account::Account;
use sidgate_policy::edge::client_ip::network;
use tracing::debug;

use super::too_many;
use crate::answer::Answer;
use crate::endpoints::Caller;
use crate::limits::logins::{Attempt, Factors, Limited, Standing};
use crate::risk::{self, Refused};
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::labels::{LoginStanding, Refusal};
use crate::telemetry::security::{self, Facts, Kind};
use crate::visit::look_up::look_up;

/// Why an attempt may not be made.
enum Denied {
    /// Too many have failed.
    Limited(Limited),
    /// Too many strangers have failed, and the store cannot tell whether this is one.
    Unknown,
}

impl From<Limited> for Denied {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

/// Takes a place for an attempt.
///
/// # Errors
/// The answer to give instead of asking the app.
pub(super) async fn admit(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    account: &Account,
    factors: Factors,
) -> Result<Attempt, Box<Answer>> {
    let denied = match judge(gateway, settings, caller, account, factors).await {
        Ok(attempt) => return Ok(attempt),
        Err(denied) => denied,
    };
    let Denied::Limited(limited) = denied else {
        return Err(Box::new(Answer::unavailable()));
    };
    let counter = limited.counter.into_str();
    gateway.metrics.refused(Refusal::LoginLimit);
    gateway.metrics.login_limited(counter);
    risk::refused(gateway, settings, Refused::Login, caller.client());
    let digest = settings.log_key.digest(account);
    let facts = Facts {
        account: Some(&digest),
        ..caller.client().facts(counter)
    };
    security::note(Kind::LoginLimited, facts);
    Err(Box::new(too_many(limited.wait.0)))
}

/// The store is asked only when the client or the live session has attempts left.
async fn judge(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    account: &Account,
    factors: Factors,
) -> Result<Attempt, Denied> {
    let limits = &settings.login_limits;
    let live = live_session(gateway, settings, caller).await;
    let by_session = match &live {
        Some(live) => Some(limits.session(live.identity.user_id(), live.id)?),
        None => None,
    };
    let by_client = limits.client(caller.client().ip);
    if by_session.is_none()
        && let Err(limited) = by_client
    {
        return Err(limited.into());
    }
    let network = network(caller.client().ip);
    let user_id = live.as_ref().map(|live| live.identity.user_id());
    let asked = gateway
        .sessions
        .familiarity(account.as_str(), network, user_id);
    let familiarity = asked
        .await
        .inspect_err(|failed| debug!(cause = %failed, "nobody can say whose attempt this is"))
        .ok();
    gateway.metrics.login_standing(match familiarity {
        Some(found) if found.user => LoginStanding::LiveSession,
        Some(found) if found.network => LoginStanding::Network,
        Some(_) => LoginStanding::Stranger,
        None => LoginStanding::Unknown,
    });
    let standing = match (by_session, familiarity) {
        (Some(session), Some(found)) if found.user => Standing::LiveSession(session),
        (by_session, found) => {
            let client = by_client?;
            let claims = live.is_some_and(|live| says_to_be(&live, account));
            // A session of another user proves nothing. It is charged, because finding that out cost a query.
            if let Some(session) = by_session.filter(|_| found.is_some() && !claims) {
                session.spend();
            }
            match found {
                Some(found) if found.network => Standing::Known(network, client),
                Some(_) if claims => Standing::Claimed(client),
                _ => Standing::Stranger(client),
            }
        }
    };
    limits
        .attempt(account, standing, factors)
        .map_err(|limited| match familiarity {
            Some(_) => Denied::Limited(limited),
            None => Denied::Unknown,
        })
}

/// Whether the session's user claims this address. The claim may be unverified.
fn says_to_be(session: &Session, account: &Account) -> bool {
    let identity = session.identity.to_value();
    let address = identity.pointer("/user/email").and_then(Value::as_str);
    address.is_some_and(|address| Account::new(address) == *account)
}

/// The session of the cookie, if it is certain that it lives. An unknown session gives no right.
async fn live_session(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
) -> Option<Session> {
    let key = caller.visit.key()?;
    let query = Query {
        counts_as_use: false,
        ..Query::default()
    };
    match look_up(gateway, settings, caller.client(), key, query).await {
        Ok(Resolution::Active(active)) => Some(active.entry.session().clone()),
        Ok(Resolution::Absent(_) | Resolution::Unknown(_)) | Err(_) => None,
    }
}
