//! Logging out ends the old login too: left alone, it would log its browser in again.

use std::sync::Arc;

use session_core::sid::SessionKey;

use super::case::Ended;
use super::{Farewell, Offer, migrate, reissue};
use crate::config::MigrationMode;
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Client, Gateway};

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
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    offer: Option<&Offer>,
    own: Option<SessionKey>,
    client: &Client,
) -> Result<OldLogins, TooMany> {
    let returned = match own {
        Some(key) => reissue::returned(gateway, settings, key).await,
        None => None,
    };
    let mode = settings.config.migration.mode;
    let offer = offer.filter(|_| mode == MigrationMode::On);
    let ended = match offer {
        Some(offer) if !offer.is_chosen(settings) => Ended::Unclear,
        Some(offer) if offer.found.has_login() => {
            Box::pin(migrate::end(gateway, settings, &offer.found, client)).await?
        }
        _ => Ended::default(),
    };
    let parting = offer.and_then(|offer| offer.parting(settings));
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
