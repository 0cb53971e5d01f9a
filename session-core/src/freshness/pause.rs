//! A heartbeat that is held back on purpose, so that people see what a node does without one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Boot;

/// Until when a node sends no heartbeat. It is over by itself: nobody has to be there to end it.
#[derive(Debug, Default)]
pub struct Pause {
    /// Boot nanoseconds. 0: there is none.
    until: AtomicU64,
    ended: Notify,
}

impl Pause {
    /// Holds heartbeats back until then. A beat that is under way goes on.
    pub fn hold_until(&self, until: Boot) {
        self.until.store(until.as_nanos(), Ordering::Release);
    }

    /// Ends it now.
    pub fn end(&self) {
        self.until.store(0, Ordering::Release);
        self.ended.notify_one();
    }

    /// How long it still lasts. `None`: heartbeats are sent.
    #[must_use]
    pub fn left(&self, now: Boot) -> Option<Duration> {
        let until = Boot::from_nanos(self.until.load(Ordering::Acquire));
        Some(until.since(now)).filter(|left| !left.is_zero())
    }

    /// Waits until it is ended, at most `left`.
    pub(super) async fn over(&self, left: Duration) {
        // Either way it is time to look again.
        drop(tokio::time::timeout(left, self.ended.notified()).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Boot {
        Boot::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn it_is_over_by_itself() {
        let pause = Pause::default();
        assert_eq!(pause.left(at(1)), None);
        pause.hold_until(at(5));
        assert_eq!(pause.left(at(2)), Some(Duration::from_secs(3)));
        assert_eq!(pause.left(at(5)), None);
        assert_eq!(pause.left(at(6)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_hears_of_its_end() {
        let pause = Pause::default();
        pause.hold_until(at(3_600));
        let began = tokio::time::Instant::now();
        tokio::join!(pause.over(Duration::from_secs(3_600)), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            pause.end();
        });
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        assert_eq!(pause.left(at(1)), None);
    }
}
