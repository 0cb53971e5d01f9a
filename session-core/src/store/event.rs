//! The log of events as a node reads it, and what nodes report about their reading.

use std::time::Duration;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::session::{Seq, Text};
use crate::sid::SessionKey;

/// Most events that one heartbeat carries. A node that lags further behind starts afresh.
pub const PULSE_LIMIT: usize = 2_000;
/// How far ahead a report declares its node to be there: so long the node need not report again.
pub const LISTED_FOR: Duration = Duration::from_secs(5);

/// Answer to a heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    /// Number of the last committed event.
    pub head: Seq,
    /// Changes when the store was restored or rebuilt: everything cached is then invalid.
    pub incarnation: Uuid,
    /// Whether the answering server is a standby.
    pub in_recovery: bool,
    /// The store's clock when it answered.
    pub now: Timestamp,
    /// Id of the event at `applied`, if that event is still kept.
    pub anchor: Option<Uuid>,
    /// Events after `applied`, in order.
    pub events: Vec<Event>,
    /// When the first of `events` was committed, where the store keeps such times. For people to look at: nothing is decided by
    /// it.
    pub oldest_at: Option<Timestamp>,
    /// Until when the node that asks is declared to be there, as whoever looks for nodes sees it; `None` when it is not listed.
    pub listed_until: Option<Timestamp>,
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

/// One node, as it last reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Chosen at random by each process at its start.
    pub node: Uuid,
    /// Every event up to this one is applied.
    pub applied: Seq,
    /// How long the next report is overdue, by the store's clock. Zero as long as the last one lasts.
    pub age: Duration,
}
