//! What people ask about the file.

use tokio_rusqlite::rusqlite;

use super::{SqliteStore, plan, schema};
use crate::store::InspectStore;
use crate::store::prelude::*;

#[async_trait]
impl InspectStore for SqliteStore {
    async fn about(&self) -> StoreResult<About> {
        Ok(About {
            server: format!("SQLite {}", rusqlite::version()),
            database: self.path.display().to_string(),
            role: None,
            schema: self.schema_status().await?,
            tls: None,
            unlimited: Vec::new(),
        })
    }

    /// There is a file.
    async fn servers(&self) -> StoreResult<Vec<NamedServer>> {
        Ok(vec![])
    }

    async fn clock(&self) -> StoreResult<Option<Timestamp>> {
        Ok(None)
    }

    /// Whoever can open the file may do everything.
    async fn rights(&self) -> StoreResult<Rights> {
        Ok(Rights::default())
    }

    async fn schema_status(&self) -> StoreResult<SchemaStatus> {
        self.reader
            .call(|connection| schema::status(connection))
            .await
    }

    async fn schema_plan(&self) -> StoreResult<Option<String>> {
        self.reader.call(|connection| plan::plan(connection)).await
    }
}
