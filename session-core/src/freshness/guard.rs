//! Looks now and then whether the triggers that number events are still on.
//!
//! Somebody who disables them, to load a dump perhaps, changes sessions that no event names, and no heartbeat would tell.
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
    /// Looks every so often until `stop`. A store that does not answer is the heartbeat's concern, and so is a schema that is
    /// newer than this program: another node has been upgraded, which must not stop the others.
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
