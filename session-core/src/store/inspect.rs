//! What people ask about the database itself.

use async_trait::async_trait;

use super::declare::store_trait;
use super::rights::{MissingRights, Rights};
use super::schema::SchemaStatus;
use super::{SchemaError, StoreResult};
use crate::clock::Timestamp;

/// The database that a store is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Name and version of the server, such as `PostgreSQL 15.6`.
    pub server: String,
    /// Name of the database, or of the file.
    pub database: String,
    /// As whom the store is connected, where there are roles.
    pub role: Option<String>,
    /// Its schema.
    pub schema: SchemaStatus,
    /// The TLS version of the connection, such as `TLS 1.3`, as the server sees it: behind a pooler, that of the pooler.
    /// `None`: there is no TLS.
    pub tls: Option<String>,
    /// Settings that limit how long statements and transactions may take, and are not in force. Empty where there are none.
    pub unlimited: Vec<String>,
}

/// One of the servers that a URL names.
#[derive(Debug)]
pub struct NamedServer {
    /// `host:port`, or the folder of its socket.
    pub address: String,
    /// Whether it takes writes: a standby does not. An error says why it cannot be asked.
    pub takes_writes: StoreResult<bool>,
}

store_trait! { ($) each_inspect_method

/// What operators ask about the database. A part of [`super::SessionStore`].
pub trait InspectStore {
    /// What the store is connected to. Works without a schema.
    async fn about(&self) -> StoreResult<About>;

    /// The servers that it may be connected to, where there can be several.
    async fn servers(&self) -> StoreResult<Vec<NamedServer>>;

    /// Its clock. `None`: it goes by the clock of the program.
    async fn clock(&self) -> StoreResult<Option<Timestamp>>;

    /// Which rights are missing or needless. Tables that are not there are left out: the schema is checked apart.
    async fn rights(&self) -> StoreResult<Rights>;

    /// Which schema the store has.
    async fn schema_status(&self) -> StoreResult<SchemaStatus>;

    /// The SQL that [`apply_schema`](super::SessionStore::apply_schema) would run, for the shell of the database. `None`: there is
    /// nothing to do. Writes nothing.
    async fn schema_plan(&self) -> StoreResult<Option<String>>;
}
}

impl Rights {
    /// Says no when something is missing.
    ///
    /// # Errors
    /// What is missing.
    pub fn accept(&self) -> Result<(), SchemaError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(SchemaError::Rights(MissingRights(self.missing.clone())))
    }
}
