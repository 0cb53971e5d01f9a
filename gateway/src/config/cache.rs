//! `[cache]`: the two tiers in front of the store, in this process and in Redis.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

pub use session_core::cache::redis::Topology as RedisTopology;

use session_core::cache::redis;
use session_core::secret::SecretString;

use super::duration::{check, hours, mins, ms, secs, show, within};
use super::reader::Reader;
use super::secret::Sources;

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
    /// How many bytes they may take, with what is kept with them.
    pub local_max_bytes: u64,
    /// How long a sid is remembered as unknown.
    pub negative_ttl: Duration,
    /// The shared tier; `None` without Redis.
    pub redis_url: Option<RedisUrl>,
    /// How long a value may stay in Redis.
    pub redis_ttl: Duration,
}

/// Where Redis is and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl {
    /// One server, a cluster, or sentinels.
    pub topology: RedisTopology,
    /// Whether the connection uses TLS.
    pub tls: bool,
    /// The URL as the operator wrote it, with its scheme.
    pub url: SecretString,
}

impl CacheConfig {
    /// Reads `[cache]`; `REDIS_URL` and `SESSION_CACHE_TTL` win over the file.
    pub(super) fn read(
        root: &mut Reader<'_>,
        sources: &Sources<'_>,
        absolute_timeout: Duration,
    ) -> Self {
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
                    .text("redis_url", |text| RedisUrl::parse(sources.url(text)?))
                    .flatten(),
                redis_ttl: cache
                    .text("redis_ttl", within(REDIS_TTL))
                    .unwrap_or(*REDIS_TTL.end()),
            }
        });
        cache.overridden(root, sources)
    }

    fn overridden(mut self, root: &Reader<'_>, sources: &Sources<'_>) -> Self {
        let document = root.document();
        let variable = |name| (sources.env)(name).filter(|value| !value.is_empty());
        if let Some(url) = variable("REDIS_URL") {
            match RedisUrl::parse(SecretString::new(url)) {
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
    fn parse(url: SecretString) -> Result<Option<Self>, String> {
        if url.is_empty() {
            return Ok(None);
        }
        let read = redis::RedisUrl::read(&url).map_err(|refused| refused.to_string())?;
        Ok(Some(Self {
            topology: read.topology,
            tls: read.tls,
            url,
        }))
    }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let millis = text.parse().map(ms).ok();
    millis.ok_or_else(|| format!("{text:?} is not a number of milliseconds"))
}
