//! What happened, counted. Plain atomics: whoever runs the crate turns them into metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

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

/// Everything that the core counts.
#[derive(Debug, Default)]
pub struct Stats {
    /// Beats that were answered and applied.
    pub beats: Counter,
    /// Beats that failed.
    pub beats_failed: Counter,
    /// Events applied.
    pub events_applied: Counter,
    /// Hints heard.
    pub hints: Counter,
    /// Heartbeats that hints brought forward.
    pub hint_wakes: Counter,
    /// Channels of hints that broke, or could not be opened.
    pub hint_channels_lost: Counter,
    /// Newest event number that the store has named.
    pub head: Gauge,
    /// Hard resets by reason; see [`ResetReason`].
    pub resets: [Counter; ResetReason::ALL.len()],
    /// Values from the shared cache that were not accepted; see [`SharedReject`].
    pub shared_rejects: [Counter; SharedReject::ALL.len()],
    /// Calls to the shared cache that failed or were not made because the breaker was open.
    pub shared_errors: Counter,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// The store says that it is another one.
    Incarnation,
    /// The store's history is shorter than what was applied.
    HeadBackwards,
    /// The store has another event at the same number.
    EventDiffers,
    /// Events are missing between what was applied and the head.
    Gap,
    /// A standby answered.
    InRecovery,
}

impl ResetReason {
    /// All of them, in order of their discriminants.
    pub const ALL: [Self; 5] = [
        Self::Incarnation,
        Self::HeadBackwards,
        Self::EventDiffers,
        Self::Gap,
        Self::InRecovery,
    ];

    /// Metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incarnation => "incarnation",
            Self::HeadBackwards => "head_backwards",
            Self::EventDiffers => "event_differs",
            Self::Gap => "gap",
            Self::InRecovery => "in_recovery",
        }
    }
}

/// Why a value from the shared cache was not accepted (R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedReject {
    /// It does not open under any of our keys, or names another session.
    Forged,
    /// It opened, but it is of a form that this version does not read.
    Format,
    /// It is older than the window, of another incarnation, or an event has overtaken it.
    Outdated,
}

impl SharedReject {
    /// All of them, in order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Forged, Self::Format, Self::Outdated];

    /// Metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Format => "format",
            Self::Outdated => "outdated",
        }
    }
}
