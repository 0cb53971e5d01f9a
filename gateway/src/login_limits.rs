//! How often somebody may try to log in, per account and per client; and how many may at once.
//!
//! Both are asked before the backend is, so that guessing costs the guesser and not the app. Nobody can lock a victim out
//! of a device that the victim has logged in from: a browser that presents a sid of that very account, live or ended, is
//! not held to the account's limit (OWASP calls this a device cookie). Memory is bounded: when too many names are known,
//! new ones share one bucket, and those that are known keep their own (see `buckets`).
//!
//! After everybody was logged out, everybody logs in. Checking a password is the most expensive thing that an app does, so
//! only so many are asked of it at once; a few more wait, and the rest is told to come back, not all at the same time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::buckets::{Buckets, TooMany};
use crate::config::LoginLimitsConfig;
use crate::edge::client_ip::limit_key;

/// Attempts so far.
pub(crate) struct LoginLimits {
    config: LoginLimitsConfig,
    accounts: Buckets<[u8; 32]>,
    clients: Buckets<IpAddr>,
    /// For those who are being judged or wait for it.
    places: Arc<Semaphore>,
    /// For those who are being judged.
    turns: Arc<Semaphore>,
}

/// How many wait for each that is judged.
const WAITING: usize = 4;

/// Leave to ask the backend, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl LoginLimits {
    /// Nobody has tried anything yet.
    pub(crate) fn new(config: &LoginLimitsConfig) -> Self {
        Self {
            config: config.clone(),
            accounts: Buckets::new(&config.per_account),
            clients: Buckets::new(&config.per_client),
            places: Arc::new(Semaphore::new(config.max_concurrent.get() * (1 + WAITING))),
            turns: Arc::new(Semaphore::new(config.max_concurrent.get())),
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

    /// Waits until the backend may be asked, at most for `patience`; `None` when that is over, or too many wait already.
    pub(crate) async fn turn(&self, patience: Duration) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(patience, turn).await.ok()?.ok()?;
        Some(Turn {
            _place: place,
            _turn: turn,
        })
    }

    /// Forgets whom nothing is held against any more. Called now and then.
    pub(crate) fn forget_idle(&self) {
        self.accounts.forget_idle();
        self.clients.forget_idle();
    }
}

impl std::fmt::Debug for LoginLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLimits")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Rate;

    fn limits(per_account: u32, per_client: u32) -> LoginLimits {
        let rate = |count: u32| Rate {
            count: count.try_into().unwrap(),
            per: Duration::from_secs(60),
        };
        LoginLimits::new(&LoginLimitsConfig {
            per_account: rate(per_account),
            per_client: rate(per_client),
            max_concurrent: std::num::NonZeroUsize::MIN,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_judged_four_wait_and_the_next_is_sent_away() {
        let limits = Arc::new(limits(10, 10));
        let patience = Duration::from_secs(3);
        let first = limits.turn(patience).await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING {
            let limits = Arc::clone(&limits);
            waiting.spawn(async move { limits.turn(patience).await.is_some() });
        }
        tokio::task::yield_now().await;
        assert!(limits.turn(Duration::MAX).await.is_none(), "no place");
        drop(first);
        while let Some(waited) = waiting.join_next().await {
            assert!(waited.unwrap());
        }
        let _held = limits.turn(patience).await.unwrap();
        assert!(limits.turn(patience).await.is_none(), "no patience left");
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
}
