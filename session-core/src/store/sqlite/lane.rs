//! One connection, one thread, one call at a time.
//!
//! A caller waits for its turn outside the thread's queue, so one that gives up leaves no work behind. The call that is
//! running cannot be stopped, and keeps its turn until it ends: what it waits for, another process's lock, is limited
//! by `busy_timeout`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time;
use tokio_rusqlite::rusqlite::{self, Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::store::{SchemaError, StoreError, StoreResult};

/// Statements that a connection keeps prepared: more than any lane has.
const STATEMENTS: usize = 64;

/// A connection with its thread.
#[derive(Debug)]
pub(super) struct Lane {
    connection: tokio_rusqlite::Connection,
    turn: Arc<Semaphore>,
    limit: Duration,
}

impl Lane {
    pub(super) async fn writer(path: &Path, limit: Duration) -> StoreResult<Self> {
        Self::open(path, limit, "PRAGMA synchronous = FULL;").await
    }

    pub(super) async fn reader(path: &Path, limit: Duration) -> StoreResult<Self> {
        Self::open(path, limit, "PRAGMA query_only = ON;").await
    }

    /// For writes that a loss of power may undo. It does not wait for the disk.
    pub(super) async fn chores(path: &Path, limit: Duration) -> StoreResult<Self> {
        Self::open(path, limit, "PRAGMA synchronous = NORMAL;").await
    }

    async fn open(path: &Path, limit: Duration, settings: &'static str) -> StoreResult<Self> {
        let connection = tokio_rusqlite::Connection::open(path)
            .await
            .map_err(store_error)?;
        let lane = Self {
            connection,
            turn: Arc::new(Semaphore::new(1)),
            limit,
        };
        // Waits for a lock three quarters of the limit, which leaves time to report the failure.
        let patience = limit * 3 / 4;
        lane.call(move |connection| {
            connection.busy_timeout(patience).map_err(store_error)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            let mode: String = connection
                .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
                .map_err(store_error)?;
            if mode != "wal" {
                return Err(StoreError::unavailable("WAL does not work on this file"));
            }
            connection.execute_batch(settings).map_err(store_error)
        })
        .await?;
        Ok(lane)
    }

    /// Runs `work` on the connection's thread.
    pub(super) async fn call<T, F>(&self, work: F) -> StoreResult<T>
    where
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        self.call_within(self.limit, work).await
    }

    /// [`Lane::call`] with another limit.
    pub(super) async fn call_within<T, F>(&self, limit: Duration, work: F) -> StoreResult<T>
    where
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        within(limit, self.turn(work)).await
    }

    /// Runs `work` on the connection's thread when its turn comes.
    pub(super) async fn turn<T, F>(&self, work: F) -> StoreResult<T>
    where
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        let turn = Arc::clone(&self.turn)
            .acquire_owned()
            .await
            .map_err(StoreError::unavailable)?;
        let ran = self.connection.call(move |connection| {
            let _turn = turn;
            work(connection)
        });
        ran.await.map_err(|error| match error {
            tokio_rusqlite::Error::Error(error) => error,
            _ => StoreError::unavailable("the connection's thread is gone"),
        })
    }

    /// What comes of `done` within the limit of a call.
    pub(super) async fn within<T>(
        &self,
        done: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        within(self.limit, done).await
    }
}

async fn within<T>(limit: Duration, done: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    let answer = time::timeout(limit, done)
        .await
        .map_err(|_elapsed| timeout(limit))?;
    answer.map_err(|error| match error {
        StoreError::Timeout(_) => timeout(limit),
        other => other,
    })
}

fn timeout(limit: Duration) -> StoreError {
    StoreError::timeout(limit)
}

/// Begins a transaction with the write lock in hand.
pub(super) fn begin(connection: &mut Connection) -> StoreResult<Transaction<'_>> {
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(store_error)
}

/// Makes a store error of a driver's error. SQLite's messages name tables and columns and quote no values.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::timeout(Duration::ZERO)
        }
        _ if error.to_string().contains("no such table: sidgate_") => {
            StoreError::Schema(SchemaError::Missing)
        }
        _ => StoreError::unavailable(error.to_string()),
    }
}

/// Whether a unique key is taken. Of a session a trigger says so, because `OR REPLACE` would go past the key itself.
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{
        SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_TRIGGER, SQLITE_CONSTRAINT_UNIQUE,
    };
    const TAKEN: &str = "the key or handle of a session is taken";
    let rusqlite::Error::SqliteFailure(code, message) = error else {
        return false;
    };
    match code.extended_code {
        SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE => true,
        SQLITE_CONSTRAINT_TRIGGER => message.as_deref() == Some(TAKEN),
        _ => false,
    }
}
