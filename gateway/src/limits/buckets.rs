//! How often something may happen for each name, in bounded memory.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DefaultKeyedStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};

use crate::config::Rate;

/// Most names that are counted one by one: at about 100 bytes each, 10 MB.
const NAMES_MAX: usize = 100_000;

/// Too often: seconds to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) u64);

/// Buckets by name. Names have a fixed size: text of a client is kept as a digest of it.
pub(crate) struct Buckets<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    limiter: RateLimiter<Option<K>, States<K>, C, NoOpMiddleware<C::Instant>>,
    states: States<K>,
    room: usize,
    clock: C,
    /// Time after which one unit is refilled.
    period: Duration,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Creates it empty.
    pub(crate) fn new(rate: &Rate) -> Self {
        Self::with_clock(rate, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Buckets<K, C> {
    /// [`Buckets::new`] by another clock.
    pub(crate) fn with_clock(rate: &Rate, clock: C) -> Self
    where
        C: Clone,
    {
        let period = rate.per / rate.count.get();
        // A rate that the configuration accepts has a period; the fallback is stricter than any.
        let quota = Quota::with_period(period).map_or(Quota::per_hour(NonZeroU32::MIN), |quota| {
            quota.allow_burst(rate.count)
        });
        let states = States(Arc::default());
        Self {
            limiter: RateLimiter::new(quota, states.clone(), clock.clone()),
            states,
            room: NAMES_MAX,
            clock,
            period,
        }
    }

    /// Takes one unit for good.
    ///
    /// # Errors
    /// [`TooMany`] with the seconds to wait, when the bucket is empty.
    pub(crate) fn take(&self, name: K) -> Result<(), TooMany> {
        self.take_from(&self.bucket(name))
    }

    /// Takes one unit that is given back unless it is spent: see [`Reserved`].
    ///
    /// # Errors
    /// [`TooMany`] with the seconds to wait, when the bucket is empty.
    pub(crate) fn reserve(self: &Arc<Self>, name: K) -> Result<Reserved<K, C>, TooMany> {
        let bucket = self.bucket(name);
        self.take_from(&bucket)?;
        Ok(Reserved {
            buckets: Arc::clone(self),
            bucket,
            spent: false,
        })
    }

    /// Drops buckets that are full again.
    pub(crate) fn forget_idle(&self) {
        self.limiter.retain_recent();
    }

    /// The bucket of `name`. `None` is the common bucket of all names that came when there was no room. Names that
    /// arrive at the same moment may exceed the room by their number.
    fn bucket(&self, name: K) -> Option<K> {
        let own = Some(name);
        let has_room = self.states.0.contains_key(&own) || self.states.0.len() < self.room;
        own.filter(|_| has_room)
    }

    fn take_from(&self, bucket: &Option<K>) -> Result<(), TooMany> {
        self.limiter.check_key(bucket).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(self.clock.now());
            TooMany(
                wait.saturating_add(Duration::from_millis(999))
                    .as_secs()
                    .max(1),
            )
        })
    }

    /// A bucket that is full stays so: the state is the time at which it will be full again.
    fn give_back(&self, bucket: &Option<K>) {
        let earlier = |full_at: Option<Nanos>| {
            let full_at = full_at.unwrap_or_default();
            Ok::<_, std::convert::Infallible>((
                (),
                full_at.saturating_sub(Nanos::from(self.period)),
            ))
        };
        let Ok(()) = self.states.measure_and_replace(bucket, earlier);
    }
}

/// One that was taken and is given back when this is dropped, unless it was [spent](Reserved::spend).
#[must_use]
pub(crate) struct Reserved<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    buckets: Arc<Buckets<K, C>>,
    bucket: Option<K>,
    spent: bool,
}

impl<K: Hash + Eq + Clone, C: Clock> Reserved<K, C> {
    /// Keeps the unit: it is not given back.
    pub(crate) fn spend(mut self) {
        self.spent = true;
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Drop for Reserved<K, C> {
    fn drop(&mut self) {
        if !self.spent {
            self.buckets.give_back(&self.bucket);
        }
    }
}

/// The limiter's memory, held here as well because the limiter has no way to give a unit back.
struct States<K: Hash + Eq + Clone>(Arc<DefaultKeyedStateStore<Option<K>>>);

impl<K: Hash + Eq + Clone> Clone for States<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> StateStore for States<K> {
    type Key = Option<K>;

    fn measure_and_replace<T, F, E>(&self, bucket: &Option<K>, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(bucket, judge)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<Option<K>> for States<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
