//! What the store keeps of the system that Sidgate replaces: which of its logins have become which sessions.

use std::time::Duration;

use async_trait::async_trait;

use super::declare::store_trait;
use super::{StoreResult, StoredSession};
use crate::clock::Timestamp;
use crate::keys::legacy::{LegacyKey, LegacyRow};
use crate::session::{Group, NewSession, Session, Text};
use crate::sid::SessionKey;

store_trait! { ($) each_legacy_method

/// Logins of the old system. A part of [`super::SessionStore`].
pub trait LegacyStore {
    /// What is known of these credentials, from one snapshot.
    async fn recall(&self, keys: &[LegacyKey]) -> StoreResult<Recalled>;

    /// Stores a new session and the credentials that it came from, in one transaction.
    ///
    /// A revocation that commits at the same time is either seen here or sees the session.
    ///
    /// Fails like [`super::SessionStore::insert`].
    async fn adopt(&self, adoption: &Adoption) -> StoreResult<Adopted>;

    /// Stores further credentials of a session that lives, in one transaction.
    async fn attach(&self, attachment: &Attachment) -> StoreResult<Attached>;

    /// Ends the old logins of a user in a group that have not become sessions yet: all that were proved before now.
    async fn cut_off(&self, user_id: &str, group: &Group) -> StoreResult<()>;

    /// The sealed cookies of the login that became the session of `key`, as long as that session has not been ended.
    async fn kept(&self, key: &SessionKey) -> StoreResult<Option<Vec<u8>>>;

    /// Forgets credentials whose session was ended longer than `tombstone` ago, and revocations of old logins of that
    /// age: at most `batch` of each. Also forgets tallies older than [`TALLY_KEPT`]. Returns the larger of the first
    /// two counts.
    async fn forget_legacy(&self, tombstone: Duration, batch: usize) -> StoreResult<u64>;

    /// Adds to what was seen in the present hour.
    async fn tally(&self, seen: &[Seen]) -> StoreResult<()>;

    /// Everything tallied, and the hour that the store's clock shows.
    async fn tallied(&self) -> StoreResult<Tally>;
}
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
    /// The credentials, at least one, sorted by key.
    pub rows: Vec<ProvenRow>,
    /// What stands for the user if they were erased, see [`Person::erased`](crate::keys::person::Person::erased).
    pub erased: Vec<Text>,
    /// The old cookies, sealed, if they are to come back in a rollback.
    pub kept: Option<Vec<u8>>,
}

/// Further credentials of a session.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Key of the session.
    pub session_key: SessionKey,
    /// Its group.
    pub group: Group,
    /// Whose session it is.
    pub user_id: Text,
    /// Tenant of the login that the credentials carry.
    pub tenant_id: Option<Text>,
    /// The credentials, at least one, sorted by key.
    pub rows: Vec<ProvenRow>,
    /// As of an [`Adoption`].
    pub erased: Vec<Text>,
}

/// A credential that was accepted.
#[derive(Clone, Debug)]
pub struct ProvenRow {
    /// The credential.
    pub row: LegacyRow,
    /// When its user proved who they are.
    pub proved: Timestamp,
}

/// Outcome of an adoption.
#[derive(Clone, Debug, PartialEq)]
pub enum Adopted {
    /// The session is stored.
    Made(Box<Session>),
    /// One of the credentials is known already, perhaps by an adoption that commits at the same time. Nothing was
    /// stored; [`LegacyStore::recall`] finds it.
    Known,
    /// Some were proved before a revocation of their user, tenant or everybody. Those are known as ended from now on;
    /// nothing else was stored.
    CutOff,
}

/// Outcome of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// The credentials are stored.
    Done,
    /// The session does not live under this key any more, or one of the credentials is known already. Nothing was stored.
    Changed,
    /// As [`Adopted::CutOff`].
    CutOff,
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
    /// The credential. Its sid is all zeros where none is stored.
    pub row: LegacyRow,
    /// Key of the session that it became.
    pub session_key: SessionKey,
    /// That session, dead or alive; `None` when it is gone.
    pub session: Option<StoredSession>,
    /// Whether it was ended, even if its row says otherwise now: restoring a session does not restore its old login.
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
    /// Name of it, at most 300 bytes.
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
