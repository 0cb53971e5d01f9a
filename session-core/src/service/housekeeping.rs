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
/// The same while the oldest row is overdue by more than [`BEHIND`].
const SHORT_REST: Duration = Duration::from_millis(10);
/// From here on housekeeping hurries: more rows become due than it removes.
const BEHIND: Duration = Duration::from_secs(600);
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
                node.stats.housekeeping_overdue_ms.set(0);
                pause_of_all(&node).await
            }
            Ok(done) => {
                node.stats.housekeeping_done.add();
                let overdue = i64::try_from(done.overdue.as_millis()).unwrap_or(i64::MAX);
                node.stats.housekeeping_overdue_ms.set(overdue);
                if done != Housekept::default() {
                    info!(?done, "housekeeping");
                }
                match rest_after(&done) {
                    Some(rest) => rest,
                    None => pause_of_all(&node).await,
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

/// How long to rest before the next batch. `None`: nothing is left.
fn rest_after(done: &Housekept) -> Option<Duration> {
    let is_behind = done.overdue > BEHIND;
    done.more
        .then_some(if is_behind { SHORT_REST } else { REST })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_hurries_when_it_is_behind_and_rests_when_nothing_is_left() {
        let after = |more, minutes: u64| {
            rest_after(&Housekept {
                more,
                overdue: Duration::from_secs(60 * minutes),
                ..Housekept::default()
            })
        };
        assert_eq!(after(false, 0), None);
        // Rows that somebody holds: there is no other batch.
        assert_eq!(after(false, 11), None);
        assert_eq!(after(true, 1), Some(REST));
        assert_eq!(after(true, 11), Some(SHORT_REST));
    }
}
