//! The tier inside the process: parsed sessions, and for a few seconds the keys of sessions that do not exist.
//!
//! The two live in segments of their own, so that a flood of keys that lead nowhere can never push a live session out.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Entry;
use crate::clock::Boot;
use crate::session::Dead;
use crate::sid::SessionKey;

/// Bounded maps of what this process knows.
#[derive(Debug)]
pub struct Local {
    sessions: Cache<SessionKey, Arc<Entry>>,
    absent: Cache<SessionKey, Absent>,
    negative_ttl: Duration,
}

/// What the store said about a key that leads nowhere.
#[derive(Clone, Copy, Debug)]
struct Absent {
    /// Why the session does not count; `None`: there is no such row.
    why: Option<Dead>,
    /// Until when that is remembered.
    until: Boot,
}

/// Most keys that are remembered as leading nowhere: 48 bytes each.
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

    /// `Some` when the store said less than `negative_ttl` ago that there is no such live session, with what it said.
    #[must_use]
    pub fn absence(&self, key: &SessionKey, now: Boot) -> Option<Option<Dead>> {
        let absent = self.absent.get(key).filter(|absent| now < absent.until);
        absent.map(|absent| absent.why)
    }

    /// Remembers that the store knows no such live session, and why.
    pub fn put_absent(&self, key: SessionKey, why: Option<Dead>, now: Boot) {
        if !self.negative_ttl.is_zero() {
            let until = now.plus(self.negative_ttl);
            self.absent.insert(key, Absent { why, until });
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
