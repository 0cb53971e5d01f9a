//! What a driver's error means to the caller, and in words.
//!
//! A server's message may quote rows ("Failing row contains ..."), so its detail is dropped here. The headline and the code
//! are kept; of an error about data only the code.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use deadpool::managed::{PoolError, TimeoutType};
use tokio_postgres::Error as PgError;
use tokio_postgres::error::{DbError, SqlState};

use crate::cause::{self, Peer};
use crate::store::{SchemaError, StoreError, TimedOut, Wait};

/// What the driver says when TLS is asked for and the server has none.
const NO_TLS: &str = "server does not support TLS";
/// What the driver says when the server asks for a password and it has none.
const NO_PASSWORD: &str = "password missing";
/// What the driver says of a server that takes no writes.
const STANDBY: &str = "database does not allow writes";

/// What PgBouncer says to the settings that connections ask for.
const REFUSES_OPTIONS: &str = "unsupported startup parameter";

/// How long something may take, and the key of the configuration that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) time: Duration,
    key: Option<&'static str>,
}

impl Limit {
    /// One that nobody can set.
    pub(super) const fn fixed(time: Duration) -> Self {
        Self { time, key: None }
    }

    pub(super) const fn set_by(key: &'static str, time: Duration) -> Self {
        Self {
            time,
            key: Some(key),
        }
    }

    fn passed(self, wait: Wait) -> TimedOut {
        let passed = TimedOut::after(self.time).waiting_for(wait);
        match self.key {
            Some(key) => passed.set_by(key),
            None => passed,
        }
    }
}

/// No answer came within `limit`.
pub(super) fn timeout(limit: Limit) -> StoreError {
    StoreError::Timeout(limit.passed(Wait::Answer))
}

/// The same of a connection that had to be opened first. `before`: why the last attempt failed.
pub(super) fn timeout_after(limit: Limit, before: Option<String>) -> StoreError {
    StoreError::Timeout(limit.passed(Wait::Answer).since(before))
}

/// No turn came within `limit`. `before`: why the last attempt to connect failed.
pub(super) fn turn_timeout(limit: Limit, before: Option<String>) -> StoreError {
    StoreError::Timeout(limit.passed(Wait::Turn).since(before))
}

/// No connection came within `limit`.
pub(super) fn connect_timeout(limit: Limit, address: &str) -> StoreError {
    StoreError::Timeout(limit.passed(Wait::Connection).with(address))
}

/// Turns a driver's error into a store error. `limit` is that of the call, which the error names when the server
/// stopped the statement.
pub(super) fn store_error(error: &PgError, limit: Limit) -> StoreError {
    let Some(refusal) = error.as_db_error() else {
        return StoreError::unavailable(cause::cause(error));
    };
    let code = refusal.code();
    if [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code) {
        timeout(limit)
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        StoreError::InRecovery
    } else if *code == SqlState::UNDEFINED_TABLE {
        StoreError::Schema(SchemaError::Missing)
    } else {
        StoreError::unavailable(refused(refusal))
    }
}

/// Like [`store_error`], for a write: it may have been committed before its connection broke.
pub(super) fn write_error(error: &PgError, limit: Limit) -> StoreError {
    if is_stale(error) {
        StoreError::Interrupted(words(error).into())
    } else {
        store_error(error, limit)
    }
}

/// Turns a driver's error on the way to a server into a store error.
pub(super) fn connect_error(error: &PgError, peer: Peer<'_>) -> StoreError {
    if let Some(refusal) = error.as_db_error() {
        return StoreError::unavailable(refused(refusal));
    }
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let address = peer.address.unwrap_or_default();
    match said.as_str() {
        STANDBY => StoreError::InRecovery,
        NO_TLS => StoreError::unavailable(format!(
            "TLS: the server offers none, and sslmode in store.url asks for it ({address})"
        )),
        NO_PASSWORD => StoreError::unavailable(format!(
            "the server asks for a password, and there is none in store.url or store.password ({address})"
        )),
        _ => StoreError::unavailable(peer.cause(error)),
    }
}

/// Turns a pool's error into a store error. `before`: why the last attempt to connect failed.
pub(super) fn pool_error(
    error: PoolError<StoreError>,
    limit: Limit,
    before: Option<String>,
) -> StoreError {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(TimeoutType::Wait | TimeoutType::Create | TimeoutType::Recycle) => {
            turn_timeout(limit, before)
        }
        other @ (PoolError::Closed
        | PoolError::NoRuntimeSpecified
        | PoolError::PostCreateHook(_)) => StoreError::unavailable(other.to_string()),
    }
}

/// What an error says of itself, for the log.
pub(super) fn words(error: &PgError) -> String {
    error
        .as_db_error()
        .map_or_else(|| cause::cause(error), refused)
}

/// A server's refusal without anything that it may have quoted.
fn refused(error: &DbError) -> String {
    /// Errors about data, whose headline may quote it, and what triggers of others say.
    const QUOTING: [&str; 2] = ["22", "P0"];
    let code = error.code().code();
    if QUOTING.iter().any(|class| code.starts_with(class)) {
        format!("refused (SQLSTATE {code})")
    } else if is_mixed_up(error.code()) {
        format!(
            "{} (SQLSTATE {code}): {}",
            error.message(),
            SchemaError::Pooler
        )
    } else if error.message().starts_with(REFUSES_OPTIONS) {
        format!(
            "{} (SQLSTATE {code}): set ignore_startup_parameters = options in the pooler",
            error.message()
        )
    } else {
        format!("{} (SQLSTATE {code})", error.message())
    }
}

/// Whether the connection, not the statement, was at fault: the server went away between two uses of it.
pub(super) fn is_stale(error: &PgError) -> bool {
    let broken = || {
        error
            .source()
            .is_some_and(|cause: &(dyn StdError + 'static)| cause.is::<io::Error>())
    };
    match error.code() {
        Some(code) => {
            [
                SqlState::ADMIN_SHUTDOWN,
                SqlState::CRASH_SHUTDOWN,
                SqlState::IDLE_SESSION_TIMEOUT,
            ]
            .contains(code)
                || code.code().starts_with("08")
        }
        None => error.is_closed() || broken(),
    }
}

/// Whether a unique key is taken.
pub(super) fn is_duplicate(error: &PgError) -> bool {
    error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}

/// Whether the schema has refused to let something live on that has ended.
pub(super) fn is_kept_from(error: &PgError) -> bool {
    error.code() == Some(&SqlState::RESTRICT_VIOLATION)
}

/// Whether a statement is missing that was prepared, or one stands in the way.
pub(super) fn is_mixed_up(code: &SqlState) -> bool {
    [
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
    ]
    .contains(code)
}
