//! What is written to the store, and what comes of it.

use std::time::Duration;

use uuid::Uuid;

use crate::session::{Group, Identity, References, Seq, Text};
use crate::sid::SessionKey;

/// Another key for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The key it has.
    pub of: SessionKey,
    /// The key it gets.
    pub to: SessionKey,
    /// The group that it must be of: the sid behind the new key was made for it.
    pub group: Group,
    /// How long the former key is accepted.
    pub grace: Duration,
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
    /// One, by its handle, and only if it belongs to this user and this group.
    Handle {
        /// Public handle.
        id: Uuid,
        /// Owner; `None` when an operator asks.
        user_id: Option<Text>,
        /// `None`: of whichever group.
        group: Option<Group>,
    },
    /// Every session of a user in a group but one, and old logins there that have not become sessions yet.
    Others {
        /// Owner.
        user_id: Text,
        /// The one that stays.
        keep: SessionKey,
        /// `None`: in every group.
        group: Option<Group>,
    },
    /// Every session of a user in a group, logins under way there, and old logins of it that have not become sessions yet.
    ///
    /// Programs of schema 11 do not look at such revocations. Where one of them may still run, and where there is one group
    /// only, the scope is [`Scope::User`].
    Member {
        /// Owner.
        user_id: Text,
        /// The group.
        group: Group,
    },
    /// Every session of a user in all groups; logins as above.
    User(Text),
    /// Every session of a tenant; logins as above.
    Tenant(Text),
    /// Everybody's; logins as above.
    All,
}

/// The subject of the revocations of a user within a group, as it is stored. Names of groups have no colon.
pub(super) fn member(group: &Group, user_id: &str) -> String {
    format!("{group}:{user_id}")
}

/// Outcome of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Live sessions that were ended.
    pub sessions: u64,
    /// Number of the last event of this revocation; the current head when nothing had to be done.
    pub seq: Seq,
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
    /// Codes of handovers that were used an hour ago.
    pub codes: u64,
    /// How long ago the oldest session or event that is still there ought to have been removed. Zero when none is due.
    pub overdue: Duration,
    /// Whether another node had the turn, so that nothing was done here.
    pub taken: bool,
    /// Whether another batch is waiting.
    pub more: bool,
}

impl Housekept {
    /// The same, knowing whether there is more: where as much of one kind was done as a batch may have.
    pub(super) fn of_batch(self, batch: u64) -> Self {
        let done = [
            self.sessions,
            self.marked,
            self.revocations,
            self.events,
            self.nodes,
            self.former_keys,
            self.codes,
        ];
        Self {
            more: done.contains(&batch),
            ..self
        }
    }
}
