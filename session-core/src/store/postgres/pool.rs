//! Pooled connections that are given back only after a call that ended well.

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Object, PoolError, QueueMode, TimeoutType, Timeouts};
use deadpool_postgres::ClientWrapper;
use tokio::runtime::Handle;
use tokio::time;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connect::{Connector, PostgresConfigError};
use super::fault::{self, Limit};
use super::opening::Opening;
use super::options::PostgresOptions;
use super::pool_use::{Asked, Connections};
use crate::store::{StoreError, StoreResult};

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection that nobody has used for so long is closed at the next look at the rights.
const IDLE: Duration = Duration::from_secs(30);

/// Connections for everything but the heartbeat.
#[derive(Debug)]
pub(super) struct Pool {
    pool: managed::Pool<Opening>,
    connector: Connector,
    asked: Arc<Asked>,
    acquire: Limit,
    read: Limit,
    write: Limit,
}

impl Pool {
    /// For what requests ask.
    pub(super) fn new(
        connector: &Connector,
        options: &PostgresOptions,
    ) -> Result<Self, PostgresConfigError> {
        let acquire = Limit::set_by("store.acquire_timeout", options.acquire_timeout);
        Self::of(connector, options, options.max_connections, acquire)
    }

    /// For lists and what operators ask. Who asks waits for a turn, as long as an answer may take.
    pub(super) fn for_operators(
        connector: &Connector,
        options: &PostgresOptions,
    ) -> Result<Self, PostgresConfigError> {
        /// Questions that are answered at the same time.
        const AT_A_TIME: usize = 2;
        let acquire = Limit::set_by("store.write_timeout", options.write_timeout);
        Self::of(connector, options, AT_A_TIME, acquire)
    }

    fn of(
        connector: &Connector,
        options: &PostgresOptions,
        size: usize,
        acquire: Limit,
    ) -> Result<Self, PostgresConfigError> {
        let pool = managed::Pool::builder(Opening::new(connector.clone(), acquire))
            .max_size(size)
            // The one that was used last goes first: those that are not needed rest, and are closed.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(acquire.time),
                // The connector has a limit of its own.
                create: None,
                recycle: Some(acquire.time),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(PostgresConfigError::Pool)?;
        Ok(Self {
            pool,
            connector: connector.clone(),
            asked: Arc::default(),
            acquire,
            read: Limit::set_by("store.read_timeout", options.read_timeout),
            write: Limit::set_by("store.write_timeout", options.write_timeout),
        })
    }

    /// A connection. Opening one goes on when the caller gives up, and then serves the next caller. Otherwise callers
    /// with a limit below a TLS handshake would never get one.
    pub(super) async fn lease(&self) -> StoreResult<Lease> {
        let (pool, asked) = (self.pool.clone(), Arc::clone(&self.asked));
        let opened = Handle::current()
            .spawn(async move { taken(&pool, &asked).await })
            .await
            .map_err(StoreError::unavailable)?;
        match opened {
            Ok(object) => Ok(Lease(Some(object))),
            Err(error) => Err(fault::pool_error(
                error,
                self.acquire,
                self.connector.last_failure(),
            )),
        }
    }

    /// Its connections, to be looked at.
    pub(super) fn connections(&self) -> Connections {
        Connections {
            pool: self.pool.clone(),
            asked: Arc::clone(&self.asked),
        }
    }

    /// Closes connections that a burst has opened and nobody has used since.
    pub(super) fn close_idle(&self) {
        self.pool.retain(|_, metrics| metrics.last_used() < IDLE);
    }

    /// The rows of one prepared statement that changes nothing.
    pub(super) async fn read(&self, sql: &str, params: Params<'_>) -> StoreResult<Vec<Row>> {
        self.read_limited(self.read, sql, params).await
    }

    /// [`Pool::read`] with the limit of a write, for questions that take long.
    pub(super) async fn read_long(&self, sql: &str, params: Params<'_>) -> StoreResult<Vec<Row>> {
        self.read_limited(self.write, sql, params).await
    }

    /// [`Pool::read`] with another limit.
    pub(super) async fn read_within(
        &self,
        limit: Duration,
        sql: &str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        self.read_limited(Limit::fixed(limit), sql, params).await
    }

    async fn read_limited(
        &self,
        limit: Limit,
        sql: &str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        let mut retried = false;
        loop {
            let lease = self.lease().await?;
            let client = lease.client()?;
            let rows = time::timeout(limit.time, async {
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
                Ok(Err(error)) => return Err(fault::store_error(&error, limit)),
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
        time::timeout(self.write.time, write)
            .await
            .map_err(|_elapsed| fault::timeout(self.write))?
    }

    /// Turns a driver's error during a write into a store error.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is handed to map_err, which gives the error away"
    )]
    pub(super) fn write_error(&self, error: tokio_postgres::Error) -> StoreError {
        fault::write_error(&error, self.write)
    }

    pub(super) fn write_timeout(&self) -> Duration {
        self.write.time
    }
}

/// A connection, as soon as there is one. Counts who has to wait until another caller gives one back.
async fn taken(
    pool: &managed::Pool<Opening>,
    asked: &Asked,
) -> Result<Object<Opening>, PoolError<StoreError>> {
    let usual = pool.timeouts();
    let without_waiting = Timeouts {
        wait: Some(Duration::ZERO),
        ..usual
    };
    match pool.timeout_get(&without_waiting).await {
        Err(PoolError::Timeout(TimeoutType::Wait)) => {}
        outcome => {
            asked.at_once();
            return outcome;
        }
    }
    let begun = time::Instant::now();
    let outcome = pool.get().await;
    let is_there = !matches!(outcome, Err(PoolError::Timeout(TimeoutType::Wait)));
    asked.waited(begun.elapsed(), is_there);
    outcome
}

/// A borrowed connection. Dropping it closes the connection, because a cancelled call leaves an answer on the wire and
/// perhaps an open transaction. [`Lease::give_back`] returns it after a call that ended well.
pub(super) struct Lease(Option<Object<Opening>>);

impl Lease {
    pub(super) fn client(&self) -> StoreResult<&ClientWrapper> {
        match &self.0 {
            Some(object) => Ok(&object.client),
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
