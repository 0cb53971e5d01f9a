//! Until when a node may serve from its caches without hearing from the store (R1, R2).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Boot;

/// Length of a lease, counted from the moment the heartbeat that earned it was sent. The store has it too
/// (`sidgate_clock.lease_ms`), so that others know how long to wait.
pub const LEASE: Duration = Duration::from_secs(2);

/// The end of the current lease on the boot clock. Starts out ended.
#[derive(Debug, Default)]
pub struct Lease {
    end: AtomicU64,
}

impl Lease {
    /// Whether the lease holds at `now`.
    ///
    /// Loads with `Acquire`: whoever sees a lease also sees every event that was applied before it was extended.
    #[must_use]
    pub fn holds(&self, now: Boot) -> bool {
        now < self.end()
    }

    /// The end.
    #[must_use]
    pub fn end(&self) -> Boot {
        Boot::from_nanos(self.end.load(Ordering::Acquire))
    }

    /// Extends the lease after a heartbeat sent at `sent` was applied.
    pub(crate) fn extend(&self, sent: Boot) {
        self.end
            .store(sent.plus(LEASE).as_nanos(), Ordering::Release);
    }

    /// Ends it at once (R0, R9).
    pub(crate) fn revoke(&self) {
        self.end.store(0, Ordering::Release);
    }
}
