//! Security events that anybody can cause are written at a bounded rate.
//!
//! A refused request costs its sender nothing, so a flood of them must not fill the disk or push out the events that
//! matter. Of each kind so many are written in a step of time; the others are counted, and one line at the end of the
//! step says how many there were. Events that somebody has to prove something for are written without exception.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strum::VariantArray as _;

/// Events of one kind that are written in a step.
const IN_A_STEP: u64 = 100;

/// Lines about handshakes that failed, in a step. They have the cause, and no other line has.
const HANDSHAKE_LINES: u64 = 20;

/// How long a step is.
pub(crate) const STEP: Duration = Duration::from_secs(5);

/// A kind of event that is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Flood {
    /// Somebody without permission asked for the admin API.
    AdminRefused,
    /// A request of another site was refused.
    CrossSite,
    /// A request was refused at the edge.
    Refused,
    /// A client sent names that only the gateway may write.
    Spoof,
    /// Too many sids of one client were no sessions.
    UnknownSids,
}

/// What has come of one kind.
struct Count {
    most: u64,
    in_this_step: AtomicU64,
    left_out: AtomicU64,
}

impl Count {
    const fn new(most: u64) -> Self {
        Self {
            most,
            in_this_step: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    fn admits(&self) -> bool {
        let admitted = self.in_this_step.fetch_add(1, Ordering::Relaxed) < self.most;
        if !admitted {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Begins another step; returns how many were left out in the last one.
    fn next_step(&self) -> u64 {
        let came = self.in_this_step.swap(0, Ordering::Relaxed);
        came.saturating_sub(self.most)
    }
}

/// One for each kind, in their order. Static, because events are noted from everywhere, as log lines are.
static COUNTS: [Count; Flood::VARIANTS.len()] =
    [const { Count::new(IN_A_STEP) }; Flood::VARIANTS.len()];

static HANDSHAKES: Count = Count::new(HANDSHAKE_LINES);

/// Whether one more line may be written about a handshake that failed. The handshakes themselves are counted.
pub(crate) fn admits_handshake_line() -> bool {
    HANDSHAKES.admits()
}

impl Flood {
    /// Whether one more is written. Counts it as left out if not.
    pub(crate) fn admits(self) -> bool {
        self.count().is_none_or(Count::admits)
    }

    fn count(self) -> Option<&'static Count> {
        COUNTS.get(self as usize)
    }
}

/// How many events were left out since the process began.
pub(crate) fn left_out() -> Vec<(&'static str, u64)> {
    let counts = Flood::VARIANTS.iter().zip(&COUNTS);
    counts
        .map(|(kind, count)| ((*kind).into(), count.left_out.load(Ordering::Relaxed)))
        .collect()
}

/// The end of a step: the kinds of which some were left out in it, and how many.
pub(crate) fn next_step() -> impl Iterator<Item = (&'static str, u64)> {
    HANDSHAKES.next_step();
    let counts = Flood::VARIANTS.iter().zip(&COUNTS);
    counts
        .map(|(kind, count)| ((*kind).into(), count.next_step()))
        .filter(|(_, left_out)| *left_out > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_admitted_in_each_step_and_the_others_counted() {
        let count = Count::new(IN_A_STEP);
        for step in 1..=2 {
            let admitted = (0..IN_A_STEP + 7).filter(|_| count.admits()).count();
            assert_eq!(u64::try_from(admitted), Ok(IN_A_STEP));
            assert_eq!(count.next_step(), 7);
            assert_eq!(count.left_out.load(Ordering::Relaxed), 7 * step);
        }
        assert!(count.admits());
        assert_eq!(count.next_step(), 0);
    }
}
