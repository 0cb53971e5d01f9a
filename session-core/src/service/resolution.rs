//! What can be asked about a session, and the three answers (DESIGN 4).

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Entry, Tier};
use crate::keys::NotOurs;
use crate::session::Dead;

/// Options of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Without a lease, a state is served for this long after its last confirmation. Zero: never.
    pub max_stale: Duration,
    /// Whether this use counts as activity. A prefetch does not.
    pub counts_as_use: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            max_stale: Duration::ZERO,
            counts_as_use: true,
        }
    }
}

/// The three answers.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// There is a live session.
    Active(Active),
    /// There is certainly none.
    Absent(Absence),
    /// The state is unknown, which must never be treated as absent.
    Unknown(Unknown),
}

/// A live session.
#[derive(Clone, Debug)]
pub struct Active {
    /// The session.
    pub entry: Arc<Entry>,
    /// Where it came from.
    pub tier: Tier,
    /// Time since the last confirmation, when it is served without a lease.
    pub stale: Option<Duration>,
}

/// Why there is certainly no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Not of the form of a sid.
    Malformed,
    /// Never made by this installation.
    Forged,
    /// A session of another group of sites, or its sid.
    OtherGroup,
    /// A session of another tenant than that of the host. Whoever knows the host says so; the service never does.
    OtherTenant,
    /// The store has no such row.
    NoSuch,
    /// There was one.
    Ended(Dead),
}

impl Absence {
    /// From what a read of the store says.
    pub(super) const fn of(dead: Option<Dead>) -> Self {
        match dead {
            Some(dead) => Self::Ended(dead),
            None => Self::NoSuch,
        }
    }

    /// Metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::OtherGroup => "other_group",
            Self::OtherTenant => "other_tenant",
            Self::NoSuch => "absent",
            Self::Ended(Dead::Revoked(_)) => "revoked",
            Self::Ended(Dead::Expired) => "expired",
            Self::Ended(Dead::Idle) => "idle",
            Self::Ended(Dead::Renewed) => "renewed",
        }
    }
}

impl From<NotOurs> for Absence {
    fn from(why: NotOurs) -> Self {
        match why {
            NotOurs::Forged => Self::Forged,
            NotOurs::OtherGroup => Self::OtherGroup,
        }
    }
}

/// Why the state is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No lease: the store has been silent for too long.
    NoLease,
    /// Too many reads at once.
    Overloaded,
    /// The read took too long.
    Deadline,
    /// The store failed; see [`crate::store::StoreError::kind`].
    Store(&'static str),
    /// Events kept overtaking the read.
    Overtaken,
    /// There is a login of the old system, and its user could not be determined.
    Legacy,
}

impl Unknown {
    /// Metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLease => "no_lease",
            Self::Overloaded => "overloaded",
            Self::Deadline => "deadline",
            Self::Store(kind) => kind,
            Self::Overtaken => "overtaken",
            Self::Legacy => "legacy",
        }
    }
}

/// Whether a session that was alive still is.
#[derive(Clone, Debug)]
pub enum Follow {
    /// It is; this is its newest state.
    Alive(Arc<Entry>),
    /// It certainly is not.
    Ended(Absence),
    /// The state is unknown.
    Unknown,
}
