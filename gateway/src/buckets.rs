//! How often something may happen for each name, in bounded memory.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DefaultKeyedStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};

use crate::config::Rate;

/// Most names that are counted one by one: about 100 bytes each.
const NAMES_MAX: usize = 100_000;

/// Too often: seconds to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) u64);

/// Buckets by name.
pub(crate) struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, Bounded<K>, DefaultClock>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Nobody has taken anything yet.
    pub(crate) fn new(rate: &Rate) -> Self {
        Self::with_room(rate, NAMES_MAX)
    }

    fn with_room(rate: &Rate, room: usize) -> Self {
        // A rate that the configuration accepts has a period; the fallback is stricter than any.
        let quota = Quota::with_period(rate.per / rate.count.get())
            .map_or(Quota::per_hour(NonZeroU32::MIN), |quota| {
                quota.allow_burst(rate.count)
            });
        let states = Bounded {
            states: DefaultKeyedStateStore::default(),
            room,
        };
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::new(quota, states, clock.clone()),
            clock,
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// When there is none left for a while.
    pub(crate) fn take(&self, name: K) -> Result<(), TooMany> {
        self.limiter.check_key(&name).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(self.clock.now());
            TooMany(
                wait.saturating_add(Duration::from_millis(999))
                    .as_secs()
                    .max(1),
            )
        })
    }

    /// Forgets whom nothing is held against any more.
    pub(crate) fn forget_idle(&self) {
        self.limiter.retain_recent();
    }
}

/// As many buckets as there is room for; `None` is the bucket of all who came when there was none. Names that arrive at the
/// same moment may exceed the room by their number.
struct Bounded<K: Hash + Eq + Clone> {
    states: DefaultKeyedStateStore<Option<K>>,
    room: usize,
}

impl<K: Hash + Eq + Clone> StateStore for Bounded<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, name: &K, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let own = Some(name.clone());
        if self.states.contains_key(&own) || self.states.len() < self.room {
            self.states.measure_and_replace(&own, judge)
        } else {
            self.states.measure_and_replace(&None, judge)
        }
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Bounded<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.states.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_known_keeps_a_bucket_of_their_own_when_there_is_no_room_for_more() {
        let rate = Rate {
            count: 2.try_into().unwrap(),
            per: Duration::from_secs(60),
        };
        let buckets = Buckets::with_room(&rate, 2);
        let spent = |name| buckets.take(name).is_ok() && buckets.take(name).is_ok();
        assert!(buckets.take("alice").is_ok());
        assert!(buckets.take("bob").is_ok());

        assert!(spent("carol"), "the shared bucket");
        assert!(buckets.take("dave").is_err(), "is empty");

        assert!(
            buckets.take("alice").is_ok(),
            "known, with one attempt left"
        );
        assert!(buckets.take("alice").is_err(), "and no more");
        assert!(buckets.take("bob").is_ok());
    }
}
