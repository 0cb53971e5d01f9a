//! Pooled connections that are given back only after a call that ended well.

use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Manager, ManagerConfig, Object, RecyclingMethod, Runtime, Timeouts,
};
use tokio::runtime::Handle;
use tokio::time;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connect::{Connector, PostgresConfigError};
use super::fault;
use super::options::PostgresOptions;
use crate::store::{StoreError, StoreResult};

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Connections for everything but the heartbeat.
#[derive(Debug)]
pub(super) struct Pool {
    pool: deadpool_postgres::Pool,
    acquire_timeout: Duration,
    connect_timeout: Duration,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl Pool {
    pub(super) fn new(
        connector: &Connector,
        options: &PostgresOptions,
    ) -> Result<Self, PostgresConfigError> {
        let manager = Manager::from_config(
            connector.config.clone(),
            connector.tls.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(options.max_connections)
            .timeouts(Timeouts {
                wait: Some(options.acquire_timeout),
                create: Some(options.connect_timeout),
                recycle: Some(options.acquire_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(PostgresConfigError::Pool)?;
        Ok(Self {
            pool,
            acquire_timeout: options.acquire_timeout,
            connect_timeout: options.connect_timeout,
            read_timeout: options.read_timeout,
            write_timeout: options.write_timeout,
        })
    }

    /// A connection. Opening one goes on when the caller gives up, and then serves the next caller. Otherwise callers
    /// with a limit below a TLS handshake would never get one.
    pub(super) async fn lease(&self) -> StoreResult<Lease> {
        let pool = self.pool.clone();
        let opened = Handle::current()
            .spawn(async move { pool.get().await })
            .await
            .map_err(StoreError::unavailable)?;
        match opened {
            Ok(object) => Ok(Lease(Some(object))),
            Err(error) => Err(fault::pool_error(
                error,
                self.acquire_timeout,
                self.connect_timeout,
            )),
        }
    }

    /// The rows of one prepared statement that changes nothing.
    pub(super) async fn read(&self, sql: &str, params: Params<'_>) -> StoreResult<Vec<Row>> {
        self.read_within(self.read_timeout, sql, params).await
    }

    /// [`Pool::read`] with another limit.
    pub(super) async fn read_within(
        &self,
        limit: Duration,
        sql: &str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        let mut retried = false;
        loop {
            let lease = self.lease().await?;
            let client = lease.client()?;
            let rows = time::timeout(limit, async {
                client
                    .query(&client.prepare_cached(sql).await?, params)
                    .await
            });
            match rows.await {
                Ok(Ok(rows)) => {
                    lease.give_back();
                    return Ok(rows);
                }
                Ok(Err(error)) if fault::is_stale(&error) && !retried => {
                    // One dead connection usually means that all idle ones are.
                    self.pool.retain(|_, _| false);
                    retried = true;
                }
                Ok(Err(error)) => return Err(fault::store_error(error, limit)),
                Err(_elapsed) => return Err(fault::timeout(limit)),
            }
        }
    }

    /// One statement that writes, which is its own transaction; how many rows it has concerned.
    pub(super) async fn execute(&self, sql: &str, params: Params<'_>) -> StoreResult<u64> {
        let lease = self.lease().await?;
        let client = lease.client()?;
        let done = self
            .written(async {
                let done = async {
                    client
                        .execute(&client.prepare_cached(sql).await?, params)
                        .await
                };
                done.await.map_err(|error| self.write_error(error))
            })
            .await?;
        lease.give_back();
        Ok(done)
    }

    /// Waits for a write, no longer than a write may take. When this fails the outcome is unknown, and dropping the
    /// lease closes the connection: the server rolls back what has not been committed by then.
    pub(super) async fn written<T>(
        &self,
        write: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        time::timeout(self.write_timeout, write)
            .await
            .map_err(|_elapsed| fault::timeout(self.write_timeout))?
    }

    /// Turns a driver's error during a write into a store error.
    pub(super) fn write_error(&self, error: tokio_postgres::Error) -> StoreError {
        fault::write_error(error, self.write_timeout)
    }

    pub(super) fn write_timeout(&self) -> Duration {
        self.write_timeout
    }
}

/// A borrowed connection. Dropping it closes the connection, because a cancelled call leaves an answer on the wire and
/// perhaps an open transaction. [`Lease::give_back`] returns it after a call that ended well.
pub(super) struct Lease(Option<Object>);

impl Lease {
    pub(super) fn client(&self) -> StoreResult<&ClientWrapper> {
        match &self.0 {
            Some(object) => Ok(object),
            None => Err(StoreError::unavailable("the connection was given back")),
        }
    }

    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
