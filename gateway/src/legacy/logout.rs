//! Logging out ends the old login too: left alone, it would log its browser in again.

use std::sync::Arc;

use session_core::sid::SessionKey;

use super::case::Ended;
use super::{CookieChanges, LegacyCookies, migrate, reissue};
use crate::config::MigrationMode;
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Client, Gateway};

/// The old logins to end and the old cookies to clear when somebody logs out.
#[derive(Debug)]
pub(crate) struct OldLogins {
    ended: Ended,
    cookie_changes: Option<CookieChanges>,
}

/// Finds the old logins of a request that logs out. `own` is the session that is about to end, if there is one.
///
/// # Errors
/// [`TooMany`] when this client has sent too many invalid old logins and unknown sids.
pub(crate) async fn old_logins(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    legacy_cookies: Option<&LegacyCookies>,
    own: Option<SessionKey>,
    client: &Client,
) -> Result<OldLogins, TooMany> {
    let returned = match own {
        Some(key) => reissue::returned(gateway, settings, (key, client.to.site)).await,
        None => None,
    };
    let mode = settings.config.migration.mode;
    let legacy_cookies = legacy_cookies.filter(|_| mode == MigrationMode::On);
    let ended = match legacy_cookies {
        Some(legacy_cookies) if !legacy_cookies.is_chosen(settings) => Ended::Unclear,
        Some(legacy_cookies) if legacy_cookies.found.has_login() => {
            Box::pin(migrate::end(
                gateway,
                settings,
                &legacy_cookies.found,
                client,
            ))
            .await?
        }
        _ => Ended::default(),
    };
    let parting = legacy_cookies.and_then(|legacy_cookies| legacy_cookies.parting(settings));
    Ok(OldLogins {
        ended,
        cookie_changes: parting.or(returned),
    })
}

impl OldLogins {
    /// For a request whose old logins were not looked up.
    pub(crate) const fn unknown() -> Self {
        Self {
            ended: Ended::Unknown,
            cookie_changes: None,
        }
    }

    /// Sessions that are to be ended. Their old logins end with them, for good.
    pub(crate) fn keys(&self) -> &[SessionKey] {
        match &self.ended {
            Ended::Sessions(keys) => keys,
            Ended::Unclear | Ended::Unknown => &[],
        }
    }

    /// Whether it is unknown just now which sessions those are.
    pub(crate) fn are_unknown(&self) -> bool {
        matches!(self.ended, Ended::Unknown)
    }

    /// What the answer says about old cookies. They are cleared if a session has just ended, or if they were judged.
    pub(crate) fn cookie_changes(self, had_session: bool) -> Option<CookieChanges> {
        let are_judged = matches!(self.ended, Ended::Sessions(_));
        self.cookie_changes.filter(|_| are_judged || had_session)
    }
}
