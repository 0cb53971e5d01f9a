//! The conformance suite, stamped for PostgreSQL. The stores have the rights that a gateway is granted, and no others.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::store::SessionStore;
use session_core::store::postgres::{PostgresOptions, PostgresStore};
use session_testing::conformance::Fixture;
use session_testing::{TestDatabase, TestPostgres};

struct Postgres {
    store: PostgresStore,
    other_node: PostgresStore,
    database: TestDatabase,
    _server: Arc<TestPostgres>,
}

#[async_trait]
impl Fixture for Postgres {
    fn store(&self) -> &dyn SessionStore {
        &self.store
    }

    fn other_node(&self) -> &dyn SessionStore {
        &self.other_node
    }

    async fn sql(&self, sql: &str) -> Result<(), String> {
        let done = self.database.client().await.batch_execute(sql).await;
        done.map_err(|error| format!("{error:?}"))
    }

    fn seconds_from_now(&self, seconds: i64) -> String {
        format!("clock_timestamp() + interval '{seconds} seconds'")
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("'\\x{hex}'::bytea")
    }
}

/// What a call does is asked here, and a busy machine may take its time over it.
fn patient() -> PostgresOptions {
    const LONG: Duration = Duration::from_secs(20);
    PostgresOptions {
        acquire_timeout: LONG,
        connect_timeout: LONG,
        read_timeout: LONG,
        write_timeout: LONG,
        pulse_timeout: LONG,
        ..PostgresOptions::default()
    }
}

async fn fixture() -> Postgres {
    let server = TestPostgres::shared();
    let database = server.database();
    let role = database.gateway_role().await;
    let node = || PostgresStore::new(&database.url_as(&role), patient()).unwrap();
    Postgres {
        store: node(),
        other_node: node(),
        database,
        _server: server,
    }
}

session_testing::store_conformance!(fixture);
