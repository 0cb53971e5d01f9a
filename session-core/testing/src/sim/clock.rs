//! Clocks over tokio's paused time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use session_core::clock::{Boot, Clock, Timestamp};

/// 2026-01-01 00:00 UTC.
const EPOCH: i64 = 1_767_225_600_000_000;
/// What the boot clock shows at the start.
const UP: u64 = 1_000_000_000_000;

/// The boot clock is the same for everybody, as it only measures spans; the wall clock is everybody's own.
#[derive(Debug)]
pub struct SimClock {
    start: Instant,
    skew: AtomicI64,
}

impl SimClock {
    /// A clock that agrees with every other one made with the same `start`.
    #[must_use]
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            skew: AtomicI64::new(0),
        }
    }

    /// Moves the wall clock by so many microseconds.
    pub fn jump(&self, micros: i64) {
        self.skew.fetch_add(micros, Ordering::Relaxed);
    }

    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }
}

impl Clock for SimClock {
    fn boot(&self) -> Boot {
        Boot::from_nanos(UP).plus(self.elapsed())
    }

    fn wall(&self) -> Timestamp {
        let skew = self.skew.load(Ordering::Relaxed);
        Timestamp::from_micros(EPOCH.saturating_add(skew)).plus(self.elapsed())
    }
}
