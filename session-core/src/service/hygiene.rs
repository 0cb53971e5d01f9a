//! Drops cached sessions that events and hints name.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cache::{Local, Tiers};
use crate::freshness::Listener;
use crate::sid::SessionKey;
use crate::stats::ResetReason;
use crate::store::{Event, Subject};

/// Drops the cached sessions that events and hints name.
pub(super) struct Hygiene {
    pub(super) local: Arc<Local>,
    pub(super) unlink: mpsc::Sender<SessionKey>,
}

impl Listener for Hygiene {
    fn hinted(&self, key: &SessionKey) {
        self.local.forget(key);
    }

    fn applied(&self, event: &Event) {
        if let Subject::Session(key) = event.subject {
            self.local.forget(&key);
            // A full queue leaves the value to expire; its `as_of` keeps it from being believed.
            let _full = self.unlink.try_send(key);
        }
    }

    fn reset(&self, _reason: ResetReason) {
        self.local.clear();
    }
}

/// Removes the queued keys from the shared cache. Ends when the heartbeat and the followers of
/// hints, which own the sender, have ended.
pub(super) async fn unlink_all(tiers: Arc<Tiers>, mut keys: mpsc::Receiver<SessionKey>) {
    while let Some(key) = keys.recv().await {
        tiers.unlink_shared(&key).await;
    }
}
