//! Checks regularly that the role of this node may do what a gateway must be able to do.
//!
//! Rights are given and taken by people, also while a node runs. What it is not allowed to do then fails, perhaps only
//! logins. So a node without a needed right is not ready, and says which. It goes on with what it can do.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Node;
use super::tail::{BEAT, HISTORY_TIMEOUT, within};
use crate::store::{MissingRights, Rights};

/// Time between two checks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Watches the rights of this node's role.
pub(crate) struct RightsWatch {
    pub(crate) node: Arc<Node>,
}

impl RightsWatch {
    /// Checks once per `every` until `stop`, and more often until the store has answered for the first time. A store that
    /// does not answer changes nothing: the heartbeat deals with that.
    pub(crate) async fn run(self, every: Duration, stop: CancellationToken) {
        let mut known: Option<Rights> = None;
        loop {
            if let Ok(rights) = within(HISTORY_TIMEOUT, self.node.store.rights()).await {
                self.note(known.as_ref(), &rights);
                known = Some(rights);
            }
            let pause = self.node.paced(if known.is_some() { every } else { BEAT });
            if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Logs what has changed.
    fn note(&self, known: Option<&Rights>, found: &Rights) {
        self.node.signals.set_rights(found.missing.is_empty());
        let was_missing = known.map_or(&[][..], |known| &known.missing);
        if was_missing == found.missing {
            return;
        }
        if found.missing.is_empty() {
            info!("the database role has all rights again");
        } else {
            let error = MissingRights(found.missing.clone());
            error!(%error, "not ready: rights are missing");
        }
    }
}
