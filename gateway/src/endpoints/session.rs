//! `GET` and `DELETE /session-v2`.

use std::sync::Arc;

use session_core::service::Resolution;
use session_core::session::RevokeReason;
use session_core::store::Scope;
use tracing::warn;

use super::view::{anonymous_view, session_view};
use super::{Asker, arrive, parting, query};
use crate::answer::{Answer, ended_code};
use crate::auth::decide::Finding;
use crate::gate::Gate;
use crate::legacy::{self, OldLogin};
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

/// Ends the session of the cookie, and that of an old login beside it: left alone, it would log its browser in again.
/// Idempotent; cookies are cleared only when the end is committed.
pub(crate) async fn logout(gate: &Arc<Gate>, site: &Arc<Site>, asker: &Asker) -> Answer {
    let wait = match query::wait(&asker.query) {
        Ok(wait) => wait,
        Err(answer) => return *answer,
    };
    let (own, visitor) = (asker.key(gate), asker.visitor());
    let offer = asker.offer.as_deref();
    let old = match offer {
        Some(offer) => Box::pin(legacy::ended_login(gate, site, offer, &visitor)).await,
        None => OldLogin::None,
    };
    if own.is_none() && matches!(old, OldLogin::Unknown) {
        return Answer::unavailable();
    }
    let old_key = match old {
        OldLogin::Session(key) => Some(key),
        OldLogin::None | OldLogin::Unknown => None,
    };
    for key in own
        .into_iter()
        .chain(old_key.filter(|key| Some(*key) != own))
    {
        let (ended, scope) = (whose(gate, key).await, Scope::Key(key));
        match gate
            .sessions
            .revoke(scope.clone(), RevokeReason::Logout, wait)
            .await
        {
            Ok(receipt) => {
                gate.metrics.revoked(RevokeReason::Logout, receipt.revoked);
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
    let farewell = offer.and_then(|offer| offer.parting(site));
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
