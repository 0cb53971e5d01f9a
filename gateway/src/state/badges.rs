//! What apps were told about sessions a moment ago: ready header values and signed assertions, for sessions in use.
//!
//! A session that is not in use costs nothing here. What is kept is found again only for the very entry that it was made of,
//! which whoever asks has checked: an entry is never changed, only exchanged for a newer one. And it is found only for the
//! same app and site under a configuration in which sessions look the same.

use std::sync::{Arc, Weak};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use session_core::cache::Entry;
use session_core::service::Active;
use session_core::sid::SessionKey;
use sidgate_policy::auth::identity::{Badge, RequestFacts};
use sidgate_policy::auth::token::SignError;

use super::ActiveConfig;
use crate::apps::app::App;
use crate::telemetry::metrics::Metrics;

/// The badges of sessions in use, within a number of bytes. Those that are used least make room.
#[derive(Debug)]
pub(crate) struct Badges(Cache<Place, Arc<Kept>, Weight>);

/// Where a badge is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    session: SessionKey,
    /// Number of the app in its configuration.
    app: usize,
    /// Number of the site there.
    site: usize,
    /// Number of the configuration. Requests that began before a reload end under the configuration before.
    generation: u64,
}

/// A badge, and the entry that it was made of.
#[derive(Debug)]
struct Kept {
    entry: Weak<Entry>,
    badge: Arc<Badge>,
}

#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weight {
    /// What a badge takes beside its own size: its place in the map, and an entry that is kept from being freed.
    const PLACE: usize = 600;
    /// Size of a badge with large claims. It sets the expected number of badges, and so into how many parts the map is
    /// divided.
    const EXPECTED: u64 = 16 * 1_024;
}

impl Weighter<Place, Arc<Kept>> for Weight {
    fn weight(&self, _place: &Place, kept: &Arc<Kept>) -> u64 {
        u64::try_from(kept.badge.size() + Self::PLACE).unwrap_or(u64::MAX)
    }
}

impl Kept {
    fn serves(&self, entry: &Arc<Entry>, now: i64) -> bool {
        // A reference, even a weak one, keeps the address from being used again.
        std::ptr::eq(self.entry.as_ptr(), Arc::as_ptr(entry)) && self.badge.may_be_shown(now)
    }

    /// Whether somebody may still ask for it.
    fn is_of_use(&self, now: i64) -> bool {
        self.entry.strong_count() > 0 && self.badge.may_be_shown(now)
    }
}

impl Badges {
    /// Creates it empty.
    pub(crate) fn new(max_bytes: u64) -> Self {
        let expected = usize::try_from(max_bytes / Weight::EXPECTED).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(expected.max(1), max_bytes, Weight))
    }

    /// What `app` is told about the session at `now`, unix seconds, by a request to a site. The session must have been checked a moment ago.
    ///
    /// # Errors
    /// When signing fails.
    pub(crate) fn of(
        &self,
        (settings, metrics): (&ActiveConfig, &Metrics),
        (app, site): (&App, usize),
        active: &Active,
        now: i64,
    ) -> Result<Arc<Badge>, SignError> {
        let sign = || {
            let session = active.entry.session();
            let badge = Badge::new(
                session,
                &settings.config.identity.headers,
                (&app.keys, app.confided(session)),
                RequestFacts {
                    site: settings.site(site).name.clone(),
                    stale: active.stale.map(|stale| stale.as_secs()),
                },
                now,
            )?;
            metrics.attributes_omitted(badge.omitted);
            Ok(Arc::new(badge))
        };
        // How old the state is changes with each second.
        if active.stale.is_some() {
            return sign();
        }
        let place = Place {
            session: active.entry.session().key,
            app: app.number,
            site,
            generation: settings.generation,
        };
        if let Some(kept) = self.0.get(&place)
            && kept.serves(&active.entry, now)
        {
            return Ok(Arc::clone(&kept.badge));
        }
        let badge = sign()?;
        let kept = Kept {
            entry: Arc::downgrade(&active.entry),
            badge: Arc::clone(&badge),
        };
        self.0.insert(place, Arc::new(kept));
        Ok(badge)
    }

    /// Drops what is too old to be shown, and what was made of entries that are gone. Called from time to time.
    pub(crate) fn sweep(&self, now: i64) {
        self.0.retain(|_, kept| kept.is_of_use(now));
    }
}

#[cfg(test)]
mod tests;
