//! `[cache]`: the two tiers in front of the store, in this process and in Redis.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

pub use session_core::cache::redis::Topology as RedisTopology;

use session_core::cache::breaker::BreakerLimits;
use session_core::cache::redis::{self, KeyPrefix, RedisOptions};
use session_core::credentials::Login;
use session_core::secret::SecretString;

use super::client_tls::ClientTls;
use super::duration::{check, hours, mins, ms, secs, show, within};
use super::file::Document;
use super::reader::Reader;
use super::secret::Sources;
use super::secret_file::{Password, SecretFile, is_same_place};

/// A Redis value lives at most 30 minutes. Events decide whether it is still valid, and they are kept little longer.
const REDIS_TTL: RangeInclusive<Duration> = secs(1)..=mins(30);

const DEFAULT_LOCAL_TTL: Duration = mins(5);
const DEFAULT_LOCAL_ENTRIES: usize = 100_000;
const MAX_LOCAL_ENTRIES: usize = 100_000_000;

const DEFAULT_LOCAL_BYTES: u64 = 256 << 20;
const LOCAL_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 40;

/// Caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// How long a session may be served from this process without asking again.
    pub local_ttl: Duration,
    /// How many sessions this process remembers.
    pub local_max_entries: NonZeroUsize,
    /// How many bytes they may take, with what is made of them for apps.
    pub local_max_bytes: u64,
    /// How long a sid is remembered as unknown.
    pub negative_ttl: Duration,
    /// The shared tier; `None` without Redis.
    pub redis_url: Option<RedisUrl>,
    /// What stands in front of all names in Redis.
    pub key_prefix: KeyPrefix,
    /// How long a value may stay in Redis.
    pub redis_ttl: Duration,
    /// The password of Redis, when it does not stand in the URL.
    pub password: Option<Password>,
    /// Certificates for Redis.
    pub tls: ClientTls,
    /// How long a command may take.
    pub command_timeout: Duration,
    /// How long opening a connection to Redis may take.
    pub connect_timeout: Duration,
    /// Failures in a row after which Redis is left alone for a while.
    pub breaker_failures: u32,
    /// The longest such while.
    pub breaker_max_pause: Duration,
}

/// Where Redis is and how to talk to it.
#[derive(Debug, Clone)]
pub struct RedisUrl {
    /// One server, a cluster, or sentinels.
    pub topology: RedisTopology,
    /// Whether the connection uses TLS.
    pub tls: bool,
    /// The URL as the operator wrote it, with its scheme.
    pub url: SecretString,
    /// The file that holds the whole URL. User and password in it are read again for each new connection.
    pub file: Option<SecretFile>,
}

/// Behind an unchanged file, another account is not another URL.
impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && is_same_place(&self.url, &other.url, self.file.as_ref())
    }
}

impl Eq for RedisUrl {}

impl CacheConfig {
    /// How much of [`CacheConfig::local_max_bytes`] is for what apps are told about sessions in use: a quarter.
    #[must_use]
    pub const fn badges_max_bytes(&self) -> u64 {
        self.local_max_bytes / 4
    }

    /// How much of it is for the sessions themselves: the rest.
    #[must_use]
    pub const fn sessions_max_bytes(&self) -> u64 {
        self.local_max_bytes - self.badges_max_bytes()
    }

    /// Reads `[cache]`; `REDIS_URL` and `SESSION_CACHE_TTL` win over the file.
    pub(super) fn read(
        root: &mut Reader<'_>,
        sources: &Sources<'_>,
        absolute_timeout: Duration,
    ) -> Self {
        let (redis, breaker) = (RedisOptions::default(), BreakerLimits::default());
        let cache = root.section("cache", |cache| {
            let local_ttl = cache.text("local_ttl", within(ms(1)..=hours(24)));
            if local_ttl.is_some_and(|ttl| ttl > absolute_timeout) {
                let message = format!(
                    "is longer than session.absolute_timeout ({})",
                    show(absolute_timeout)
                );
                cache
                    .document()
                    .contradiction(&["cache.local_ttl", "session.absolute_timeout"], message);
            }
            Self {
                local_ttl: local_ttl.unwrap_or(DEFAULT_LOCAL_TTL.min(absolute_timeout)),
                local_max_entries: cache
                    .number("local_max_entries", 1..=MAX_LOCAL_ENTRIES)
                    .and_then(NonZeroUsize::new)
                    .unwrap_or(NonZeroUsize::MIN.saturating_add(DEFAULT_LOCAL_ENTRIES - 1)),
                local_max_bytes: cache
                    .size("local_max_bytes", LOCAL_BYTES)
                    .unwrap_or(DEFAULT_LOCAL_BYTES),
                negative_ttl: cache
                    .text("negative_ttl", within(ms(1)..=mins(1)))
                    .unwrap_or(secs(5)),
                redis_url: cache
                    .reference("redis_url", |text| {
                        RedisUrl::parse(sources.url(text)?, sources.file_of_url(text))
                    })
                    .flatten(),
                key_prefix: cache
                    .text("key_prefix", |text| {
                        KeyPrefix::parse(text).map_err(|refused| refused.to_string())
                    })
                    .unwrap_or_default(),
                redis_ttl: cache
                    .text("redis_ttl", within(REDIS_TTL))
                    .unwrap_or(*REDIS_TTL.end()),
                password: cache.reference("password", |text| sources.password(text)),
                tls: ClientTls::read(cache, sources),
                command_timeout: cache
                    .text("command_timeout", within(ms(1)..=secs(2)))
                    .unwrap_or(redis.command_timeout),
                connect_timeout: cache
                    .text("connect_timeout", within(ms(50)..=secs(10)))
                    .unwrap_or(redis.connect_timeout),
                breaker_failures: cache
                    .number("breaker_failures", 1..=1_000)
                    .unwrap_or(breaker.failures),
                breaker_max_pause: cache
                    .text("breaker_max_pause", within(secs(1)..=mins(10)))
                    .unwrap_or(breaker.max_pause),
            }
        });
        let cache = cache.overridden(root, sources);
        cache.check(root.document());
        cache
    }

