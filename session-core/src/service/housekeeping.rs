//! Removes expired rows from the store, in small batches and on one node at a time.
//!
//! All nodes together do a round about once a minute: each pauses the longer, the more nodes there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::receipt::SEEN_WITHIN;
use crate::freshness::Node;
use crate::store::{Housekept, SessionStore, StoreResult};

/// Time between two rounds of all nodes together.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each kind in one batch.
const BATCH: usize = 500;
/// Pause between two batches: a million rows take minutes, and other work goes on.
const REST: Duration = Duration::from_millis(100);
/// More nodes than this do more rounds.
const NODES_MAX: usize = 30;

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
                pause_of_all(&node).await
            }
            Ok(done) => {
                node.stats.housekeeping_done.add();
                if done != Housekept::default() {
                    info!(?done, "housekeeping");
                }
                if done.more {
                    REST
                } else {
                    pause_of_all(&node).await
                }
            }
            // The next round will do it.
            Err(failed) => {
                node.stats.housekeeping_failed.add();
                debug!(
                    kind = failed.kind(),
                    cause = failed.cause(),
                    "housekeeping failed"
                );
                node.paced(EVERY)
            }
        };
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// Until this node's next round.
async fn pause_of_all(node: &Node) -> Duration {
    let listed = node.store.nodes(SEEN_WITHIN).await;
    let nodes = listed.map_or(1, |nodes| nodes.len().clamp(1, NODES_MAX));
    node.paced(EVERY * u32::try_from(nodes).unwrap_or(1))
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
