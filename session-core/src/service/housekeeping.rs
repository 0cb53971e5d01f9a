//! Removes from the store what nobody needs any more: a little at a time, one node at a time, and never in a hurry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::logins::NETWORKS_KEPT;
use crate::stats::Stats;
use crate::store::{Housekept, SessionStore, StoreResult};

/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each kind in one batch.
const BATCH: usize = 500;
/// Rest between two batches: a million rows take minutes, and nobody notices.
const REST: Duration = Duration::from_millis(100);

/// How long things are kept, in seconds; changed while the service runs.
#[derive(Debug)]
pub(super) struct Retention {
    /// Old logins after their sessions.
    pub(super) tombstone: AtomicU64,
    /// Where sessions were used.
    pub(super) sightings: AtomicU64,
}

/// Keeps house until `stop`.
pub(super) async fn keep_house(
    store: Arc<dyn SessionStore>,
    retention: Arc<Retention>,
    stats: Arc<Stats>,
    stop: CancellationToken,
) {
    loop {
        let pause = match round(store.as_ref(), &retention).await {
            Ok(Housekept { taken: true, .. }) => {
                stats.housekeeping_left.add();
                EVERY
            }
            Ok(done) => {
                stats.housekeeping_done.add();
                if done != Housekept::default() {
                    info!(?done, "housekeeping");
                }
                if done.more { REST } else { EVERY }
            }
            // The next round will do it.
            Err(failed) => {
                stats.housekeeping_failed.add();
                debug!(kind = failed.kind(), "housekeeping failed");
                EVERY
            }
        };
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

async fn round(store: &dyn SessionStore, retention: &Retention) -> StoreResult<Housekept> {
    let seconds = |kept: &AtomicU64| Duration::from_secs(kept.load(Ordering::Relaxed));
    let logins = store
        .forget_legacy(seconds(&retention.tombstone), BATCH)
        .await?;
    let sightings = store
        .forget_sightings(seconds(&retention.sightings), BATCH)
        .await?;
    let networks = store.forget_logins(NETWORKS_KEPT, BATCH).await?;
    let mut done = store.housekeep(BATCH).await?;
    done.more |= !done.taken && logins.max(sightings).max(networks) >= BATCH as u64;
    Ok(done)
}
