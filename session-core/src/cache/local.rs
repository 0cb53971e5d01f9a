//! The tier inside the process: parsed sessions, and for a few seconds the keys of sessions that do not exist.
//!
//! The two live in separate segments, so that a flood of unknown keys cannot evict a live session. Sessions are counted
//! by weight, because identities and user agents vary in length. What layers above make of a session, such as signed
//! assertions, is kept elsewhere, within bounds of its own.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};

use self::pushed::{HandOut, PushedOut};
use super::Entry;
use crate::clock::Boot;
use crate::session::{Dead, Owner, Session};
use crate::sid::SessionKey;

mod pushed;

pub use self::pushed::Evictions;

/// The local tier: one bounded map of sessions and one of absent keys.
#[derive(Debug)]
pub struct Local {
    sessions: Cache<SessionKey, Arc<Entry>, Weight, DefaultHashBuilder, HandOut>,
    evictions: Evictions,
    absent: Cache<SessionKey, Absent>,
    negative_ttl: Duration,
}

/// How much is kept. The bound that is reached first applies.
#[derive(Clone, Copy, Debug)]
pub struct LocalLimits {
    /// Sessions.
    pub max_entries: usize,
    /// Bytes of sessions.
    pub max_bytes: u64,
}

/// An upper estimate of the size of an entry, in bytes. It stays the same while the entry is held.
#[derive(Clone, Copy, Debug)]
struct Weight {
    /// Lower bound of a weight. It keeps the number of entries within [`LocalLimits::max_entries`].
    least: u64,
}

impl Weight {
    /// What an entry takes beside its texts: itself, its place in the map, and what the allocator adds to each of its parts.
    const ENTRY: u64 = 540;
    /// Size of an entry with a large identity. It sets the expected number of entries, and so into how many parts the
    /// cache is divided.
    const EXPECTED: u64 = 16 * 1_024;

    fn of(self, session: &Session) -> u64 {
        let identity = &session.identity;
        let optional = |text: Option<&str>| text.map_or(0, str::len);
        let texts = identity.as_json().len()
            + identity.user_id().len()
            + optional(identity.tenant_id())
            + session.user_agent.len()
            + optional(session.references.as_stored());
        let texts = u64::try_from(texts).unwrap_or(u64::MAX);
        Self::ENTRY.saturating_add(texts).max(self.least)
    }
}

impl Weighter<SessionKey, Arc<Entry>> for Weight {
    fn weight(&self, _key: &SessionKey, entry: &Arc<Entry>) -> u64 {
        self.of(entry.session())
    }
}

/// What the store said about a key without a live session.
#[derive(Clone, Debug)]
struct Absent {
    /// Why the session does not count; `None`: there is no such row.
    why: Option<Dead>,
    /// Whose it was, where that is known.
    owner: Option<Arc<Owner>>,
    /// Until when that is remembered.
    until: Boot,
}

/// Most keys that are remembered as absent: 72 bytes each, and for a session that has ended its [`Owner`], 60 bytes and the
/// ids of user and tenant (at most 128 bytes each).
const ABSENT_MAX: usize = 50_000;

impl Local {
    /// Creates it empty, with room for as many sessions as `limits` allow.
    #[must_use]
    pub fn new(limits: LocalLimits, negative_ttl: Duration) -> Self {
        let max_entries = u64::try_from(limits.max_entries).unwrap_or(u64::MAX).max(1);
        let weight = Weight {
            least: limits.max_bytes / max_entries,
        };
        // The expected number decides into how many parts the cache is divided. Each part must have room for many
        // entries.
        let expected = (limits.max_bytes / Weight::EXPECTED).min(max_entries);
        let expected = usize::try_from(expected).unwrap_or(usize::MAX).max(1);
        Self {
            sessions: Cache::with(
                expected,
                limits.max_bytes,
                weight,
                DefaultHashBuilder::default(),
                HandOut,
            ),
            evictions: Evictions::default(),
            absent: Cache::new(ABSENT_MAX),
            negative_ttl,
        }
    }

    /// The entry of `key`, however old. [`crate::freshness`] decides whether to believe it.
    #[must_use]
    pub fn get(&self, key: &SessionKey) -> Option<Arc<Entry>> {
        self.sessions.get(key)
    }

    /// Puts an entry that was just read in place of an older one.
    pub fn put(&self, entry: Arc<Entry>) {
        let (key, now) = (entry.session().key, entry.read_at());
        let mut out = PushedOut::default();
        self.sessions.insert_with_lifecycle(key, entry, &mut out);
        self.evictions.note(&out, &key, now);
    }

    /// What had to make room.
    #[must_use]
    pub fn evictions(&self) -> &Evictions {
        &self.evictions
    }

    /// Drops the entry of `key`. An absence that is remembered stays: an ended session never comes back.
    pub fn forget(&self, key: &SessionKey) {
        self.sessions.remove(key);
    }

    /// Why there is no live session of `key`, if the store said so less than `negative_ttl` ago. `Some(None)`: there is
    /// no such row.
    #[must_use]
    pub fn absence(&self, key: &SessionKey, now: Boot) -> Option<Option<Dead>> {
        let absent = self.absent.get(key).filter(|absent| now < absent.until);
        absent.map(|absent| absent.why)
    }

    /// Remembers that the store knows no such live session, why, and whose it was.
    pub fn put_absent(
        &self,
        key: SessionKey,
        why: Option<Dead>,
        owner: Option<Arc<Owner>>,
        now: Boot,
    ) {
        if !self.negative_ttl.is_zero() {
            let until = now.plus(self.negative_ttl);
            self.absent.insert(key, Absent { why, owner, until });
        }
    }

    /// Whose session it is, or was, as far as this process remembers, however long ago it was read.
    #[must_use]
    pub fn owner(&self, key: &SessionKey) -> Option<Arc<Owner>> {
        let held = self.sessions.get(key);
        let held = held.map(|entry| Arc::new(Owner::of(entry.session())));
        held.or_else(|| self.absent.get(key)?.owner)
    }

    /// Drops every entry. Remembered absences stay.
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

    /// Estimated size of the sessions held, in bytes.
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
