//! Checks regularly that the triggers that number events are enabled.
//!
//! An operator may disable them, for example to load a dump. Sessions then change without an event, and the heartbeat
//! cannot notice. So a node that finds them disabled stops serving until they are enabled again, and then drops its
//! caches.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Node;
use super::tail::{HISTORY_TIMEOUT, within};
use crate::stats::ResetReason;
use crate::store::{SchemaError, StoreError};

/// Time between two checks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Watches the schema of a store.
pub(crate) struct Guard {
    pub(crate) node: Arc<Node>,
}

impl Guard {
    /// Checks once per `every` until `stop`. Acts only on a missing trigger or schema and on a pooler that does not do: the
    /// heartbeat deals with a silent store. A schema newer than this program is accepted here: another node was upgraded, and this one goes
    /// on.
    pub(crate) async fn run(self, every: Duration, stop: CancellationToken) {
        let every = self.node.paced(every);
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            if let Err(StoreError::Schema(
                refused @ (SchemaError::Trigger(_)
                | SchemaError::Missing
                | SchemaError::Pooler
                | SchemaError::Isolation(_)),
            )) = within(HISTORY_TIMEOUT, self.node.store.check_schema()).await
            {
                self.raise(&refused);
            }
        }
    }

    fn raise(&self, refused: &SchemaError) {
        if !self.node.signals.doubts() {
            error!(error = %refused, "the store is not to be believed any more: this node stops serving");
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
