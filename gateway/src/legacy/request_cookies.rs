//! The old cookies of one request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use sidgate_policy::edge::Vetted;

use super::cookie_changes::NamesToClear;
use super::cookies::found::Found;
use super::{ClearedNames, CookieChanges, admission};
use crate::config::{MigrationMode, MigrationRedirect};
use crate::state::ActiveConfig;

/// The old cookies of one request, and all that is needed to decide about them later.
#[derive(Debug)]
pub(crate) struct LegacyCookies {
    pub(crate) found: Arc<Found>,
    /// Whether the request may migrate its sender.
    pub(super) welcome: bool,
    /// The Cookie line for an app that knows the session.
    pub(super) when_active: Option<HeaderValue>,
    /// The Cookie line for an app that knows none: without credentials.
    pub(super) otherwise: Option<HeaderValue>,
    /// Where the browser may be sent for the same page again.
    pub(super) again: Option<String>,
    pub(crate) path: String,
    /// Number of the site that the request was sent to.
    site: usize,
}

impl LegacyCookies {
    /// The old cookies of a vetted request. No I/O; `None`, at next to no cost, when there are none.
    pub(crate) fn of(
        settings: &ActiveConfig,
        vetted: &Vetted<'_>,
        method: &str,
        headers: &HeaderMap,
    ) -> Option<Box<Self>> {
        let rules = &settings.legacy.as_ref()?.rules;
        let found = rules.find(&vetted.cookies)?;
        let migration = &settings.config.migration;
        let site = settings.site(vetted.host.site());
        let again = migration.redirect == MigrationRedirect::Navigation
            && !vetted.websocket
            && admission::is_top_level_get(method, headers);
        let again = again.then(|| match vetted.query {
            Some(query) => format!("{}?{query}", vetted.path),
            None => vetted.path.to_owned(),
        });
        Some(Box::new(Self {
            welcome: admission::may_migrate(method, headers, &site.origin_at(&vetted.host)),
            when_active: vetted.cookies.upstream_line(|name| rules.hides(name)),
            otherwise: vetted
                .cookies
                .upstream_line(|name| rules.is_credential(name)),
            again,
            path: vetted.path.to_owned(),
            site: vetted.host.site(),
            found: Arc::new(found),
        }))
    }

    /// Clears all old cookies: their browser has another session now, or none.
    pub(crate) fn parting(&self, settings: &ActiveConfig) -> Option<CookieChanges> {
        (settings.config.migration.mode == MigrationMode::On).then(|| {
            CookieChanges::clearing(self.found.all_names(), (self.site, self.path.clone()))
        })
    }

    /// Whether these cookies are within the share that is migrated. At 100 percent that includes cookies without a
    /// login, so that no app sees them.
    pub(super) fn is_chosen(&self, settings: &ActiveConfig) -> bool {
        let percent = settings.config.migration.rollout_percent;
        percent == 100 || self.found.is_within(percent)
    }

    pub(super) fn to_clear(
        &self,
        cleared_names: Arc<ClearedNames>,
        names: Vec<String>,
    ) -> NamesToClear {
        NamesToClear {
            cleared_names,
            names,
            path: self.path.clone(),
            site: self.site,
        }
    }
}
