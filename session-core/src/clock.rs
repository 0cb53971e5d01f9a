//! The only place that reads time.
//!
//! Deadlines are measured on `CLOCK_BOOTTIME` ([`Boot`]): it goes on while a machine is suspended, which
//! `std::time::Instant` does not, and nobody can set it. Wall time ([`Timestamp`]) is for people and for what is
//! stored. [`StoreTime`], an upper bound of the database's own clock, decides whether a session has expired. So a node
//! whose wall clock is wrong can end a session early but never extend it (DESIGN 5, R0 and R10).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved later by `by`; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}

/// Nanoseconds on `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Boot(u64);

impl Boot {
    /// From nanoseconds since boot.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since boot.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant moved later by `by`; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    fn micros(self) -> i64 {
        i64::try_from(self.0 / 1_000).unwrap_or(i64::MAX)
    }
}

/// Whole milliseconds; saturates.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Where time comes from. Handed in, so that tests decide what time it is.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now on `CLOCK_BOOTTIME`.
    fn boot(&self) -> Boot;
    /// Now on the wall clock.
    fn wall(&self) -> Timestamp;
}

/// A clock that many parts share.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn boot(&self) -> Boot {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
        Boot(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    fn wall(&self) -> Timestamp {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Timestamp(
            now.tv_sec
                .saturating_mul(1_000_000)
                .saturating_add(now.tv_nsec / 1_000),
        )
    }
}

/// An upper bound of the store's clock, kept current by the heartbeat.
///
/// A heartbeat sent at `sent` that answers "it is `store_now`" proves that the store read its clock no earlier than
/// `sent`. Counting on from there with the boot clock therefore never lags behind the store.
#[derive(Debug, Default)]
pub struct StoreTime {
    /// Microseconds to add to a boot instant.
    offset: AtomicI64,
}

impl StoreTime {
    /// Sets the bound from a heartbeat.
    pub fn learn(&self, sent: Boot, store_now: Timestamp) {
        self.offset
            .store(store_now.0.saturating_sub(sent.micros()), Ordering::Release);
    }

    /// The latest that the store's clock can show at `at`.
    #[must_use]
    pub fn upper(&self, at: Boot) -> Timestamp {
        // One microsecond more, because `sent` was rounded down.
        Timestamp(
            at.micros()
                .saturating_add(self.offset.load(Ordering::Acquire))
                .saturating_add(1),
        )
    }
}

fn micros(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
