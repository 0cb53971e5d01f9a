//! How a pool opens connections: a few at a time, and for a moment none after one that failed.
//!
//! Each attempt costs the server a process, also while it refuses, starts or is promoted. When it comes back, every request of
//! every node that waited for it wants a connection. So a pool has few attempts under way, and after a failed one it answers
//! with that failure until a pause is over. The pause is a little different each time, so that nodes do not come back together.
//! The heartbeat's connection is not opened here: it comes back on its own beat.

use std::fmt;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{self, Instant};

use super::connect::Connector;
use super::fault::{self, Limit};
use crate::entropy::{self, SystemEntropy};
use crate::store::{StoreError, StoreResult};

/// Connections of one pool that are opened at the same time.
pub(super) const AT_A_TIME: usize = 4;
/// Shortest pause after an attempt that failed; the longest is three times as long.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection of the pool.
#[derive(Debug)]
pub(super) struct Pooled {
    pub(super) client: ClientWrapper,
    /// Which of the servers it leads to.
    server: usize,
}

/// Opens the connections of one pool.
pub(super) struct Opening {
    connector: Connector,
    turns: Semaphore,
    /// Longest wait for a turn.
    patience: Limit,
    failed: Mutex<Option<Failed>>,
}

/// An attempt that failed.
struct Failed {
    /// Until when it speaks for the next ones.
    until: Instant,
    is_standby: bool,
    cause: String,
}

impl Opening {
    pub(super) fn new(connector: Connector, patience: Limit) -> Self {
        Self {
            connector,
            turns: Semaphore::new(AT_A_TIME),
            patience,
            failed: Mutex::default(),
        }
    }

    async fn open(&self) -> StoreResult<Pooled> {
        self.is_worth_it()?;
        let turn = time::timeout(self.patience.time, self.turns.acquire()).await;
        let _turn = turn
            .map_err(|_elapsed| fault::turn_timeout(self.patience, self.connector.last_failure()))?
            .map_err(StoreError::unavailable)?;
        // Those who had the turn before may have found out.
        self.is_worth_it()?;
        let opened = self.connector.connect().await;
        *self.failed.lock() = opened.as_ref().err().map(Failed::now);
        let (client, server, driver) = opened?.drive();
        let client = ClientWrapper::new(client, driver);
        Ok(Pooled { client, server })
    }

    /// The failure of the last attempt, as long as its pause lasts. One that succeeded meanwhile, the heartbeat's say, ends it.
    fn is_worth_it(&self) -> StoreResult<()> {
        match &*self.failed.lock() {
            Some(failed)
                if Instant::now() < failed.until && self.connector.last_failure().is_some() =>
            {
                Err(failed.again())
            }
            _ => Ok(()),
        }
    }
}

impl Failed {
    fn now(error: &StoreError) -> Self {
        let [byte] = entropy::bytes(&SystemEntropy).unwrap_or([u8::MAX / 2]);
        let jitter = 2 * PAUSE * u32::from(byte) / u32::from(u8::MAX);
        Self {
            until: Instant::now() + PAUSE + jitter,
            is_standby: matches!(error, StoreError::InRecovery),
            cause: error.cause(),
        }
    }

    fn again(&self) -> StoreError {
        if self.is_standby {
            StoreError::InRecovery
        } else {
            StoreError::unavailable(self.cause.clone())
        }
    }
}

impl Manager for Opening {
    type Type = Pooled;
    type Error = StoreError;

    async fn create(&self) -> StoreResult<Pooled> {
        self.open().await
    }

    async fn recycle(&self, pooled: &mut Pooled, _metrics: &Metrics) -> RecycleResult<StoreError> {
        if pooled.client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if !self.connector.is_primary(pooled.server) {
            return Err(RecycleError::message("another server takes writes"));
        }
        Ok(())
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(..)")
    }
}
