//! Removes expired rows from the store, in small batches and on one node at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::freshness::Node;
use crate::store::{Housekept, SessionStore, StoreResult};

/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each kind in one batch.
const BATCH: usize = 500;
/// Pause between two batches: a million rows take minutes, and other work goes on.
const REST: Duration = Duration::from_millis(100);

/// How long a network is remembered after its last login.
pub const NETWORKS_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How long old logins are remembered after their sessions, unless configured otherwise.
const TOMBSTONE: Duration = Duration::from_secs(180 * 86_400);
/// How long sightings are kept, unless configured otherwise.
const SIGHTINGS_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// How long rows are kept, in seconds. May change while the service runs.
#[derive(Debug)]
pub(super) struct Retention {
    /// Old logins after their sessions.
    pub(super) tombstone: AtomicU64,
    /// Sightings of sessions.
    pub(super) sightings: AtomicU64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            tombstone: AtomicU64::new(TOMBSTONE.as_secs()),
            sightings: AtomicU64::new(SIGHTINGS_KEPT.as_secs()),
        }
    }
}

/// Runs housekeeping until `stop`.
pub(super) async fn keep_house(
    node: Arc<Node>,
    retention: Arc<Retention>,
    stop: CancellationToken,
) {
    loop {
        let pause = match round(node.store.as_ref(), &retention).await {
            Ok(Housekept { taken: true, .. }) => {
                node.stats.housekeeping_left.add();
                EVERY
            }
            Ok(done) => {
                node.stats.housekeeping_done.add();
                if done != Housekept::default() {
                    info!(?done, "housekeeping");
                }
                if done.more { REST } else { EVERY }
            }
            // The next round will do it.
            Err(failed) => {
                node.stats.housekeeping_failed.add();
                debug!(
                    kind = failed.kind(),
                    cause = failed.cause(),
                    "housekeeping failed"
                );
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
