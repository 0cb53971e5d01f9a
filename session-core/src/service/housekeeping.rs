//! Removes from the store what nobody needs any more: a little at a time, one node at a time, and never in a hurry.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::store::{Housekept, SessionStore};

/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(60);
/// Rows of each kind in one batch.
const BATCH: usize = 500;
/// Rest between two batches: a million rows take minutes, and nobody notices.
const REST: Duration = Duration::from_millis(100);

/// Keeps house until `stop`.
pub(super) async fn keep_house(store: Arc<dyn SessionStore>, stop: CancellationToken) {
    loop {
        let pause = match store.housekeep(BATCH).await {
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
