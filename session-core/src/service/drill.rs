//! Faults that a node makes on purpose and for a short time, so that whoever will be on call sees what they do.
//!
//! Each ends by itself in this process. Whoever began it may be gone by then.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Sessions;

impl Sessions {
    /// Sends no heartbeat for `limit`. The lease then runs out as if the store were silent.
    pub fn hold_heartbeat(&self, limit: Duration) {
        let until = self.node.clock.boot().plus(limit);
        self.node.pause.hold_until(until);
    }

    /// Takes every place for a read of other tiers for `limit`. What this process holds is served as ever.
    pub fn occupy_flights(&self, limit: Duration) {
        let ended = self.stop.child_token();
        self.replace_occupation(ended.clone());
        let over = async move {
            // Whichever comes first.
            drop(tokio::time::timeout(limit, ended.cancelled()).await);
        };
        self.tasks
            .spawn_on(self.flights.occupy(over), &self.runtime);
    }

    /// Ends both now.
    pub fn end_drill(&self) {
        self.node.pause.end();
        self.replace_occupation(CancellationToken::new());
    }

    fn replace_occupation(&self, next: CancellationToken) {
        std::mem::replace(&mut *self.occupation.lock(), next).cancel();
    }
}
