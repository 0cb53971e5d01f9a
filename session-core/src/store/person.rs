//! What the store holds of one person, for who asks what is known about them or wants it removed.
//!
//! Removing comes after a revocation of the user, and takes nothing of what keeps an ended session from coming back: the
//! revocation and its event stay as long as any, and that old logins have ended stays under a keyed digest of the id.
//! Everything is done in batches that are small enough for a database in use, and all of it may be repeated.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreResult;
use super::declare::store_trait;
use super::sighting::Sighting;
use super::stored::StoredSession;
use crate::clock::Timestamp;
use crate::keys::login::LoginDigest;
use crate::keys::person::Person;
use crate::session::{Seq, Text};

/// How long events are kept, and with them the revocations that they announce: longer than anything in the shared cache.
pub const EVENTS_KEPT: Duration = Duration::from_secs(40 * 60);

/// A part of the table of sightings, in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct SightingsOf {
    /// Those of the user.
    pub seen: Vec<Sighting>,
    /// Where the next part begins; `None` when there is no more.
    pub next: Option<i64>,
}

/// What was removed from a part of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Rows.
    pub removed: u64,
    /// Where the next part begins; `None` when there is no more.
    pub next: Option<i64>,
}

/// What was removed with sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasedSessions {
    /// Rows of sessions.
    pub sessions: u64,
    /// Keys that they had before.
    pub former_keys: u64,
    /// Old logins that had become these sessions. Their rows stay, as tombstones that name nobody.
    pub old_logins: u64,
    /// Of them, those with sealed old cookies, which are removed.
    pub kept_cookies: u64,
}

/// A revocation of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationOf {
    /// Within which group; `None`: in all.
    pub group: Option<Text>,
    /// Number of its event.
    pub seq: Option<Seq>,
}

/// Until when old logins of a user have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutoffOf {
    /// Within which group; `None`: in all.
    pub group: Option<Text>,
    /// Old logins that were proved before it are refused.
    pub at: Timestamp,
    /// Whether it is kept under a digest, because the user was erased.
    pub is_digest: bool,
}

/// What there is of a user beside sessions and sightings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// The store's clock.
    pub now: Timestamp,
    /// Keys that their sessions had before.
    pub former_keys: u64,
    /// Old logins that have become one of their sessions.
    pub old_logins: u64,
    /// Of them, those with sealed old cookies.
    pub kept_cookies: u64,
    /// When they last logged in from each of the networks that are kept as digests.
    pub networks: Vec<Timestamp>,
    /// Revocations that name them.
    pub revocations: Vec<RevocationOf>,
    /// When the events that name them were committed.
    pub events: Vec<Timestamp>,
    /// What keeps their old logins from coming back.
    pub cutoffs: Vec<CutoffOf>,
}

store_trait! { ($) each_person_method

/// What is held of one person. A part of [`super::SessionStore`].
pub trait PersonStore {
    /// The sessions of a user, dead or alive, in the order of their handles, at most `limit` behind `after`.
    async fn sessions_of(
        &self,
        user_id: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<Vec<StoredSession>>;

    /// The sightings of a user among the next `scan` behind `from`. The table has no index by user.
    async fn sightings_of_user(
        &self,
        user_id: &str,
        from: i64,
        scan: usize,
    ) -> StoreResult<SightingsOf>;

    /// The rest of what names a user, or can be found by somebody who holds the keys.
    async fn traces(&self, person: &Person) -> StoreResult<Traces>;

    /// Removes at most `batch` sessions of a user that began before the revocation `before`, and what hangs on them. Writes no
    /// event: they have ended.
    async fn erase_sessions(
        &self,
        user_id: &str,
        before: Seq,
        batch: usize,
    ) -> StoreResult<ErasedSessions>;

    /// Removes the sightings of a user among the next `scan` behind `from`.
    async fn erase_sightings(&self, user_id: &str, from: i64, scan: usize) -> StoreResult<Swept>;

    /// Removes from which networks a user has logged in.
    async fn erase_logins(&self, owners: &[LoginDigest]) -> StoreResult<u64>;

    /// Puts a digest in the place of the id where it is kept that old logins of the user have ended. Nobody ever sees neither of
    /// the two. The digest is revoked like a user, so that an event follows that of the user: the newest one is always kept.
    async fn hide_cutoffs(&self, person: &Person) -> StoreResult<u64>;
}
}

/// Where the part after this one begins, when it was full.
pub(super) fn next_part(last: Option<i64>, scanned: u64, scan: usize) -> Option<i64> {
    last.filter(|_last| usize::try_from(scanned).is_ok_and(|scanned| scanned >= scan))
}
