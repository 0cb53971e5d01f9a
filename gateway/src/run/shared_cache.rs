//! How the gateway connects to Redis.

use session_core::cache::redis::{BadRedisUrl, RedisCache, RedisOptions};
use session_core::secret::SecretString;
use session_core::trust::TrustError;
use thiserror::Error;

use crate::config::Config;

/// What the configuration says about Redis, and cannot be used.
#[derive(Debug, Error)]
pub(crate) enum UnusableRedis {
    /// See [`BadRedisUrl`].
    #[error("cache.redis_url: {0}")]
    Url(#[from] BadRedisUrl),
    /// See [`TrustError`].
    #[error("cache.client_cert: {0}")]
    Tls(#[source] TrustError),
}

/// The Redis that the configuration names. Connects in the background.
///
/// # Errors
/// When the URL cannot be used, or what is said about TLS.
pub(crate) fn named(config: &Config) -> Result<Option<RedisCache>, UnusableRedis> {
    let named = config.cache.redis_url.as_ref();
    named.map(|redis| at(&redis.url, config)).transpose()
}

/// A Redis at `url`, spoken to as the configuration says.
///
/// # Errors
/// As [`named`].
pub(crate) fn at(url: &SecretString, config: &Config) -> Result<RedisCache, UnusableRedis> {
    let cache = &config.cache;
    let options = RedisOptions {
        command_timeout: cache.command_timeout,
        connect_timeout: cache.connect_timeout,
        trust: cache.tls.trust().map_err(UnusableRedis::Tls)?,
        login: cache.login(),
        prefix: cache.key_prefix.clone(),
    };
    Ok(RedisCache::connect(url, options)?)
}
