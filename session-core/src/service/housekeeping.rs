//! Removes from the store what nobody needs any more: a little at a time, one node at a time, and never in a hurry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::store::{Housekept, SessionStore, StoreResult};

/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each kind in one batch.
const BATCH: usize = 500;
/// Rest between two batches: a million rows take minutes, and nobody notices.
const REST: Duration = Duration::from_millis(100);

/// Keeps house until `stop`; `tombstone` in seconds.
pub(super) async fn keep_house(
    store: Arc<dyn SessionStore>,
    tombstone: Arc<AtomicU64>,
    stop: CancellationToken,
) {
    loop {
        let tombstone = Duration::from_secs(tombstone.load(Ordering::Relaxed));
        let pause = match round(store.as_ref(), tombstone).await {
            Ok(Housekept { more: true, .. }) => REST,
            Ok(done) => {
                if done != Housekept::default() {
                    info!(?done, "housekeeping");
                }
                EVERY
            }
            // The next round will do it.
            Err(failed) => {
                debug!(kind = failed.kind(), "housekeeping failed");
                EVERY
            }
        };
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

async fn round(store: &dyn SessionStore, tombstone: Duration) -> StoreResult<Housekept> {
    let forgotten = store.forget_legacy(tombstone, BATCH).await?;
    let mut done = store.housekeep(BATCH).await?;
    done.more |= forgotten >= BATCH as u64;
    Ok(done)
}
