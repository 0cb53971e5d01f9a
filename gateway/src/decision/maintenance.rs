//! Are the apps out of service for this request?
//!
//! What needs an app waits: routes, logins, and the judging of old logins. What needs the store alone goes on: somebody
//! whose laptop was stolen can end its session also while the apps are being worked on.

use super::place::Place;
use super::{Sender, Verdict};
use crate::endpoints::Endpoint;
use crate::state::ActiveConfig;

/// The verdict on a request that has to wait.
pub(super) fn verdict<'s>(
    settings: &ActiveConfig,
    sender: Sender,
    place: Place<'_>,
) -> Option<Verdict<'s>> {
    if !settings.maintenance.is_on() {
        return None;
    }
    let needs_an_app = match place {
        Place::Route(_) => true,
        Place::Endpoint(endpoint) => matches!(endpoint, Endpoint::Login | Endpoint::Migrate),
        Place::Admin(_) | Place::Private | Place::Nothing => false,
    };
    let config = &settings.config.maintenance;
    let waits = needs_an_app && !config.lets_through(sender.client);
    waits.then(|| Verdict::Maintenance(config.retry_after.as_secs()))
}
