//! The tier inside the process: parsed sessions, and for a few seconds the keys of sessions that do not exist.
//!
//! The two live in segments of their own, so that a flood of keys that lead nowhere can never push a live session out.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Entry;
use crate::clock::Boot;
use crate::sid::SessionKey;

/// Bounded maps of what this process knows.
#[derive(Debug)]
pub struct Local {
    sessions: Cache<SessionKey, Arc<Entry>>,
    absent: Cache<SessionKey, Boot>,
    negative_ttl: Duration,
}

/// Most keys that are remembered as leading nowhere: 40 bytes each.
const ABSENT_MAX: usize = 50_000;

impl Local {
    /// Room for `max_entries` sessions.
    #[must_use]
    pub fn new(max_entries: usize, negative_ttl: Duration) -> Self {
        Self {
            sessions: Cache::new(max_entries.max(1)),
            absent: Cache::new(ABSENT_MAX),
            negative_ttl,
        }
    }

    /// The entry of `key`, however old. Whether to believe it is for [`crate::freshness`] to say.
    #[must_use]
    pub fn get(&self, key: &SessionKey) -> Option<Arc<Entry>> {
        self.sessions.get(key)
    }

    /// Puts an entry in place of an older one.
    pub fn put(&self, entry: Arc<Entry>) {
        self.sessions.insert(entry.session().key, entry);
    }

    /// Drops the entry of `key`. That there is no such session stays known: nothing brings one back.
    pub fn forget(&self, key: &SessionKey) {
        self.sessions.remove(key);
    }

    /// Whether the store said less than `negative_ttl` ago that there is no such live session.
    #[must_use]
    pub fn is_absent(&self, key: &SessionKey, now: Boot) -> bool {
        self.absent.get(key).is_some_and(|until| now < until)
    }

    /// Remembers that the store knows no such live session.
    pub fn put_absent(&self, key: SessionKey, now: Boot) {
        if !self.negative_ttl.is_zero() {
            self.absent.insert(key, now.plus(self.negative_ttl));
        }
    }

    /// Drops every entry. What is known to be absent stays known.
    pub fn forget_all(&self) {
        self.sessions.clear();
    }

    /// Drops everything: the store has another history now.
    pub fn clear(&self) {
        self.sessions.clear();
        self.absent.clear();
    }

    /// Sessions held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}
