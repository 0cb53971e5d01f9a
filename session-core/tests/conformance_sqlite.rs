//! The conformance suite, stamped for SQLite.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use session_core::clock::{Clock, SharedClock, SystemClock};
use session_core::store::SessionStore;
use session_core::store::sqlite::{SqliteOptions, SqliteStore};
use session_testing::conformance::Fixture;
use tempfile::TempDir;

struct Sqlite {
    store: SqliteStore,
    other_node: SqliteStore,
    directory: TempDir,
}

#[async_trait]
impl Fixture for Sqlite {
    fn store(&self) -> &dyn SessionStore {
        &self.store
    }

    fn other_node(&self) -> &dyn SessionStore {
        &self.other_node
    }

    async fn sql(&self, sql: &str) -> Result<(), String> {
        let connection = Connection::open(self.directory.path().join("s.db"));
        let done = connection.and_then(|connection| connection.execute_batch(sql));
        done.map_err(|error| error.to_string())
    }

    fn seconds_from_now(&self, seconds: i64) -> String {
        let now = SystemClock.wall().as_micros();
        (now + seconds * 1_000_000).to_string()
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x'{hex}'")
    }
}

/// What a call does is asked here, and a busy machine may take its time over it.
async fn open(path: &Path, clock: SharedClock) -> SqliteStore {
    const LONG: Duration = Duration::from_secs(20);
    let patient = SqliteOptions {
        read_timeout: LONG,
        write_timeout: LONG,
        pulse_timeout: LONG,
    };
    SqliteStore::open_with(path, clock, patient).await.unwrap()
}

async fn fixture() -> Sqlite {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let clock: SharedClock = Arc::new(SystemClock);
    let store = open(&path, Arc::clone(&clock)).await;
    store.apply_schema().await.unwrap();
    Sqlite {
        store,
        other_node: open(&path, clock).await,
        directory,
    }
}

session_testing::store_conformance!(fixture);
