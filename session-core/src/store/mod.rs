//! The truth: sessions, revocations and the log of events in SQL.
//!
//! [`SessionStore`] is cut by promise, not by driver. Insert, update and touch are different verbs, because every session
//! store that mixed them has had the same bug: a request in flight writes a session back after its logout
//! (DESIGN 5, R7). Each method says what a concurrent caller sees. One conformance suite is stamped for every
//! implementation (`crate::testing`).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::hint::{HintResult, HintStream};
use crate::lease::LEASE;
use crate::session::{Dead, Identity, NewSession, References, RevokeReason, Seq, Session, Text};
use crate::sid::SessionKey;

mod device;
mod error;
mod legacy;
mod login;
pub mod postgres;
mod sighting;
pub mod sqlite;

pub use device::{Device, DevicePlace, NoPlace};
pub use error::{SchemaError, StoreError};
pub use legacy::{
    Adopted, Adoption, Attached, Attachment, LegacyStore, ProvenRow, Recalled, RecalledRow, Seen,
    TALLY_KEPT, TALLY_MAX, Tally,
};
pub use login::{Familiar, LoginSeen, LoginStore, NETWORKS_MAX, NETWORKS_PER_OWNER};
pub use sighting::{Cursor, Flag, Sighting, SightingStore, Sightings};

/// Result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Whether the store tells others the lease that this program keeps, `found` in milliseconds.
fn accept_lease(found: i32) -> Result<(), SchemaError> {
    if i32::try_from(LEASE.as_millis()) == Ok(found) {
        Ok(())
    } else {
        Err(SchemaError::Lease { found })
    }
}

/// Most events that one heartbeat carries. A node that lags further behind starts afresh.
pub const PULSE_LIMIT: usize = 2_000;

