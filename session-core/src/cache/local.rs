//! The tier inside the process: parsed sessions, and for a few seconds the keys of sessions that do not exist.
//!
//! The two live in segments of their own, so that a flood of keys that lead nowhere can never push a live session out.
//! Sessions are counted by weight: what an app says about its users may be long, and so may what clients say about
//! themselves.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::Entry;
use crate::clock::Boot;
use crate::session::{Dead, Session};
use crate::sid::SessionKey;

/// Bounded maps of what this process knows.
#[derive(Debug)]
pub struct Local {
    sessions: Cache<SessionKey, Arc<Entry>, Weight>,
    absent: Cache<SessionKey, Absent>,
    negative_ttl: Duration,
}

/// How much is kept; whichever bound is reached first holds.
#[derive(Clone, Copy, Debug)]
pub struct LocalLimits {
    /// Sessions.
    pub max_entries: usize,
    /// Bytes of them, with what the layer above attaches to an entry.
    pub max_bytes: u64,
    /// How many signed copies of its texts the layer above attaches to an entry: one for each app.
    pub copies: usize,
}

/// An estimate, from above, of what an entry takes. It never changes while the entry is held.
#[derive(Clone, Copy, Debug)]
struct Weight {
    /// So that no more entries have room than there may be.
    least: u64,
    copies: u64,
}

impl Weight {
    /// The entry itself, its place in the map, and what does not depend on texts.
    const ENTRY: u64 = 1_200;
    /// What is attached for an app beside the texts.
    const COPY: u64 = 500;
    /// What an entry of a large identity takes. Where fewer of them have room, the room is not divided any more.
    const EXPECTED: u64 = 64 * 1_024;

    fn of(self, session: &Session) -> u64 {
        let identity = &session.identity;
        let optional = |text: Option<&str>| text.map_or(0, str::len);
        let texts = identity.as_json().len()
            + identity.user_id().len()
            + optional(identity.tenant_id())
            + session.user_agent.len()
            + optional(session.references.as_stored());
        let texts = u64::try_from(texts).unwrap_or(u64::MAX);
        // As they are, and once more as header values. A signed copy is in base64.
        let own = Self::ENTRY.saturating_add(texts.saturating_mul(2));
        let copy = Self::COPY.saturating_add(texts.saturating_mul(4) / 3);
        own.saturating_add(self.copies.saturating_mul(copy))
            .max(self.least)
    }
}

impl Weighter<SessionKey, Arc<Entry>> for Weight {
    fn weight(&self, _key: &SessionKey, entry: &Arc<Entry>) -> u64 {
        self.of(entry.session())
    }
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
    /// Room for as many sessions as `limits` allow.
    #[must_use]
    pub fn new(limits: LocalLimits, negative_ttl: Duration) -> Self {
        let max_entries = u64::try_from(limits.max_entries).unwrap_or(u64::MAX).max(1);
        let weight = Weight {
            least: limits.max_bytes / max_entries,
            copies: u64::try_from(limits.copies).unwrap_or(u64::MAX),
        };
        // What is expected decides into how many parts the room is divided; each part has to have room for many.
        let expected = (limits.max_bytes / Weight::EXPECTED).min(max_entries);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX).max(1);
        Self {
            sessions: Cache::with_weighter(expected, limits.max_bytes, weight),
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

    /// Drops the entry of `key`. An absence that is remembered stays: an ended session never comes back.
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

    /// What they take, in bytes, as it is counted.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.sessions.weight()
    }

    /// Whether no session is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

#[cfg(test)]
mod tests;
