//! What can go wrong between Sidgate and its store. An error is never "there is no such session".

use std::error::Error as StdError;
use std::time::Duration;

use thiserror::Error;

use super::rights::MissingRights;
use crate::cause::cause;
use crate::hint::HintError;
use crate::lease::LEASE;
use crate::store::timed_out::TimedOut;

/// Result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// A store that did not answer, or refused. Each says why, in words that may be shown; whoever shows them says first that the
/// store is meant.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It could not be reached, or the connection broke.
    #[error("unavailable: {}", cause(&**.0))]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It did not answer in time. A write may or may not have happened.
    #[error("{0}")]
    Timeout(TimedOut),
    /// The connection broke in the middle of a write, which may or may not have happened.
    #[error("the connection broke during a write: {}", cause(&**.0))]
    Interrupted(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection leads to a standby; session state is never read from one.
    #[error("in recovery (a read-only standby)")]
    InRecovery,
    /// The schema is not one that this program knows.
    #[error("schema: {0}")]
    Schema(#[from] SchemaError),
    /// A row cannot be understood. Says which column, never the value.
    #[error("stored {0} is not readable")]
    Corrupt(&'static str),
    /// A mass revocation of this user, tenant or everybody was committed while the login was under way (R8).
    #[error("sessions were revoked while the login was under way")]
    RevokedMeanwhile,
    /// The user has as many sessions as they may have, and the limit evicts none.
    #[error("the user has {sessions} sessions, as many as allowed")]
    SessionLimit {
        /// Live sessions of the user.
        sessions: u64,
    },
    /// The key or handle is taken. With 96 random bits this is a fault of the random source.
    #[error("a session with this key exists already")]
    Duplicate,
}

impl StoreError {
    /// Wraps a driver's error.
    pub fn unavailable(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }

    /// No answer within `limit`.
    #[must_use]
    pub fn timeout(limit: Duration) -> Self {
        Self::Timeout(TimedOut::after(limit))
    }

    /// Why, without the word that [`StoreError::kind`] is.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Unavailable(source) | Self::Interrupted(source) => cause(&**source),
            Self::Schema(refused) => refused.to_string(),
            other => other.to_string(),
        }
    }

    /// Whether the failed write may have happened. Repeating a revocation is safe.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Interrupted(_))
    }

    /// Whether the store understood and said no: nothing was changed, and nothing is wrong with it.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::RevokedMeanwhile | Self::SessionLimit { .. })
    }

    /// Short name for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Timeout(_) => "timeout",
            Self::Interrupted(_) => "interrupted",
            Self::InRecovery => "in_recovery",
            Self::Schema(_) => "schema",
            Self::Corrupt(_) => "corrupt",
            Self::RevokedMeanwhile => "revoked_meanwhile",
            Self::SessionLimit { .. } => "session_limit",
            Self::Duplicate => "duplicate",
        }
    }
}

impl From<StoreError> for HintError {
    fn from(error: StoreError) -> Self {
        Self::Broken {
            kind: error.kind(),
            cause: error.into(),
        }
    }
}

/// Why a store is not acceptable: its schema, or the way to it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// There are no Sidgate tables.
    #[error("no Sidgate schema; run `sidgate schema apply`")]
    Missing,
    /// Older than this program needs.
    #[error("version {found}, this program needs {needed}; run `sidgate schema apply`")]
    Old {
        /// Version in the store.
        found: i32,
        /// Version that this program was built with.
        needed: i32,
    },
    /// Newer than this program can work with.
    #[error(
        "version {found} works with programs of version {works_from} or later, this one has {needed}: start a newer release"
    )]
    New {
        /// Version in the store.
        found: i32,
        /// Version that this program was built with.
        needed: i32,
        /// The oldest version whose programs work with the store.
        works_from: i32,
    },
    /// The lease in the store is not the time for which this program serves from caches.
    #[error("sidgate_clock.lease_ms is {found}, this program needs {}", LEASE.as_millis())]
    Lease {
        /// Milliseconds in the store.
        found: i32,
    },
    /// A trigger that numbers events is absent or disabled: revocations would go unseen.
    #[error("trigger {0} is missing or disabled")]
    Trigger(&'static str),
    /// A pooler gives each transaction another connection and does not look after prepared statements: one statement could be run
    /// instead of another.
    #[error(
        "a pooler in front of PostgreSQL mixes up prepared statements: let store.url lead to PostgreSQL itself, or set \
         max_prepared_statements in PgBouncer 1.21 or later, or pool_mode = session with server_reset_query = DISCARD ALL"
    )]
    Pooler,
    /// Transactions begin with another isolation than the rule about logins relies on.
    #[error(
        "transactions begin as `{0}` and not as `read committed`, which this node has asked for: a pooler ignores `options`. Type \
         ALTER ROLE .. SET default_transaction_isolation = 'read committed'"
    )]
    Isolation(Box<str>),
    /// The role has not all the rights that a gateway needs.
    #[error("{0}")]
    Rights(MissingRights),
}
