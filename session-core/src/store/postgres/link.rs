//! The heartbeat's own connection.
//!
//! It is opened when first needed and again after any fault. Opening runs in a task of its own that goes on when a
//! heartbeat has run out of time, so a connection that takes longer to open than one heartbeat may last still comes to be.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time;
use tokio_postgres::{Client, Row, Statement};
use tokio_util::task::AbortOnDropHandle;

use super::connect::Connector;
use super::pool::Params;
use super::{PostgresOptions, fault};
use crate::store::{StoreError, StoreResult};

/// A connection for one caller at a time.
#[derive(Debug)]
pub(super) struct Link {
    connector: Connector,
    slot: Arc<Mutex<Option<Open>>>,
    connect_timeout: Duration,
    limit: Duration,
}

#[derive(Debug)]
struct Open {
    client: Client,
    /// Statements prepared on this connection.
    prepared: Vec<(&'static str, Statement)>,
    _driver: AbortOnDropHandle<()>,
}

impl Link {
    pub(super) fn new(connector: Connector, options: &PostgresOptions) -> Self {
        Self {
            connector,
            slot: Arc::default(),
            connect_timeout: options.connect_timeout,
            limit: options.pulse_timeout,
        }
    }

    /// The rows of one prepared statement, within the time of a heartbeat.
    pub(super) async fn read(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        self.read_within(self.limit, sql, params).await
    }

    /// [`Link::read`] with another limit.
    pub(super) async fn read_within(
        &self,
        limit: Duration,
        sql: &'static str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        let read = async {
            let mut slot = self.connected(limit).await?;
            // Out of the slot while in use: a caller that goes away takes the connection with it.
            let mut open = slot
                .take()
                .ok_or_else(|| StoreError::unavailable("the connection is gone"))?;
            let rows = open
                .query(sql, params)
                .await
                .map_err(|error| fault::store_error(error, limit))?;
            *slot = Some(open);
            Ok(rows)
        };
        time::timeout(limit, read)
            .await
            .map_err(|_elapsed| fault::timeout(limit))?
    }

    async fn connected(&self, limit: Duration) -> StoreResult<OwnedMutexGuard<Option<Open>>> {
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        if slot.as_ref().is_some_and(|open| !open.client.is_closed()) {
            return Ok(slot);
        }
        let connector = self.connector.clone();
        let connect_timeout = self.connect_timeout;
        let opening = Handle::current().spawn(async move {
            *slot = None;
            let open = time::timeout(connect_timeout, connect(&connector))
                .await
                .map_err(|_elapsed| fault::timeout(connect_timeout))?
                .map_err(|error| fault::store_error(error, limit))?;
            *slot = Some(open);
            Ok(slot)
        });
        opening.await.map_err(StoreError::unavailable)?
    }
}

impl Open {
    async fn query(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let known = self.prepared.iter().find(|(text, _)| *text == sql);
        let statement = match known {
            Some((_, statement)) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).await?;
                self.prepared.push((sql, statement.clone()));
                statement
            }
        };
        self.client.query(&statement, params).await
    }
}

async fn connect(connector: &Connector) -> Result<Open, tokio_postgres::Error> {
    let (client, connection) = Box::pin(connector.config.connect(connector.tls.clone())).await?;
    let driver = Handle::current().spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "heartbeat connection ended");
        }
    });
    Ok(Open {
        client,
        prepared: Vec::new(),
        _driver: AbortOnDropHandle::new(driver),
    })
}
