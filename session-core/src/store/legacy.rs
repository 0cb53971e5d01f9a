//! What the store keeps of the system that Sidgate replaces: which of its logins have become which sessions.

use std::time::Duration;

use async_trait::async_trait;

use super::{StoreError, StoreResult, StoredSession};
use crate::clock::Timestamp;
use crate::keys::legacy::{LegacyKey, LegacyRow};
use crate::session::{NewSession, Session, Text};
use crate::sid::SessionKey;

/// Logins of the old system. A part of [`super::SessionStore`]; unless it says otherwise, a store keeps none and cannot.
#[async_trait]
pub trait LegacyStore {
    /// What is known of these credentials, from one snapshot.
    async fn recall(&self, _keys: &[LegacyKey]) -> StoreResult<Recalled> {
        Err(keeps_none())
    }

    /// Stores a new session and the credentials that it came from, in one transaction. `None` when one of the credentials
    /// is known already, also through somebody who commits at the same time: then nothing was stored, and
    /// [`LegacyStore::recall`] finds it.
    ///
    /// Fails like [`super::SessionStore::insert`].
    async fn adopt(&self, _adoption: &Adoption) -> StoreResult<Option<Session>> {
        Err(keeps_none())
    }

    /// The sealed cookies of the login that became the session of `key`, as long as that session has not been ended.
    async fn kept(&self, _key: &SessionKey) -> StoreResult<Option<Vec<u8>>> {
        Err(keeps_none())
    }

    /// Forgets at most `batch` credentials whose session was ended longer than `tombstone` ago, and what was tallied more
    /// than [`TALLY_KEPT`] ago.
    async fn forget_legacy(&self, _tombstone: Duration, _batch: usize) -> StoreResult<u64> {
        Ok(0)
    }

    /// Adds to what was seen in the present hour.
    async fn tally(&self, _seen: &[Seen]) -> StoreResult<()> {
        Err(keeps_none())
    }

    /// Everything tallied, and the hour that the store's clock shows.
    async fn tallied(&self) -> StoreResult<Tally> {
        Err(keeps_none())
    }
}

fn keeps_none() -> StoreError {
    StoreError::unavailable("this store keeps no logins of an older system")
}

/// How long tallies are kept: a week, and the day that is being compared with it.
pub const TALLY_KEPT: Duration = Duration::from_secs(8 * 86_400);

/// Most different things that are tallied in one hour and read back.
pub const TALLY_MAX: usize = 50_000;

/// A session made from a login of the old system.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The session.
    pub session: NewSession,
    /// The credentials; never empty.
    pub rows: Vec<LegacyRow>,
    /// The old cookies, sealed, if they are to come back in a rollback.
    pub kept: Option<Vec<u8>>,
}

/// What is known of some credentials.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// The store's clock.
    pub now: Timestamp,
    /// One for each credential that is known.
    pub rows: Vec<RecalledRow>,
}

/// A known credential.
#[derive(Clone, Debug)]
pub struct RecalledRow {
    /// The credential. Its sid is all zeros, and opens nothing, where none is stored.
    pub row: LegacyRow,
    /// Key of the session that it became.
    pub session_key: SessionKey,
    /// That session, dead or alive; `None` when it is gone.
    pub session: Option<StoredSession>,
    /// Whether it was ended, whatever its row says now: what brings a session back does not bring its old login back.
    pub ended: bool,
}

impl RecalledRow {
    /// Whether the credential leads to a live session at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        let session = self.session.as_ref().filter(|_| !self.ended);
        session.is_some_and(|session| session.verdict(now).is_ok())
    }
}

/// Something seen, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What: at most 300 bytes.
    pub what: Text,
    /// How often; more than zero.
    pub times: u64,
}

/// What was seen, by the hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Number of the present hour since the Unix epoch.
    pub hour: i64,
    /// Number of the hour, and what was seen in it.
    pub seen: Vec<(i64, Seen)>,
}
