//! `GET` and `DELETE /session-v2`.

use std::sync::Arc;

use session_core::service::Resolution;
use session_core::session::RevokeReason;
use session_core::sid::SessionKey;
use session_core::store::Scope;
use tracing::warn;

use super::view::{anonymous_view, session_view};
use super::{Asker, arrive, parting, query};
use crate::answer::{Answer, ended_code};
use crate::auth::decide::Finding;
use crate::buckets::TooMany;
use crate::gate::Gate;
use crate::legacy::{self, OldLogins};
use crate::look_up::whose;
use crate::set_cookie;
use crate::site::Site;
use crate::telemetry::security::{self, Facts, Kind};

/// Who am I?
pub(crate) async fn show(gate: &Arc<Gate>, site: &Arc<Site>, asker: &Asker) -> Answer {
    let arrival = match arrive(gate, site, asker).await {
        Ok(arrival) => arrival,
        Err(too_many) => return *too_many,
    };
    let answer = match &arrival.finding {
        Finding::Resolved(Resolution::Active(active)) => {
            let view = session_view(active.entry.session(), active.entry.last_activity());
            Answer::json(200, "active", &view)
        }
        Finding::Resolved(Resolution::Unknown(_)) => return Answer::unavailable(),
        Finding::Resolved(Resolution::Absent(why)) => {
            Answer::json(200, "anonymous", &anonymous_view(ended_code(*why)))
        }
        Finding::NotAsked | Finding::NoCookie => {
            Answer::json(200, "anonymous", &anonymous_view(None))
        }
    };
    parting(answer, gate, site, &arrival.farewell)
}

/// Ends the session of the cookie, and those of old logins beside it: left alone, they would log their browser in again.
/// Idempotent; cookies are cleared only when the end is committed.
pub(crate) async fn logout(gate: &Arc<Gate>, site: &Arc<Site>, asker: &Asker) -> Answer {
    let wait = match query::wait(&asker.query) {
        Ok(wait) => wait,
        Err(answer) => return *answer,
    };
    let (own, visitor) = (asker.key(gate), asker.visitor());
    let offer = asker.offer.as_deref();
    let old = Box::pin(legacy::old_logins(gate, site, offer, own, &visitor)).await;
    // The session itself can be ended whatever else its client has asked for.
    let (old, pause) = match old {
        Ok(old) => (old, None),
        Err(TooMany(seconds)) => (OldLogins::unknown(), Some(seconds)),
    };
    let mut keys: Vec<SessionKey> = own.into_iter().collect();
    keys.extend(old.keys().iter().filter(|key| Some(**key) != own));
    let mut had_session = false;
    for key in keys {
        let (ended, scope) = (whose(gate, key).await, Scope::Key(key));
        match gate
            .sessions
            .revoke(scope.clone(), RevokeReason::Logout, wait)
            .await
        {
            Ok(receipt) => {
                gate.metrics.revoked(RevokeReason::Logout, receipt.revoked);
                had_session |= receipt.revoked > 0;
                // Whoever brings a sid that is over has proved nothing, and ended nothing.
                if let Some(session) = ended.as_ref().filter(|_| receipt.revoked > 0) {
                    let facts = Facts {
                        receipt: Some(&receipt),
                        ..asker.facts("own")
                    };
                    security::note(Kind::Logout, facts.by_owner(session).concerning(&scope));
                }
            }
            Err(failed) => {
                warn!(request_id = asker.request_id, error = %failed, "logout not committed");
                return Answer::not_committed(&failed);
            }
        }
    }
    if !had_session && old.are_unknown() {
        return pause.map_or_else(Answer::unavailable, Answer::too_many_misses);
    }
    let farewell = old.farewell(had_session);
    let answer = Answer::no_content("logout");
    let answer = match farewell {
        Some(farewell) => parting(answer, gate, site, &farewell),
        None => answer,
    };
    match set_cookie::clear(&site.config.cookie) {
        Some(cookie) => answer.with_cookie(cookie),
        None => answer,
    }
}
