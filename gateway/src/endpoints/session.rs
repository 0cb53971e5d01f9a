//! `GET` and `DELETE /session-v2`.

use std::sync::Arc;

use session_core::service::{Resolution, Wait};
use session_core::session::{Owner, RevokeReason};
use session_core::sid::SessionKey;
use session_core::store::Scope;
use sidgate_policy::auth::decide::Finding;
use tracing::warn;

use super::{Caller, arrive, parting, query};
use crate::answer::{Answer, Rejection, ended_code};
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};
use crate::views::session::{anonymous_view, session_view};
use crate::visit::look_up::look_up_to_end;
use crate::visit::old_cookies::OldLogins;

/// Who am I?
pub(crate) async fn show(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
) -> Answer {
    let identified = match arrive(gateway, settings, caller).await {
        Ok(identified) => identified,
        Err(too_many) => return too_many.into(),
    };
    let answer = match &identified.finding {
        Finding::Resolved(Resolution::Active(active)) => {
            let view = session_view(active.entry.session(), active.entry.last_activity());
            Answer::json(200, Outcome::Active, &view)
        }
        Finding::Resolved(Resolution::Unknown(_)) => return Answer::unavailable(),
        Finding::Resolved(Resolution::Absent(why)) => {
            Answer::json(200, Outcome::Anonymous, &anonymous_view(ended_code(*why)))
        }
        Finding::NotAsked | Finding::NoCookie => {
            Answer::json(200, Outcome::Anonymous, &anonymous_view(None))
        }
    };
    parting(answer, gateway, settings, Some(&identified.cookie_changes))
}

/// Ends the session of the cookie, and those of old logins beside it: left alone, they would log their browser in again.
/// Idempotent; cookies are cleared only when the end is committed.
pub(crate) async fn logout(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
) -> Answer {
    let wait = match query::wait(&caller.query) {
        Ok(wait) => wait,
        Err(why) => return why.into(),
    };
    let own = caller.visit.key_here(gateway).await;
    let old = caller.visit.old_logins(gateway, settings, own).await;
    // The session of the cookie is ended even if the client's budget for old logins is spent.
    let (old, pause) = match old {
        Ok(old) => (old, None),
        Err(TooMany(seconds)) => (OldLogins::unknown(), Some(seconds)),
    };
    let mut had_session = false;
    if let Some(key) = own {
        let looked_up = look_up_to_end(gateway, settings, caller.client(), key).await;
        if let Err(TooMany(seconds)) = looked_up {
            return Answer::too_many_requests(seconds);
        }
        match end(gateway, caller, key, wait).await {
            Ok(ended) => had_session |= ended,
            Err(failed) => return failed,
        }
    }
    for key in old.keys().iter().filter(|key| Some(**key) != own) {
        match end(gateway, caller, *key, wait).await {
            Ok(ended) => had_session |= ended,
            Err(failed) => return failed,
        }
    }
    if !had_session && old.are_unknown() {
        return pause.map_or_else(Answer::unavailable, Answer::too_many_requests);
    }
    let cookie_changes = old.cookie_changes(had_session);
    let answer = Answer::no_content(Outcome::Logout);
    let answer = parting(answer, gateway, settings, cookie_changes.as_ref());
    caller.forgetting(settings, answer)
}

/// Ends one session. True when it lived.
async fn end(
    gateway: &Gateway,
    caller: &Caller,
    key: SessionKey,
    wait: Wait,
) -> Result<bool, Answer> {
    let (reason, scope) = (RevokeReason::Logout, Scope::Key(key));
    let revoked = gateway.sessions.revoke(scope.clone(), reason, wait).await;
    let receipt = revoked.map_err(|failed| {
        warn!(request_id = &*caller.client().request_id, cause = %failed, "logout not committed");
        Answer::from(Rejection::not_committed(&failed))
    })?;
    gateway.metrics.revoked(reason, receipt.revoked);
    // Only a live session is logged: a sid that has ended proves nothing.
    if receipt.revoked > 0
        && let Some(owner) = owner(gateway, key).await
    {
        let facts = Facts {
            receipt: Some(&receipt),
            ..caller.client().facts("own").by_owner(&*owner)
        };
        security::note(Kind::Logout, facts.concerning(&scope));
    }
    Ok(receipt.revoked > 0)
}

/// Whose session was ended. Who logged out must be in the audit trail: a node that had no lease, and so looked nothing up before
/// it ended the session, reads that now.
async fn owner(gateway: &Gateway, key: SessionKey) -> Option<Arc<Owner>> {
    if let Some(owner) = gateway.sessions.owner(&key) {
        return Some(owner);
    }
    let session = gateway.sessions.remains(key).await.ok().flatten()?;
    Some(Arc::new(Owner::of(&session)))
}
