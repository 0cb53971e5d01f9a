//! How the gateway connects to Redis.

use session_core::cache::redis::{RedisCache, RedisOptions};
use session_core::secret::SecretString;

use super::wiring::WiringError;
use crate::config::Config;

/// The Redis that the configuration names. Connects in the background.
///
/// # Errors
/// When the URL cannot be used.
pub(crate) fn named(config: &Config) -> Result<Option<RedisCache>, WiringError> {
    let named = config.cache.redis_url.as_ref();
    named.map(|redis| at(&redis.url, config)).transpose()
}

/// A Redis at `url`, spoken to as the configuration says. Fails when the URL cannot be used.
pub(crate) fn at(url: &SecretString, config: &Config) -> Result<RedisCache, WiringError> {
    Ok(RedisCache::connect(url, redis_options(config)?)?)
}

/// How Redis is spoken to.
fn redis_options(config: &Config) -> Result<RedisOptions, WiringError> {
    let cache = &config.cache;
    Ok(RedisOptions {
        command_timeout: cache.command_timeout,
        connect_timeout: cache.connect_timeout,
        trust: cache.tls.trust().map_err(WiringError::RedisTls)?,
        login: cache.login(),
        prefix: cache.key_prefix.clone(),
    })
}