/// Where sessions live.
#[async_trait]
pub trait SessionStore:
    LegacyStore + LoginStore + SightingStore + fmt::Debug + Send + Sync + 'static
{
    /// Checks that the schema is one that this program knows, and that the triggers which number events are on.
    async fn check_schema(&self) -> StoreResult<()>;

    /// Brings the schema up to date. Migrations are embedded and only ever added to.
    async fn apply_schema(&self) -> StoreResult<()>;

    /// The heartbeat (R2): one statement, on a connection of its own, that answers with the event at `applied` and at most
    /// [`PULSE_LIMIT`] events after it, in order.
    async fn pulse(&self, applied: Seq) -> StoreResult<Pulse>;

    /// How long ago the event numbered `seq` was committed, by the store's clock, where it keeps such times. For people to look
    /// at: nothing is decided by it.
    async fn age_of(&self, _seq: Seq) -> StoreResult<Option<Duration>> {
        Ok(None)
    }

    /// The newest `limit` events and the head, from one snapshot: what a node's window starts with (R9).
    async fn history(&self, limit: usize) -> StoreResult<History>;

    /// The row of `key` and the number of the last event included in that very snapshot (`as_of`). One statement.
    async fn load(&self, key: &SessionKey) -> StoreResult<Snapshot>;

    /// The current head, sampled before credentials are checked (R8).
    async fn head(&self) -> StoreResult<Seq>;

    /// Stores a new session and ends the one it replaces, in one transaction. Never overwrites.
    ///
    /// Fails with [`StoreError::RevokedMeanwhile`] when a mass revocation that concerns it is newer than its sample, or when
    /// it is the rotation of a session that is not alive any more or has changed.
    ///
    /// With a limit, the user never has more live sessions than that, however many log in at once: what is too much ends
    /// in the same transaction, or the call fails with [`StoreError::SessionLimit`] and changes nothing.
    async fn insert(&self, new: &NewSession) -> StoreResult<Session>;

    /// Writes the identity of a live session if nobody else has changed it since `version` was read.
    async fn update(&self, key: &SessionKey, version: i64, change: &Change)
    -> StoreResult<Updated>;

    /// Gives a live session another key, in one transaction. The former one leads to it for [`Renewal::grace`] more: all
    /// calls accept it meanwhile. `None` when there is no live session under [`Renewal::of`], because it has ended or
    /// somebody else was first.
    async fn renew(&self, renewal: &Renewal) -> StoreResult<Option<Session>>;

    /// Moves `last_activity` forward. Never creates, never revives, writes no event; returns how many rows moved.
    async fn touch(&self, batch: &[Touch]) -> StoreResult<u64>;

    /// Ends sessions. On return the change is committed; its events are numbered up to [`Revoked::seq`].
    async fn revoke(&self, scope: &Scope, reason: RevokeReason) -> StoreResult<Revoked>;

    /// The live sessions of a user, newest activity first, at most `limit` that come after a place. As
    /// [`SessionStore::search`], but for the limit of its time: a request waits for it.
    async fn list_by_user(
        &self,
        user_id: &str,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> StoreResult<Vec<Device>>;

    /// A session by its handle, dead or alive.
    async fn find(&self, id: Uuid) -> StoreResult<Option<StoredSession>>;

    /// Live sessions for an operator, the latest login first. Has its own limit of time, and holds nothing else up.
    async fn search(&self, _search: &Search) -> StoreResult<Vec<Session>> {
        Err(StoreError::unavailable("this store cannot be searched"))
    }

    /// How many sessions live. As [`SessionStore::search`].
    async fn count_live(&self) -> StoreResult<u64> {
        Err(StoreError::unavailable("this store cannot be searched"))
    }

    /// Notes that `node` is there and has applied every event up to `applied`, whose id is `eid`. Where the log holds no
    /// such event, 0 is noted: the node has followed another history, and how far it came there says nothing here.
    /// On the heartbeat's connection, within its time.
    async fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) -> StoreResult<()>;

    /// [`SessionStore::report`] and then [`SessionStore::pulse`]: whoever looks for nodes after the events of this pulse were read
    /// finds this one. A store that is far away may send both at once, as long as it does them in this order.
    async fn report_and_pulse(
        &self,
        node: Uuid,
        applied: Seq,
        eid: Option<Uuid>,
    ) -> StoreResult<Pulse> {
        self.report(node, applied, eid).await?;
        self.pulse(applied).await
    }

    /// The nodes that have reported less than `within` ago, by the store's clock.
    async fn nodes(&self, within: Duration) -> StoreResult<Vec<NodeReport>>;

    /// Takes a node that stops off the list, so that nobody waits for it.
    async fn retire(&self, node: Uuid) -> StoreResult<()>;

    /// Opens a channel of hints, if the store has one. Hints only hurry things up: nothing depends on them (R4).
    /// [`HintError::Swallowed`](crate::hint::HintError::Swallowed) when one was opened that carries nothing.
    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        Ok(None)
    }

    /// Removes what nobody needs any more, at most `batch` rows of each kind, unless another node is at it.
    async fn housekeep(&self, _batch: usize) -> StoreResult<Housekept> {
        Ok(Housekept::default())
    }
}

/// Another key for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The key it has.
    pub of: SessionKey,
    /// The key it gets.
    pub to: SessionKey,
    /// How long the former key is accepted.
    pub grace: Duration,
}

/// Which sessions an operator asks for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Whose.
    pub user_id: Option<Text>,
    /// Of which tenant.
    pub tenant_id: Option<Text>,
    /// Logged in from which address.
    pub ip: Option<IpAddr>,
    /// Only those that come after this one in the answer before.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: usize,
}

/// One node, as it last reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Chosen at random by each process at its start.
    pub node: Uuid,
    /// Every event up to this one is applied.
    pub applied: Seq,
    /// Time since the report, by the store's clock.
    pub age: Duration,
}

