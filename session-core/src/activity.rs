//! `last_activity`, written in batches and never on a request's path (DESIGN 5, R7).
//!
//! A lost record can end an idle session one interval too early at most. So the queue may drop records, and a failed
//! write is retried only while there is room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Boot;
use crate::freshness::Node;
use crate::sid::SessionKey;
use crate::store::Touch;

/// Sessions whose use is waiting to be written: 48 bytes each.
pub const QUEUE_MAX: usize = 50_000;
/// Records in one statement.
const BATCH_MAX: usize = 1_000;
/// Time between writes.
pub const FLUSH: Duration = Duration::from_secs(1);
/// Longest time that shutdown spends on the last write.
const LAST_FLUSH: Duration = Duration::from_secs(3);

/// Collects the last use of each session and writes it to the store.
#[derive(Debug)]
pub struct Activity {
    waiting: Mutex<HashMap<SessionKey, Boot>>,
    node: Arc<Node>,
}

impl Activity {
    /// Creates an empty queue; [`Activity::run`] writes it out.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Self {
        Self {
            waiting: Mutex::default(),
            node,
        }
    }

    /// Notes that `key` was used at `at`. Never waits; several uses of one session become one record.
    pub fn note(&self, key: SessionKey, at: Boot) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= QUEUE_MAX && !waiting.contains_key(&key) {
            self.node.stats.touches_dropped.add();
            return;
        }
        let newest = waiting.entry(key).or_insert(at);
        *newest = at.max(*newest);
    }

    /// Writes the queue every [`FLUSH`] until `stop`, and then once more.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while tokio::time::timeout(FLUSH, stop.cancelled()).await.is_err() {
            self.flush().await;
        }
        if tokio::time::timeout(LAST_FLUSH, self.flush())
            .await
            .is_err()
        {
            warn!("last activity records were not written in time");
        }
    }

    /// Writes everything that is waiting. What fails goes back into the queue.
    pub async fn flush(&self) {
        let taken: Vec<_> = std::mem::take(&mut *self.waiting.lock())
            .into_iter()
            .collect();
        for (at, batch) in taken.chunks(BATCH_MAX).enumerate() {
            let now = self.node.clock.boot();
            let touches: Vec<_> = batch
                .iter()
                .map(|&(key, used)| Touch {
                    key,
                    age: now.since(used),
                })
                .collect();
            match self.node.store.touch(&touches).await {
                Ok(_moved) => self
                    .node
                    .stats
                    .touches_written
                    .add_n(u64::try_from(touches.len()).unwrap_or(0)),
                Err(_failed) => {
                    // The store is away: the rest would fail as well.
                    taken
                        .iter()
                        .skip(at * BATCH_MAX)
                        .for_each(|&(key, used)| self.note(key, used));
                    return;
                }
            }
        }
    }
}
