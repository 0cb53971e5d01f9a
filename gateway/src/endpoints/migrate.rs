//! `POST /migrate-session`: for clients that want an old login to become a session now.

use std::sync::Arc;

use serde_json::{Value, json};
use session_core::service::Resolution;
use sidgate_policy::auth::decide::Finding;

use super::{Caller, arrive, parting};
use crate::answer::Answer;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::outcome::Outcome;
use crate::views::session::session_view;

/// The session of who asks, and whether it comes from the old cookies of this request.
pub(crate) async fn migrate(
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
            let mut view = session_view(active.entry.session(), active.entry.last_activity());
            if let Value::Object(members) = &mut view {
                members.insert("migrated".to_owned(), json!(identified.migrated));
            }
            Answer::json(200, Outcome::Active, &view)
        }
        Finding::Resolved(Resolution::Unknown(_)) => return Answer::unavailable(),
        _ if identified.refused => Answer::problem(
            401,
            Outcome::LegacyRefused,
            "The old login is not valid any more",
        ),
        _ => Answer::unauthenticated(None),
    };
    parting(answer, gateway, settings, Some(&identified.cookie_changes))
}