    /// What contradicts the URL.
    fn check(&self, document: &Document<'_>) {
        let say = |key: &str, message: &str| {
            document.contradiction(&[&format!("cache.{key}"), "cache.redis_url"], message);
        };
        let tls = self.tls.some_key();
        let prefix = Some("key_prefix").filter(|_| !self.key_prefix.is_empty());
        let set = self.password.as_ref().map(|_| "password").or(tls);
        let set = set.or(prefix);
        let Some(redis) = &self.redis_url else {
            if let Some(key) = set {
                say(key, "means nothing without cache.redis_url");
            }
            return;
        };
        if let Ok(url) = redis::RedisUrl::read(&redis.url) {
            match (self.password.is_some(), url.has_password()) {
                (true, true) => say(
                    "password",
                    "is also in cache.redis_url; leave one of them out",
                ),
                (false, false) if url.has_user() => say(
                    "redis_url",
                    "names a user and no password; Redis logs nobody in without one",
                ),
                (true, false) | (false, _) => {}
            }
        }
        if let Some(key) = tls
            && !redis.tls
        {
            say(
                key,
                "has no effect: only a rediss:// URL in cache.redis_url asks for TLS",
            );
        }
        if let Some((key, message)) = self.tls.contradiction() {
            document.contradiction(
                &[
                    &format!("cache.{key}"),
                    "cache.ca",
                    "cache.client_cert",
                    "cache.client_key",
                    "cache.redis_url",
                ],
                message,
            );
        }
    }

    /// Who logs in, where that is not simply what the URL says.
    #[must_use]
    pub fn login(&self) -> Option<Login> {
        let file = self.redis_url.as_ref().and_then(|url| url.file.as_ref());
        match (&self.password, file) {
            (Some(password), _) => Some(Login::Password(Arc::new(password.clone()))),
            (None, Some(file)) => Some(Login::Url(Arc::new(file.clone()))),
            (None, None) => None,
        }
    }

    fn overridden(mut self, root: &Reader<'_>, sources: &Sources<'_>) -> Self {
        let document = root.document();
        let variable = |name| (sources.env)(name).filter(|value| !value.is_empty());
        if let Some(url) = variable("REDIS_URL") {
            match RedisUrl::parse(SecretString::new(url), None) {
                Ok(url) => self.redis_url = url,
                Err(message) => document.outside("REDIS_URL", message),
            }
        }
        if let Some(ttl) = variable("SESSION_CACHE_TTL") {
            match milliseconds(&ttl).and_then(|ttl| check(ttl, &REDIS_TTL)) {
                Ok(ttl) => self.redis_ttl = ttl,
                Err(message) => document.outside("SESSION_CACHE_TTL", message),
            }
        }
        self
    }
}

impl RedisUrl {
    /// Reads a URL; an empty one means that there is no Redis.
    fn parse(url: SecretString, file: Option<SecretFile>) -> Result<Option<Self>, String> {
        if url.is_empty() {
            return Ok(None);
        }
        let read = redis::RedisUrl::read(&url).map_err(|refused| refused.to_string())?;
        Ok(Some(Self {
            topology: read.topology,
            tls: read.tls,
            url,
            file,
        }))
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let millis = text.parse().map(ms).ok();
    millis.ok_or_else(|| format!("{text:?} is not a number of milliseconds"))
}
