//! The heartbeat's own connection.
//!
//! It is opened when first needed and again after any fault. Opening runs in a task of its own that goes on when a
//! heartbeat has run out of time, so a connection that takes longer than a heartbeat is still opened.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time;
use tokio_postgres::{Client, Row, Statement};
use tokio_util::task::AbortOnDropHandle;

use super::connect::{Connector, Driven};
use super::fault::{self, Limit};
use super::options::PostgresOptions;
use super::pool::Params;
use crate::store::{StoreError, StoreResult};

/// A statement and its parameters.
pub(super) type Query<'a> = (&'static str, Params<'a>);

/// A connection for one caller at a time.
#[derive(Debug)]
pub(super) struct Link {
    connector: Connector,
    slot: Arc<Mutex<Option<Open>>>,
    connect_timeout: Duration,
    limit: Duration,
    /// Statements that a new connection prepares at once.
    known: &'static [&'static str],
}

#[derive(Debug)]
struct Open {
    client: Client,
    server: usize,
    /// Statements prepared on this connection.
    prepared: Vec<(&'static str, Statement)>,
    _driver: AbortOnDropHandle<()>,
}

impl Link {
    /// `known`: statements that will be run under a limit that leaves no time to prepare them.
    pub(super) fn new(
        connector: Connector,
        options: &PostgresOptions,
        known: &'static [&'static str],
    ) -> Self {
        Self {
            connector,
            slot: Arc::default(),
            connect_timeout: options.connect_timeout,
            limit: options.pulse_timeout,
            known,
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
        let mut rows = self.flight(limit, &[(sql, params)]).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// The rows of several prepared statements that are sent at once and run in order, within the time of a heartbeat.
    pub(super) async fn read_all(&self, statements: &[Query<'_>]) -> StoreResult<Vec<Vec<Row>>> {
        self.flight(self.limit, statements).await
    }

    async fn flight(
        &self,
        limit: Duration,
        statements: &[Query<'_>],
    ) -> StoreResult<Vec<Vec<Row>>> {
        let read = async {
            let mut slot = self.connected().await?;
            // Out of the slot while in use: a caller that goes away takes the connection with it.
            let mut open = slot
                .take()
                .ok_or_else(|| StoreError::unavailable("the connection is gone"))?;
            let rows = open
                .query(statements)
                .await
                .map_err(|error| fault::store_error(&error, Limit::fixed(limit)))?;
            *slot = Some(open);
            Ok(rows)
        };
        time::timeout(limit, read).await.map_err(|_elapsed| {
            fault::timeout_after(Limit::fixed(limit), self.connector.last_failure())
        })?
    }

    async fn connected(&self) -> StoreResult<OwnedMutexGuard<Option<Open>>> {
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        let is_good =
            |open: &Open| !open.client.is_closed() && self.connector.is_primary(open.server);
        if slot.as_ref().is_some_and(is_good) {
            return Ok(slot);
        }
        let connector = self.connector.clone();
        let preparing = Limit::set_by("store.connect_timeout", self.connect_timeout);
        let known = self.known;
        let opening = Handle::current().spawn(async move {
            *slot = None;
            let Driven {
                client,
                server,
                driver,
            } = connector.driven().await?;
            let mut open = Open {
                client,
                server,
                prepared: Vec::new(),
                _driver: driver,
            };
            time::timeout(preparing.time, open.prepare(known))
                .await
                .map_err(|_elapsed| fault::timeout(preparing))?
                .map_err(|error| fault::store_error(&error, preparing))?;
            *slot = Some(open);
            Ok(slot)
        });
        opening.await.map_err(StoreError::unavailable)?
    }
}

impl Open {
    async fn query(
        &mut self,
        statements: &[Query<'_>],
    ) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
        let texts: Vec<&'static str> = statements.iter().map(|(sql, _)| *sql).collect();
        self.prepare(&texts).await?;
        let queries = statements.iter().filter_map(|(sql, params)| {
            let statement = self.prepared.iter().find(|(text, _)| text == sql);
            statement.map(|(_, statement)| self.client.query(statement, params))
        });
        // Sent in this order: each is written when it is first polled.
        try_join_all(queries).await
    }

    async fn prepare(&mut self, texts: &[&'static str]) -> Result<(), tokio_postgres::Error> {
        let is_new = |text: &&&'static str| !self.prepared.iter().any(|(known, _)| known == *text);
        let texts: Vec<&'static str> = texts.iter().filter(is_new).copied().collect();
        let preparing = texts.iter().map(|text| self.client.prepare(text));
        let statements = try_join_all(preparing).await?;
        self.prepared.extend(texts.into_iter().zip(statements));
        Ok(())
    }
}
