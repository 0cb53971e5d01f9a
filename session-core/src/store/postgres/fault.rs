//! What a driver's error means to the caller.
//!
//! A server's message may quote rows ("Failing row contains ..."), so its detail is dropped here. The code and the
//! headline are kept; of a data error only the code.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use deadpool_postgres::PoolError;
use thiserror::Error;
use tokio_postgres::Error as PgError;
use tokio_postgres::error::{DbError, SqlState};

use crate::clock::millis;
use crate::store::{SchemaError, StoreError};

/// A server's refusal without anything that it may have quoted.
#[derive(Debug, Error)]
#[error("SQLSTATE {code}{headline}")]
struct Refused {
    code: String,
    headline: String,
}

impl Refused {
    fn new(error: &DbError) -> Self {
        let code = error.code().code();
        let of_data = code.starts_with("22") || code.starts_with("23");
        Self {
            code: code.to_owned(),
            headline: if of_data {
                String::new()
            } else {
                format!(": {}", error.message())
            },
        }
    }
}

/// Turns a driver's error into a store error. `limit` is that of the call, which the error names when the server
/// stopped the statement.
pub(super) fn store_error(error: PgError, limit: Duration) -> StoreError {
    let Some(refusal) = error.as_db_error() else {
        return StoreError::unavailable(error);
    };
    let code = refusal.code();
    if [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code) {
        timeout(limit)
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        StoreError::InRecovery
    } else if *code == SqlState::UNDEFINED_TABLE {
        StoreError::Schema(SchemaError::Missing)
    } else {
        StoreError::unavailable(Refused::new(refusal))
    }
}

/// Like [`store_error`], for a write: it may have been committed before its connection broke.
pub(super) fn write_error(error: PgError, limit: Duration) -> StoreError {
    if is_stale(&error) {
        StoreError::Interrupted(error.into())
    } else {
        store_error(error, limit)
    }
}

/// Turns a pool's error into a store error.
pub(super) fn pool_error(error: PoolError, acquire: Duration, connect: Duration) -> StoreError {
    use deadpool_postgres::TimeoutType;
    match error {
        PoolError::Timeout(TimeoutType::Wait) => timeout(acquire),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => timeout(connect),
        PoolError::Backend(error) => store_error(error, connect),
        other @ (PoolError::Closed
        | PoolError::NoRuntimeSpecified
        | PoolError::PostCreateHook(_)) => StoreError::unavailable(other),
    }
}

pub(super) fn timeout(limit: Duration) -> StoreError {
    StoreError::Timeout(millis(limit))
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
