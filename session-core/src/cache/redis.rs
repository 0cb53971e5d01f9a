//! Redis through fred. Every command has a timeout, no command waits for a reconnect, and nothing here is trusted.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface, PubsubInterface};
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, Server,
    UnresponsiveConfig,
};
use fred::types::{Builder, Expiration};
use thiserror::Error;

use super::{SharedCache, SharedError};
use crate::hint::{Hint, HintResult, HintStream};
use crate::secret::SecretString;
use crate::sid::SessionKey;

mod condition;
mod hints;

/// Longest wait for one command.
pub const COMMAND_TIMEOUT: Duration = Duration::from_millis(50);
/// A connection that has not answered for this long is closed and opened again.
const UNRESPONSIVE: Duration = Duration::from_millis(1_000);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Commands waiting for a connection; beyond it they fail at once.
const BUFFER_MAX: usize = 1_024;

/// A client of one Redis deployment.
#[derive(Clone)]
pub struct RedisCache {
    client: Client,
    /// Settings of this client, and of those that listen for hints.
    config: Config,
}

/// fred cannot read the URL. The message leaves it out, because it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "not a usable Redis URL; host and port must be right, and a sentinel URL needs ?sentinelServiceName="
)]
pub struct BadRedisUrl;

/// Checks that [`RedisCache::connect`] can use `url`. A configuration is checked as a whole before anything is started.
///
/// # Errors
/// When it cannot.
pub fn check_url(url: &SecretString) -> Result<(), BadRedisUrl> {
    parse(url).map(drop)
}

/// Whether all servers that `url` names are on this machine. `false` when `url` does not parse.
#[must_use]
pub fn is_local(url: &SecretString) -> bool {
    let is_local = |server: &Server| {
        let host: &str = &server.host;
        let address = host.trim_matches(['[', ']']).parse();
        host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
    };
    parse(url).is_ok_and(|config| config.server.hosts().iter().all(is_local))
}

fn parse(url: &SecretString) -> Result<Config, BadRedisUrl> {
    Config::from_url(url.expose()).map_err(|_error| BadRedisUrl)
}

impl RedisCache {
    /// Parses `url` and starts connecting in the background of the current runtime. Redis may be down.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn connect(url: &SecretString) -> Result<Self, BadRedisUrl> {
        let mut config = parse(url)?;
        // A Redis that is down at the start is retried like one that goes down later.
        config.fail_fast = false;
        let client = Builder::from_config(config.clone())
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .with_connection_config(limit)
            .with_performance_config(|performance: &mut PerformanceConfig| {
                performance.default_command_timeout = COMMAND_TIMEOUT;
            })
            .build()
            .map_err(|_error| BadRedisUrl)?;
        // The task ends with the client; fred owns it.
        drop(client.connect());
        Ok(Self { client, config })
    }

    /// Waits for the first connection, at most `limit`. A node that serves before Redis is connected would read from
    /// the store what the shared cache already holds. `false` when there is no connection yet; the node starts anyway.
    pub async fn first_connection(&self, limit: Duration) -> bool {
        let connected = tokio::time::timeout(limit, self.client.wait_for_connect()).await;
        matches!(connected, Ok(Ok(())))
    }

    /// Publishes on the channel of hints.
    async fn say(&self, payload: String) -> Result<(), SharedError> {
        let client = self.client.with_options(&Self::options());
        within(Box::pin(client.publish(hints::CHANNEL, payload))).await
    }

    fn options() -> Options {
        Options {
            max_attempts: Some(1),
            timeout: Some(COMMAND_TIMEOUT),
            fail_fast: true,
            ..Options::default()
        }
    }
}

/// Limits of every connection.
fn limit(connection: &mut ConnectionConfig) {
    connection.connection_timeout = CONNECT_TIMEOUT;
    connection.internal_command_timeout = CONNECT_TIMEOUT;
    connection.max_command_attempts = 1;
    connection.max_command_buffer_len = BUFFER_MAX;
    connection.unresponsive = UnresponsiveConfig {
        max_timeout: Some(UNRESPONSIVE),
        interval: Duration::from_millis(200),
    };
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisCache(..)")
    }
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SharedError> {
        let client = self.client.with_options(&Self::options());
        within(Box::pin(client.get(name(key)))).await
    }

    async fn put(
        &self,
        key: &SessionKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), SharedError> {
        let client = self.client.with_options(&Self::options());
        let expiry = Expiration::PX(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        within(Box::pin(client.set(
            name(key),
            value.as_slice(),
            Some(expiry),
            None,
            false,
        )))
        .await
    }

    async fn unlink(&self, key: &SessionKey) -> Result<(), SharedError> {
        let client = self.client.with_options(&Self::options());
        within(Box::pin(client.unlink(name(key)))).await
    }

    async fn publish(&self, hint: Hint) -> Result<(), SharedError> {
        self.say(hints::payload(hint)).await
    }

    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        let hints = Box::pin(hints::open(self)).await?;
        Ok(Some(Box::new(hints)))
    }
}

/// fred's own timeout covers a command that was sent; this one also covers waiting to send it. Calls come boxed, because fred's
/// futures take several KB.
async fn within<T>(
    call: impl Future<Output = Result<T, fred::error::Error>> + Send,
) -> Result<T, SharedError> {
    match tokio::time::timeout(COMMAND_TIMEOUT, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if *error.kind() == fred::error::ErrorKind::Timeout => {
            Err(SharedError::Timeout)
        }
        Ok(Err(_error)) => Err(SharedError::Unavailable),
        Err(_elapsed) => Err(SharedError::Timeout),
    }
}

/// `sidgate:1:` and the session key in hex. The key is a keyed digest, which is useless for logging in.
fn name(key: &SessionKey) -> String {
    format!(
        "sidgate:1:{}",
        blake3::Hash::from_bytes(*key.as_bytes()).to_hex()
    )
}
