//! `GET` and `DELETE /session-v2`.

use session_core::service::{Resolution, Wait};
use session_core::session::RevokeReason;
use session_core::store::Scope;
use tracing::{info, warn};

use super::Asker;
use super::view::{anonymous_view, session_view};
use crate::answer::Answer;
use crate::auth::decide::Finding;
use crate::gate::Gate;
use crate::set_cookie;
use crate::site::Site;

/// Who am I?
pub(crate) async fn show(gate: &Gate, asker: &Asker) -> Answer {
    match asker.find(gate).await {
        Finding::Resolved(Resolution::Active(active)) => {
            let view = session_view(active.entry.session(), active.entry.last_activity());
            Answer::json(200, "active", &view)
        }
        Finding::NotAsked | Finding::NoCookie | Finding::Resolved(Resolution::Absent(_)) => {
            Answer::json(200, "anonymous", &anonymous_view())
        }
        Finding::Resolved(Resolution::Unknown(_)) => Answer::unavailable(),
    }
}

/// Ends the session of the cookie. Idempotent; the cookie is cleared only when the end is committed.
pub(crate) async fn logout(gate: &Gate, site: &Site, asker: &Asker) -> Answer {
    if let Some(key) = asker.key(gate) {
        match gate
            .sessions
            .revoke(Scope::Key(key), RevokeReason::Logout, Wait::All)
            .await
        {
            Ok(receipt) => {
                gate.metrics.revoked(RevokeReason::Logout, receipt.revoked);
                info!(
                    request_id = asker.request_id,
                    sessions = receipt.revoked,
                    nodes = receipt.nodes,
                    acked = receipt.acked,
                    "logout"
                );
            }
            Err(failed) => {
                warn!(request_id = asker.request_id, error = %failed, "logout not committed");
                return if failed.may_have_happened() {
                    Answer::outcome_unknown()
                } else {
                    Answer::unavailable()
                };
            }
        }
    }
    let answer = Answer::no_content("logout");
    match set_cookie::clear(&site.config.cookie) {
        Some(cookie) => answer.with_cookie(cookie),
        None => answer,
    }
}
