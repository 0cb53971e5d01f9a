//! Sessions as they are read from the store.

use std::net::IpAddr;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::session::{Dead, Group, Seq, Session, SiteName, Text};

/// A row and the state of the log it was read in.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Number of the last event included.
    pub as_of: Seq,
    /// See [`Pulse::incarnation`](super::Pulse::incarnation).
    pub incarnation: Uuid,
    /// The store's clock.
    pub now: Timestamp,
    /// The row, dead or alive. Its key differs from the one asked for if that is a former key.
    pub row: Option<StoredSession>,
    /// Whether the key is a former one. Without a row: one that is not accepted any more.
    pub is_former: bool,
}

/// A row with the newest mass revocation that names its user, also within its group, its tenant or
/// everybody.
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

/// Which sessions an operator asks for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Whose.
    pub user_id: Option<Text>,
    /// Of which tenant.
    pub tenant_id: Option<Text>,
    /// Of which group.
    pub group: Option<Group>,
    /// Made on which site.
    pub site: Option<SiteName>,
    /// Logged in from which address.
    pub ip: Option<IpAddr>,
    /// Only those after this one, the last of the page before.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: usize,
}
