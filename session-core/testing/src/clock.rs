//! Time that moves when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use session_core::clock::{Boot, Clock, SharedClock, Timestamp};

/// A clock that stands still until it is advanced. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Times>);

#[derive(Debug)]
struct Times {
    boot: AtomicU64,
    wall: AtomicI64,
}

impl ManualClock {
    /// Starts at 2026-01-01 00:00 UTC, a thousand seconds after boot.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Times {
            boot: AtomicU64::new(1_000_000_000_000),
            wall: AtomicI64::new(1_767_225_600_000_000),
        }))
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.boot.fetch_add(nanos, Ordering::SeqCst);
        self.set_wall(self.wall().plus(by));
    }

    /// Sets the wall clock, as an operator or NTP would. The boot clock does not notice.
    pub fn set_wall(&self, to: Timestamp) {
        self.0.wall.store(to.as_micros(), Ordering::SeqCst);
    }

    /// The clock as it is handed to those who read it.
    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn boot(&self) -> Boot {
        Boot::from_nanos(self.0.boot.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.0.wall.load(Ordering::SeqCst))
    }
}
