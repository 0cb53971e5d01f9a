//! A circuit breaker: stops asking a dependency that keeps failing, and lets one probe at a time find out whether it is
//! back. Pure but for its mutex; time comes in as an argument.
//!
//! It opens after [`BreakerLimits::failures`] failures in a row, or when at least half of [`SAMPLE_MIN`] or more calls within
//! [`SAMPLE_WINDOW`] failed. It stays open for one second, doubling up to
//! [`BreakerLimits::max_pause`] while probes fail, each shortened
//! by up to a fifth so that nodes do not probe in step. A probe that never reports back is given up after
//! [`PROBE_TIMEOUT`]: a hanging probe must not keep the breaker half-open for ever.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Boot;

/// Fewest calls in the window for which the share of failures counts.
pub const SAMPLE_MIN: u32 = 20;
/// Length of the window.
pub const SAMPLE_WINDOW: Duration = Duration::from_secs(10);
/// After this long a probe without a result counts as failed.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
const OPEN_FIRST: Duration = Duration::from_secs(1);

/// When a breaker opens, and for how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Failures in a row that open it.
    pub failures: u32,
    /// The longest time that it stays open between two probes.
    pub max_pause: Duration,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self {
            failures: 5,
            max_pause: Duration::from_secs(30),
        }
    }
}

/// State, as shown to operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// No calls.
    Open,
    /// One probe is under way.
    HalfOpen,
}

/// Counts failures and decides whether a call may be made now.
#[derive(Debug)]
pub struct Breaker {
    limits: BreakerLimits,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    circuit: Circuit,
    row: u32,
    calls: u32,
    failures: u32,
    window_start: Boot,
    open_for: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Circuit {
    Closed,
    Open { until: Boot },
    Probing { since: Boot },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new(BreakerLimits::default())
    }
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(limits: BreakerLimits) -> Self {
        Self {
            limits,
            inner: Mutex::new(Inner {
                circuit: Circuit::Closed,
                row: 0,
                calls: 0,
                failures: 0,
                window_start: Boot::default(),
                open_for: OPEN_FIRST,
            }),
        }
    }

    /// Whether a call may be made now. A `true` must be followed by [`Breaker::report`].
    #[must_use]
    pub fn admit(&self, now: Boot) -> bool {
        let mut inner = self.inner.lock();
        let due = match inner.circuit {
            Circuit::Closed => return true,
            Circuit::Open { until } => now >= until,
            Circuit::Probing { since } => now.since(since) >= PROBE_TIMEOUT,
        };
        if due {
            inner.circuit = Circuit::Probing { since: now };
        }
        due
    }

    /// Reports how an admitted call went. `jitter` is any random byte. Whether this has closed the breaker.
    pub fn report(&self, now: Boot, ok: bool, jitter: u8) -> bool {
        let mut inner = self.inner.lock();
        match (inner.circuit, ok) {
            // The call began before the breaker opened: its late result is ignored.
            (Circuit::Open { .. }, _) => {}
            (Circuit::Probing { .. }, true) => {
                inner.close(now);
                return true;
            }
            (Circuit::Probing { .. }, false) => {
                inner.open_for = (inner.open_for * 2).min(self.limits.max_pause);
                inner.open(now, jitter);
            }
            (Circuit::Closed, ok) => {
                inner.count(now, ok);
                let half = inner.calls >= SAMPLE_MIN && inner.failures * 2 >= inner.calls;
                if inner.row >= self.limits.failures || half {
                    inner.open(now, jitter);
                }
            }
        }
        false
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.inner.lock().circuit {
            Circuit::Closed => BreakerState::Closed,
            Circuit::Open { .. } => BreakerState::Open,
            Circuit::Probing { .. } => BreakerState::HalfOpen,
        }
    }
}

impl Inner {
    fn count(&mut self, now: Boot, ok: bool) {
        if now.since(self.window_start) >= SAMPLE_WINDOW {
            (self.window_start, self.calls, self.failures) = (now, 0, 0);
        }
        self.calls += 1;
        if ok {
            self.row = 0;
        } else {
            self.row += 1;
            self.failures += 1;
        }
    }

    fn open(&mut self, now: Boot, jitter: u8) {
        let shortened = self.open_for - self.open_for * u32::from(jitter) / (5 * 256);
        self.circuit = Circuit::Open {
            until: now.plus(shortened),
        };
    }

    fn close(&mut self, now: Boot) {
        self.circuit = Circuit::Closed;
        (self.row, self.calls, self.failures) = (0, 0, 0);
        (self.window_start, self.open_for) = (now, OPEN_FIRST);
    }
}

#[cfg(test)]
mod tests;
