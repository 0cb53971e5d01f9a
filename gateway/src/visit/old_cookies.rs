//! The one way from routes and endpoints to the cookies of an older login system.

use std::sync::Arc;

use http::HeaderValue;
use session_core::service::{Active, Query};
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::Finding;

use super::Visit;
use crate::legacy::{self, reissue};
pub(crate) use crate::legacy::{CookieChanges, Identified, LegacyCookies, OldLogins};
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Gateway};

impl Visit {
    /// Whether the request brought some.
    pub(crate) const fn has_old_cookies(&self) -> bool {
        self.legacy_cookies.is_some()
    }

    /// What becomes of the request whose own session cookie gave `finding`.
    ///
    /// # Errors
    /// [`TooMany`] when this client has sent too many invalid old logins and unknown sids.
    pub(super) async fn arrive(
        &self,
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        finding: Finding,
        query: Query,
    ) -> Result<Identified, TooMany> {
        let Some(cookies) = &self.legacy_cookies else {
            return Ok(Identified::untouched(finding));
        };
        let client = &self.client;
        Box::pin(legacy::arrive(
            gateway, settings, cookies, client, finding, query,
        ))
        .await
    }

    /// The old logins beside the session `own`, which is about to end, or beside none.
    ///
    /// # Errors
    /// [`TooMany`] when this client has sent too many invalid old logins and unknown sids.
    pub(crate) async fn old_logins(
        &self,
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        own: Option<SessionKey>,
    ) -> Result<OldLogins, TooMany> {
        let (cookies, client) = (self.legacy_cookies.as_deref(), &self.client);
        Box::pin(legacy::old_logins(gateway, settings, cookies, own, client)).await
    }

    /// Clears what a login with a password leaves without a meaning.
    pub(crate) fn cleared_by_login(&self, settings: &ActiveConfig) -> Option<CookieChanges> {
        let cookies = self.legacy_cookies.as_deref();
        cookies.and_then(|cookies| cookies.parting(settings))
    }

    /// Gives back the old cookies that are kept with a session, where migration is off again: to the app in the Cookie line
    /// `sent`, to the browser by what is returned.
    pub(crate) async fn give_back(
        &self,
        gateway: &Gateway,
        settings: &ActiveConfig,
        active: &Active,
        sent: &mut Option<HeaderValue>,
    ) -> Option<CookieChanges> {
        settings.legacy.as_ref()?;
        let cookies = self.legacy_cookies.as_deref();
        let active = (active, self.client.to.site);
        let due = Box::pin(reissue::due(gateway, settings, cookies, active));
        let returned = due.await?;
        *sent = reissue::joined(sent.as_ref(), &returned.pairs);
        Some(returned.cookie_changes)
    }
}

/// Takes back the cookies that may have been given back to the browser of a session, which is about to end.
pub(crate) async fn take_back(
    gateway: &Gateway,
    settings: &ActiveConfig,
    (key, site): (SessionKey, usize),
) -> Option<CookieChanges> {
    legacy::returned(gateway, settings, (key, site)).await
}
