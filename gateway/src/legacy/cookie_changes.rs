//! The `Set-Cookie` lines that migration adds to an answer: the new session cookie, and what clears or returns old
//! ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;

use super::ClearedNames;
use crate::state::{ActiveConfig, Gateway};

/// `Set-Cookie` lines for one answer. They are made when it is certain that the answer can carry them.
#[derive(Debug, Default)]
pub(crate) struct CookieChanges {
    /// The cookie of the session that this request was migrated to.
    pub(super) sid: Option<HeaderValue>,
    pub(super) sweep: Option<NamesToClear>,
    /// Old cookies that come back, and where to note that they have.
    pub(super) returned: Option<(Vec<HeaderValue>, Arc<AtomicBool>)>,
}

/// What to clear.
#[derive(Debug)]
pub(crate) struct NamesToClear {
    pub(super) cleared_names: Arc<ClearedNames>,
    pub(super) names: Vec<String>,
    /// Path of the request that brought them.
    pub(super) path: String,
    /// Number of the site that it was sent to.
    pub(super) site: usize,
}

impl CookieChanges {
    /// Clears these names, with no session attached.
    pub(crate) fn clearing(names: Vec<String>, (site, path): (usize, String)) -> Self {
        Self {
            sweep: Some(NamesToClear {
                cleared_names: Arc::default(),
                names,
                path,
                site,
            }),
            ..Self::default()
        }
    }

    /// Holds back the old cookies that return: the answer carries an event of the session, perhaps its end.
    pub(crate) fn keep_back(&mut self) {
        self.returned = None;
    }

    /// The lines. Without `with_sid` that of the new session is left out, because the answer sets the session cookie
    /// itself.
    pub(crate) fn lines(
        &self,
        gateway: &Gateway,
        settings: &ActiveConfig,
        with_sid: bool,
    ) -> Vec<HeaderValue> {
        let mut lines: Vec<HeaderValue> = self.sid.iter().filter(|_| with_sid).cloned().collect();
        if let (Some(to_clear), Some(legacy)) = (&self.sweep, &settings.legacy) {
            let now = gateway.sessions.clock().boot();
            let sweep = to_clear.cleared_names.sweep(
                legacy.clearing(to_clear.site),
                &to_clear.names,
                &to_clear.path,
                now,
            );
            gateway.metrics.legacy_uncleared(sweep.given_up.len());
            lines.extend(sweep.lines);
        }
        if let Some((cookies, done)) = &self.returned {
            done.store(true, Ordering::Relaxed);
            lines.extend(cookies.iter().cloned());
        }
        lines
    }
}
