//! The sessions themselves: the part of the store that every decision rests on.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::declare::store_trait;
use super::device::{Device, DevicePlace};
use super::event::{History, Pulse};
use super::stored::{Search, Snapshot, StoredSession};
use super::write::{Change, Housekept, Renewal, Revoked, Scope, Touch, Updated};
use super::{
    InspectStore, LegacyStore, LoginStore, NodeReport, PersonStore, SightingStore, StoreResult,
};
use crate::hint::{HintResult, HintStream};
use crate::session::{Group, NewSession, RevokeReason, Seq, Session};
use crate::sid::SessionKey;

store_trait! { ($) each_session_method

/// Where sessions live.
pub trait SessionStore: [InspectStore + LegacyStore + LoginStore + PersonStore + SightingStore + fmt::Debug + Send + Sync + 'static] {
    /// Checks that the schema is one that this program works with, and that the triggers which number events are on.
    async fn check_schema(&self) -> StoreResult<()>;

    /// Brings the schema up to date. Migrations are embedded and only ever added to.
    async fn apply_schema(&self) -> StoreResult<()>;

    /// The heartbeat of `node` (R2): one statement, on a connection of its own, that answers with the event at `applied` and at
    /// most [`PULSE_LIMIT`](super::PULSE_LIMIT) events after it, in order. The same snapshot tells whether the node is listed.
    async fn pulse(&self, node: Uuid, applied: Seq) -> StoreResult<Pulse>;

    /// The newest `limit` events and the head, from one snapshot: what a node's window starts with (R9).
    async fn history(&self, limit: usize) -> StoreResult<History>;

    /// The row of `key` and the number of the last event included in that very snapshot (`as_of`). One statement.
    async fn load(&self, key: &SessionKey) -> StoreResult<Snapshot>;

    /// The current head, sampled before credentials are checked (R8).
    async fn head(&self) -> StoreResult<Seq>;

    /// Stores a new session and ends the one it replaces, in one transaction. Never overwrites.
    ///
    /// Fails with [`RevokedMeanwhile`](super::StoreError::RevokedMeanwhile) when a mass revocation that concerns it is newer than its sample, or when
    /// it is the rotation of a session that is not alive any more or has changed.
    ///
    /// With a limit, the user never has more live sessions in the group than that, however many log in at once: what is too
    /// much ends in the same transaction, or the call fails with [`SessionLimit`](super::StoreError::SessionLimit) and changes nothing.
    async fn insert(&self, new: &NewSession) -> StoreResult<Session>;

    /// Writes the identity of a live session if nobody else has changed it since `version` was read.
    async fn update(
        &self,
        key: &SessionKey,
        version: i64,
        change: &Change,
    ) -> StoreResult<Updated>;

    /// Gives a live session another key, in one transaction. The former one leads to it for [`Renewal::grace`] more: all
    /// calls accept it meanwhile. `None` when there is no live session of the group under [`Renewal::of`], because it has ended
    /// or somebody else was first.
    async fn renew(&self, renewal: &Renewal) -> StoreResult<Option<Session>>;

    /// Moves `last_activity` forward. Never creates, never revives, writes no event; returns how many rows moved.
    async fn touch(&self, batch: &[Touch]) -> StoreResult<u64>;

    /// Ends sessions. On return the change is committed; its events are numbered up to [`Revoked::seq`].
    async fn revoke(&self, scope: &Scope, reason: RevokeReason) -> StoreResult<Revoked>;

    /// The live sessions of a user in a group, newest activity first, at most `limit` that come after a place. As
    /// [`SessionStore::search`], but for the limit of its time: a request waits for it.
    async fn list_by_user(
        &self,
        user_id: &str,
        group: &Group,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> StoreResult<Vec<Device>>;

    /// A session by its handle, dead or alive.
    async fn find(&self, id: Uuid) -> StoreResult<Option<StoredSession>>;

    /// Live sessions for an operator, the latest login first. Has its own limit of time, and holds nothing else up.
    async fn search(&self, search: &Search) -> StoreResult<Vec<Session>>;

    /// The number of live sessions, within the time limit of [`SessionStore::search`].
    async fn count_live(&self) -> StoreResult<u64>;

    /// Notes that `node` is there, now and for [`LISTED_FOR`](super::LISTED_FOR) more, and has applied every event up to
    /// `applied`, whose id is `eid`. Where the log holds no such event, 0 is noted: the node has followed another history, and how
    /// far it came there says nothing here. On the heartbeat's connection, within its time.
    async fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) -> StoreResult<()>;

    /// [`SessionStore::report`] and then [`SessionStore::pulse`]: whoever looks for nodes after the events of this pulse were read
    /// finds this one. A store that is far away may send both at once, as long as it does them in this order.
    async fn report_and_pulse(
        &self,
        node: Uuid,
        applied: Seq,
        eid: Option<Uuid>,
    ) -> StoreResult<Pulse>;

    /// The nodes that are declared to be there, or were less than `within` ago, by the store's clock.
    async fn nodes(&self, within: Duration) -> StoreResult<Vec<NodeReport>>;

    /// Takes a node that stops off the list, so that nobody waits for it.
    async fn retire(&self, node: Uuid) -> StoreResult<()>;

    /// Opens a channel of hints, if the store has one. Hints only hurry things up: nothing depends on them (R4).
    /// [`HintError::Swallowed`](crate::hint::HintError::Swallowed) when one was opened that carries nothing.
    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>>;

    /// Removes expired rows, at most `batch` of each kind. Does nothing while another node has the turn.
    async fn housekeep(&self, batch: usize) -> StoreResult<Housekept>;
}
}
