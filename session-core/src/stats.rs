//! Counters of what happened. Plain atomics, which the program that uses the crate turns into metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use strum::VariantArray as _;

use crate::session::Seq;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.add_n(1);
    }

    /// Adds `n`.
    pub fn add_n(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, to: i64) {
        self.0.store(to, Ordering::Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets of a [`Spread`], in microseconds; longer times are in none.
pub const SPREAD_BOUNDS_US: [u64; 10] = [
    5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
];

/// Times, counted by how long they were.
#[derive(Debug, Default)]
pub struct Spread {
    /// Times within each bound of [`SPREAD_BOUNDS_US`] and beyond the one before.
    pub buckets: [Counter; SPREAD_BOUNDS_US.len()],
    /// All times.
    pub count: Counter,
    /// Their sum in microseconds.
    pub sum_us: Counter,
}

impl Spread {
    pub(crate) fn note(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = SPREAD_BOUNDS_US.iter().position(|bound| us <= *bound);
        if let Some(bucket) = place.and_then(|place| self.buckets.get(place)) {
            bucket.add();
        }
        self.count.add();
        self.sum_us.add_n(us);
    }
}

/// Everything that the core counts.
#[derive(Debug, Default)]
pub struct Stats {
    /// Beats that were answered and applied.
    pub beats: Counter,
    /// Beats that failed.
    pub beats_failed: Counter,
    /// Reports to the list of nodes: writes of the heartbeat.
    pub reports: Counter,
    /// Events applied.
    pub events_applied: Counter,
    /// From the commit of an event until this node had applied it; at most the length of a heartbeat too long.
    pub revocation_lag: Spread,
    /// Leases ended because the wall clock jumped (R0).
    pub clock_jumps: Counter,
    /// Look-ups whose answer no longer held right before the identity was written (R1). They were repeated.
    pub second_checks_refused: Counter,
    /// Logins refused because their user, tenant or everybody was revoked meanwhile (R8).
    pub logins_overtaken: Counter,
    /// Hints heard.
    pub hints: Counter,
    /// Heartbeats that hints brought forward.
    pub hint_wakes: Counter,
    /// Channels of hints that broke, or could not be opened.
    pub hint_channels_lost: Counter,
    /// Newest event number that the store has named.
    pub head: Gauge,
    /// Hard resets by reason; see [`ResetReason`].
    pub resets: [Counter; ResetReason::VARIANTS.len()],
    /// Values from the shared cache that were not accepted; see [`SharedReject`].
    pub shared_rejects: [Counter; SharedReject::VARIANTS.len()],
    /// Calls to the shared cache that failed or were not made because the breaker was open.
    pub shared_errors: Counter,
    /// Values that the shared cache has refused because it takes no new ones.
    pub shared_full: Counter,
    /// Reads that reached the store.
    pub store_loads: Counter,
    /// Reads of the store that failed.
    pub store_errors: Counter,
    /// Values discarded at installation because an event had overtaken them (R5).
    pub installs_refused: Counter,
    /// Cache hits that were compared with the store.
    pub samples: Counter,
    /// Cache hits that the store contradicts although every event was applied. Must stay 0.
    pub inconsistent: Counter,
    /// Activity records handed to the store.
    pub touches_written: Counter,
    /// Rounds of housekeeping that this node did.
    pub housekeeping_done: Counter,
    /// Rounds of housekeeping that were left to another node, which had the turn.
    pub housekeeping_left: Counter,
    /// Rounds of housekeeping that failed.
    pub housekeeping_failed: Counter,
    /// How long ago the oldest row ought to have been removed that is still there, in milliseconds: as of the last round of
    /// housekeeping that this node did. 0 when another node has the turn.
    pub housekeeping_overdue_ms: Gauge,
    /// Activity records lost because the queue was full.
    pub touches_dropped: Counter,
}

impl Stats {
    pub(crate) fn saw_head(&self, head: Seq) {
        self.head.set(head);
    }

    /// Hard resets for `reason`.
    #[must_use]
    pub fn reset(&self, reason: ResetReason) -> Option<&Counter> {
        self.resets.get(reason as usize)
    }

    /// Refused values of the shared cache for `reason`.
    #[must_use]
    pub fn shared_reject(&self, reason: SharedReject) -> Option<&Counter> {
        self.shared_rejects.get(reason as usize)
    }
}

/// Why a node threw away what it knew (R9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ResetReason {
    /// The store has another incarnation.
    Incarnation,
    /// The store's history is shorter than what was applied.
    HeadBackwards,
    /// The store has another event at the same number.
    EventDiffers,
    /// Events are missing between what was applied and the head.
    Gap,
    /// A standby answered.
    InRecovery,
    /// The triggers that number events are gone: what was changed since may be in no event.
    Schema,
}

impl ResetReason {
    /// Metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a value from the shared cache was not accepted (R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SharedReject {
    /// It does not open under any of our keys, or names another session.
    Forged,
    /// It opened, but it is of a form that this version does not read.
    Format,
    /// It is older than the window, of another incarnation, or an event has overtaken it.
    Outdated,
}

impl SharedReject {
    /// Metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
