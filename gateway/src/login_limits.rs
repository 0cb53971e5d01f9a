//! How often somebody may try to log in: per account, and per client.
//!
//! Both are asked before the backend is, so that guessing costs the guesser and not the app. Nobody can lock a victim out
//! of a device that the victim has logged in from: a browser that presents a sid of that very account, live or ended, is
//! not held to the account's limit (OWASP calls this a device cookie). Memory is bounded: when too many names are known,
//! new ones share one bucket, and those that are known keep their own.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DefaultKeyedStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};

use crate::config::{LoginLimitsConfig, Rate};
use crate::edge::client_ip::limit_key;

/// Most accounts, and most clients, whose attempts are counted one by one: about 100 bytes each.
const NAMES_MAX: usize = 100_000;

/// Attempts so far.
pub(crate) struct LoginLimits {
    config: LoginLimitsConfig,
    accounts: Buckets<[u8; 32]>,
    clients: Buckets<IpAddr>,
}

/// Too many attempts: seconds to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) u64);

impl LoginLimits {
    /// Nobody has tried anything yet.
    pub(crate) fn new(config: &LoginLimitsConfig) -> Self {
        Self {
            config: config.clone(),
            accounts: Buckets::new(&config.per_account, NAMES_MAX),
            clients: Buckets::new(&config.per_client, NAMES_MAX),
        }
    }

    /// Whether these limits are those of `config`, so that a reload need not forget what was counted.
    pub(crate) fn are(&self, config: &LoginLimitsConfig) -> bool {
        self.config == *config
    }

    /// Counts an attempt of a client; an IPv6 client is its /64.
    ///
    /// # Errors
    /// When it has to wait.
    pub(crate) fn client(&self, ip: IpAddr) -> Result<(), TooMany> {
        self.clients.take(limit_key(ip))
    }

    /// Counts an attempt on an account. Only a digest of its name is kept.
    ///
    /// # Errors
    /// When it has to wait.
    pub(crate) fn account(&self, name: &str) -> Result<(), TooMany> {
        self.accounts
            .take(*blake3::hash(name.trim().to_lowercase().as_bytes()).as_bytes())
    }

    /// Forgets whom nothing is held against any more. Called now and then.
    pub(crate) fn forget_idle(&self) {
        self.accounts.limiter.retain_recent();
        self.clients.limiter.retain_recent();
    }
}

impl std::fmt::Debug for LoginLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLimits")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, Bounded<K>, DefaultClock>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(rate: &Rate, room: usize) -> Self {
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

    fn take(&self, name: K) -> Result<(), TooMany> {
        self.limiter.check_key(&name).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(self.clock.now());
            TooMany(
                wait.saturating_add(Duration::from_millis(999))
                    .as_secs()
                    .max(1),
            )
        })
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

    fn limits(per_account: u32, per_client: u32) -> LoginLimits {
        let rate = |count: u32| Rate {
            count: count.try_into().unwrap(),
            per: Duration::from_secs(60),
        };
        LoginLimits::new(&LoginLimitsConfig {
            per_account: rate(per_account),
            per_client: rate(per_client),
        })
    }

    #[test]
    fn an_account_is_limited_in_any_spelling_and_others_are_not() {
        let limits = limits(2, 10);
        assert!(limits.account("a@x").is_ok());
        assert!(limits.account(" A@X ").is_ok());
        let TooMany(seconds) = limits.account("a@x").unwrap_err();
        assert!((1..=30).contains(&seconds), "{seconds}");
        assert!(limits.account("b@x").is_ok());
    }

    #[test]
    fn a_client_is_its_64() {
        let limits = limits(10, 1);
        assert!(limits.client("2001:db8::1".parse().unwrap()).is_ok());
        assert!(limits.client("2001:db8::2".parse().unwrap()).is_err());
        assert!(limits.client("2001:db8:0:1::1".parse().unwrap()).is_ok());
        assert!(limits.client("192.0.2.1".parse().unwrap()).is_ok());
    }

    #[test]
    fn who_is_known_keeps_a_bucket_of_their_own_when_there_is_no_room_for_more() {
        let rate = Rate {
            count: 2.try_into().unwrap(),
            per: Duration::from_secs(60),
        };
        let buckets = Buckets::new(&rate, 2);
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
