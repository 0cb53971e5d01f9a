//! How often somebody may try to log in: per account, and per client.
//!
//! Both are asked before the backend is, so that guessing costs the guesser and not the app. Nobody can lock a victim out
//! of a device that the victim has logged in from: a browser that presents a sid of that very account, live or ended, is
//! not held to the account's limit (OWASP calls this a device cookie). Memory is bounded: when too many names are known,
//! new ones share one bucket, and those that are known keep their own (see `buckets`).

use std::net::IpAddr;

use crate::buckets::{Buckets, TooMany};
use crate::config::LoginLimitsConfig;
use crate::edge::client_ip::limit_key;

/// Attempts so far.
pub(crate) struct LoginLimits {
    config: LoginLimitsConfig,
    accounts: Buckets<[u8; 32]>,
    clients: Buckets<IpAddr>,
}

impl LoginLimits {
    /// Nobody has tried anything yet.
    pub(crate) fn new(config: &LoginLimitsConfig) -> Self {
        Self {
            config: config.clone(),
            accounts: Buckets::new(&config.per_account),
            clients: Buckets::new(&config.per_client),
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
}