/// What housekeeping removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Housekept {
    /// Sessions that had ended a day ago.
    pub sessions: u64,
    /// Sessions that a mass revocation had ended, now marked one by one.
    pub marked: u64,
    /// Mass revocations that end nothing any more.
    pub revocations: u64,
    /// Events past their retention.
    pub events: u64,
    /// Nodes that have not reported for an hour.
    pub nodes: u64,
    /// Former keys that ceased to be accepted a day ago.
    pub former_keys: u64,
    /// Whether another node had the turn, so that nothing was done here.
    pub taken: bool,
    /// Whether another batch is waiting.
    pub more: bool,
}

/// Answer to a heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    /// Number of the last committed event.
    pub head: Seq,
    /// Changes when the store was restored or rebuilt: nothing that was known still holds.
    pub incarnation: Uuid,
    /// Whether the answering server is a standby.
    pub in_recovery: bool,
    /// The store's clock when it answered.
    pub now: Timestamp,
    /// Id of the event at `applied`, if that event is still kept.
    pub anchor: Option<Uuid>,
    /// Events after `applied`, in order.
    pub events: Vec<Event>,
}

/// The recent past, from one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Number of the last committed event.
    pub head: Seq,
    /// See [`Pulse::incarnation`].
    pub incarnation: Uuid,
    /// Whether the answering server is a standby.
    pub in_recovery: bool,
    /// The newest events, in order, without gaps.
    pub events: Vec<Event>,
}

/// One committed change of authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Dense number in commit order.
    pub seq: Seq,
    /// Random id: tells two histories with the same numbers apart.
    pub eid: Uuid,
    /// What it concerns.
    pub subject: Subject,
}

/// What an event concerns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One session.
    Session(SessionKey),
    /// Every session of a user.
    User(Text),
    /// Every session of a tenant.
    Tenant(Text),
    /// Everything.
    Flush,
}

/// A row and the state of the log it was read in.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Number of the last event included.
    pub as_of: Seq,
    /// See [`Pulse::incarnation`].
    pub incarnation: Uuid,
    /// The store's clock.
    pub now: Timestamp,
    /// The row, dead or alive. Under another key than was asked for while that is a former one of it.
    pub row: Option<StoredSession>,
    /// Whether the key is a former one. Without a row: one that is not accepted any more.
    pub is_former: bool,
}

/// A row with the newest mass revocation that names its user, its tenant or everybody.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// The row.
    pub session: Session,
    /// Number of that revocation, if there is one.
    pub mass_revoked: Option<Seq>,
}

impl StoredSession {
    /// Whether the session counts at `now`.
    ///
    /// # Errors
    /// Why it does not.
    pub fn verdict(&self, now: Timestamp) -> Result<(), Dead> {
        self.session.verdict(now, self.mass_revoked)
    }
}

/// What an update writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The whole new identity, of the same user.
    pub identity: Identity,
    /// The whole new references.
    pub references: References,
}

/// Outcome of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// Written.
    Done,
    /// Somebody else wrote first: read again and merge again.
    Conflict,
    /// There is no such live session.
    Gone,
}

/// One request to move `last_activity` forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Which session.
    pub key: SessionKey,
    /// How long ago it was used, so that only the store's clock is involved.
    pub age: Duration,
}

/// Which sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One, by its key.
    Key(SessionKey),
    /// One, by its handle, and only if it belongs to this user.
    Handle {
        /// Public handle.
        id: Uuid,
        /// Owner; `None` when an operator asks.
        user_id: Option<Text>,
    },
    /// Every session of a user but one, and old logins that are none yet.
    Others {
        /// Owner.
        user_id: Text,
        /// The one that stays.
        keep: SessionKey,
    },
    /// Every session of a user, also logins that are under way and old ones that are no session yet.
    User(Text),
    /// Every session of a tenant; logins as above.
    Tenant(Text),
    /// Everybody's; logins as above.
    All,
}

/// Outcome of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// How many sessions lived and now do not.
    pub sessions: u64,
    /// Number of the last event of this revocation; the current head when nothing had to be done.
    pub seq: Seq,
}
