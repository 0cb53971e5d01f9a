//! Verifies the caches: a sample of hits is compared with the store.
//!
//! A difference proves nothing by itself: an event may have been committed since and not yet applied. So the comparison
//! waits until every event included in the store's answer is applied, and asks the window again. If it still believes what
//! the store contradicts, the protocol has failed, and an alarm is raised.

use std::sync::Arc;

use tracing::error;

use super::Sessions;
use crate::cache::Entry;
use crate::clock::Boot;
use crate::freshness::Node;
use crate::freshness::tail::BEAT_TIMEOUT;

/// One hit in so many is compared. A power of two.
const ONE_IN: u64 = 4_096;

impl Sessions {
    /// Compares `entry` with the store in the background, if it is picked and no other comparison is running.
    pub(super) fn sample(&self, entry: &Arc<Entry>, now: Boot) {
        // The low bits of the clock are as good as dice, and free.
        if !(now.as_nanos() >> 4).is_multiple_of(ONE_IN) {
            return;
        }
        let Ok(turn) = Arc::clone(&self.sampling).try_acquire_owned() else {
            return;
        };
        let sample = Sample {
            entry: Arc::clone(entry),
            node: Arc::clone(&self.node),
            now,
        };
        self.tasks.spawn_on(
            async move {
                sample.compare().await;
                drop(turn);
            },
            &self.runtime,
        );
    }
}

struct Sample {
    entry: Arc<Entry>,
    node: Arc<Node>,
    now: Boot,
}

impl Sample {
    async fn compare(self) {
        let session = self.entry.session();
        let Ok(snapshot) = self.node.store.load(&session.key).await else {
            return;
        };
        self.node.stats.samples.add();
        let agrees = snapshot.row.as_ref().is_some_and(|row| {
            // An end by the clock has no event; the entry checks that itself.
            row.session.revoked.is_none()
                && row.session.version == session.version
                && row
                    .mass_revoked
                    .is_none_or(|seq| row.session.created_seq >= seq)
        });
        if agrees || !self.node.signals.beat_after(self.now, BEAT_TIMEOUT).await {
            return;
        }
        if self.node.window.head() >= snapshot.as_of && self.entry.is_believed_by(&self.node.window)
        {
            self.node.stats.inconsistent.add();
            error!(session = %session.id, as_of = self.entry.as_of(), head = self.node.window.head(), "a cached session disagrees with the store");
        }
    }
}
