//! Looks now and then whether the triggers that number events are still on.
//!
//! Somebody may disable them, for example to load a dump. Sessions then change without an event, and the heartbeat sees
//! nothing of it.
//! So a node that finds them off stops serving until they are on again, and then believes nothing that it knew.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Node;
use super::tail::{HISTORY_TIMEOUT, within};
use crate::stats::ResetReason;
use crate::store::{SchemaError, StoreError};

/// Time between two looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Watches the schema of a store.
pub(crate) struct Guard {
    pub(crate) node: Arc<Node>,
}

impl Guard {
    /// Looks every so often until `stop`. Acts on a missing trigger or schema only. The heartbeat deals with a store that is silent. A
    /// schema newer than this program is accepted here: another node was upgraded, and this one goes on.
    pub(crate) async fn run(self, every: Duration, stop: CancellationToken) {
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            if let Err(StoreError::Schema(
                refused @ (SchemaError::Trigger(_) | SchemaError::Missing),
            )) = within(HISTORY_TIMEOUT, self.node.store.check_schema()).await
            {
                self.raise(&refused);
            }
        }
    }

    fn raise(&self, refused: &SchemaError) {
        if !self.node.signals.doubts() {
            error!(error = %refused, "events are not numbered any more: this node stops serving");
            if let Some(counter) = self.node.stats.reset(ResetReason::Schema) {
                counter.add();
            }
        }
        self.node.signals.doubt_schema();
        self.node.lease.revoke();
    }
}

#[cfg(test)]
mod tests;
