//! How far one value has been checked against the window.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::session::Seq;

/// What the window has found out about one value, kept beside it.
#[derive(Debug, Default)]
pub struct Standing {
    /// The window's epoch when the value was accepted: numbers of different epochs cannot be compared.
    pub(super) epoch: u64,
    /// Number of the last event included in the snapshot that the value was read from.
    pub(super) as_of: Seq,
    /// Last event against which the value was checked.
    checked: AtomicI64,
    /// The window's tick at that check; equal ticks mean that nothing was applied since.
    tick: AtomicU64,
}

impl Standing {
    /// Standing of a value that was just checked against every event up to `checked`.
    pub(super) fn new(epoch: u64, as_of: Seq, checked: Seq, tick: u64) -> Self {
        Self {
            epoch,
            as_of,
            checked: AtomicI64::new(checked),
            tick: AtomicU64::new(tick),
        }
    }

    /// Number of the last event included in the snapshot that the value was read from.
    #[must_use]
    pub fn as_of(&self) -> Seq {
        self.as_of
    }

    pub(super) fn checked(&self) -> Seq {
        self.checked.load(Ordering::Acquire)
    }

    pub(super) fn tick(&self) -> u64 {
        self.tick.load(Ordering::Acquire)
    }

    /// Notes that no event up to `checked` speaks against the value.
    pub(super) fn confirm(&self, checked: Seq, tick: u64) {
        // `checked` before `tick`: a reader that sees the new tick must also see `checked`.
        self.checked.fetch_max(checked, Ordering::AcqRel);
        self.tick.store(tick, Ordering::Release);
    }
}
