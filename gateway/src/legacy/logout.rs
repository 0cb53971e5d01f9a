//! Logging out ends the old login too: left alone, it would log its browser in again.

use std::sync::Arc;

use session_core::sid::SessionKey;

use super::case::Ended;
use super::{Farewell, Offer, Visitor, migrate, reissue};
use crate::buckets::TooMany;
use crate::config::MigrationMode;
use crate::gate::Gate;
use crate::site::Site;

/// What of the old system is to end and to be cleared when somebody logs out.
#[derive(Debug)]
pub(crate) struct OldLogins {
    ended: Ended,
    farewell: Option<Farewell>,
}

/// Finds the old logins beside a session that is about to end, or beside none.
///
/// # Errors
/// When too many old logins and sids of this client were nobody's.
pub(crate) async fn old_logins(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    offer: Option<&Offer>,
    own: Option<SessionKey>,
    visitor: &Visitor,
) -> Result<OldLogins, TooMany> {
    let returned = match own {
        Some(key) => reissue::returned(gate, site, key).await,
        None => None,
    };
    let mode = site.config.migration.mode;
    let offer = offer.filter(|_| mode == MigrationMode::On);
    let ended = match offer {
        Some(offer) if !offer.is_chosen(site) => Ended::Unclear,
        Some(offer) if offer.found.has_login() => {
            Box::pin(migrate::end(gate, site, &offer.found, visitor)).await?
        }
        _ => Ended::default(),
    };
    let parting = offer.and_then(|offer| offer.parting(site));
    Ok(OldLogins {
        ended,
        farewell: parting.or(returned),
    })
}

impl OldLogins {
    /// Nobody has looked.
    pub(crate) const fn unknown() -> Self {
        Self {
            ended: Ended::Unknown,
            farewell: None,
        }
    }

    /// Sessions that are to end: with them the old logins do, for good.
    pub(crate) fn keys(&self) -> &[SessionKey] {
        match &self.ended {
            Ended::Sessions(keys) => keys,
            Ended::Unclear | Ended::Unknown => &[],
        }
    }

    /// Whether nobody could say just now which sessions those are.
    pub(crate) fn are_unknown(&self) -> bool {
        matches!(self.ended, Ended::Unknown)
    }

    /// What the answer says about old cookies. Beside a session that has just ended they are leftovers; without one they
    /// go only if they were judged.
    pub(crate) fn farewell(self, had_session: bool) -> Option<Farewell> {
        let are_judged = matches!(self.ended, Ended::Sessions(_));
        self.farewell.filter(|_| are_judged || had_session)
    }
}
