//! Redis through fred. Every command has a timeout, no command waits for a reconnect, and nothing here is trusted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, KeysInterface, PubsubInterface};
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, TlsConnector,
    UnresponsiveConfig,
};
use fred::types::{Builder, Expiration};

use self::fault::Place;
use self::login::Renewed;
use self::trouble::Trouble;
use super::{SharedCache, SharedError};
use crate::hint::{Hint, HintResult, HintStream};
use crate::secret::SecretString;
use crate::sid::SessionKey;
use crate::store::TimedOut;
use crate::trust::Refusal;

mod about;
mod condition;
mod fault;
mod hints;
mod login;
mod names;
mod options;
mod pause;
mod rights;
mod trouble;
mod url;

pub use self::about::RedisAbout;
pub use self::names::{BadKeyPrefix, KeyPrefix};
pub use self::options::RedisOptions;
pub use self::rights::RedisDenied;
pub use self::url::{BadRedisUrl, RedisUrl, Topology};

/// A connection that has not answered for this long is closed and opened again.
const UNRESPONSIVE: Duration = Duration::from_millis(1_000);
/// Commands waiting for a connection; beyond it they fail at once.
const BUFFER_MAX: usize = 1_024;

/// A client of one Redis deployment.
#[derive(Clone)]
pub struct RedisCache {
    client: Client,
    /// Settings of this client, and of those that listen for hints.
    config: Config,
    limits: Limits,
    prefix: KeyPrefix,
    place: Place,
    trouble: Trouble,
}

/// How long Redis is waited for.
#[derive(Clone, Copy, Debug)]
struct Limits {
    command: Duration,
    connect: Duration,
}

impl RedisCache {
    /// Starts connecting in the background of the current runtime. Redis may be down.
    ///
    /// # Errors
    /// When the URL cannot be used, or TLS cannot be set up.
    pub fn connect(url: &SecretString, options: RedisOptions) -> Result<Self, BadRedisUrl> {
        let limits = Limits {
            command: options.command_timeout,
            connect: options.connect_timeout,
        };
        let prefix = options.prefix.clone();
        let refusal = Refusal::default();
        let config = config(RedisUrl::read(url)?, options, &refusal)?;
        let client = Builder::from_config(config.clone())
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .with_connection_config(|connection| limits.apply(connection))
            .with_performance_config(|performance: &mut PerformanceConfig| {
                performance.default_command_timeout = limits.command;
            })
            .build()
            .map_err(|_error| BadRedisUrl::Address)?;
        let place = Place::new(config.server.hosts(), refusal);
        let trouble = Trouble::of(&client, place.clone(), limits.connect);
        // The task ends with the client; fred owns it.
        drop(client.connect());
        Ok(Self {
            client,
            config,
            limits,
            prefix,
            place,
            trouble,
        })
    }

    /// Waits for the first connection, at most `limit`. A node that serves before Redis is connected would read from
    /// the store what the shared cache already holds. The node starts anyway.
    ///
    /// # Errors
    /// Why there is no connection yet.
    pub async fn first_connection(&self, limit: Duration) -> Result<(), SharedError> {
        match tokio::time::timeout(limit, self.client.wait_for_connect()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_elapsed) => Err(match self.trouble.last(&self.client) {
                Some(cause) => SharedError::Unavailable(cause),
                None => SharedError::Timeout(trouble::connect_timeout(limit, &self.place)),
            }),
        }
    }

    /// Publishes on the channel of hints.
    async fn say(&self, payload: String) -> Result<(), SharedError> {
        let client = self.client.with_options(&self.options());
        self.within(Box::pin(client.publish(self.prefix.channel(), payload)))
            .await
    }

    fn options(&self) -> Options {
        Options {
            max_attempts: Some(1),
            timeout: Some(self.limits.command),
            fail_fast: true,
            ..Options::default()
        }
    }

    /// fred's own timeout covers a command that was sent; this one also covers waiting to send it. Calls come boxed, because
    /// fred's futures take several KB.
    async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, SharedError> {
        match tokio::time::timeout(self.limits.command, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_elapsed) => Err(self.too_slow()),
        }
    }

    fn failed(&self, error: &Error) -> SharedError {
        if *error.kind() == ErrorKind::Timeout {
            return self.too_slow();
        }
        if fault::takes_no_values(error) {
            return SharedError::Full(self.place.cause(error));
        }
        // Without a connection a command says no more than that.
        let before = self.trouble.last(&self.client);
        SharedError::Unavailable(before.unwrap_or_else(|| self.place.cause(error)))
    }

    fn too_slow(&self) -> SharedError {
        SharedError::Timeout(
            TimedOut::after(self.limits.command)
                .set_by("cache.command_timeout")
                .since(self.trouble.last(&self.client)),
        )
    }
}

/// fred's settings for `url`.
fn config(url: RedisUrl, options: RedisOptions, refusal: &Refusal) -> Result<Config, BadRedisUrl> {
    let mut config = url.config;
    // A Redis that is down at the start is retried like one that goes down later.
    config.fail_fast = false;
    if url.tls {
        let tls = options
            .trust
            .watched_client_config(refusal)
            .map_err(BadRedisUrl::Tls)?;
        config.tls = Some(TlsConnector::from(tls).into());
    }
    if let Some(login) = options.login {
        let renewed = Renewed::new(login, config.username.clone());
        if url.topology == Topology::Sentinel {
            // fred would show a provider's account to the sentinels, too.
            if let Ok((user, password)) = renewed.at_once() {
                (config.username, config.password) = (user, password);
            }
        } else {
            config.credential_provider = Some(Arc::new(renewed));
        }
    }
    Ok(config)
}

impl Limits {
    /// Limits of every connection.
    fn apply(self, connection: &mut ConnectionConfig) {
        connection.connection_timeout = self.connect;
        connection.internal_command_timeout = self.connect;
        connection.max_command_attempts = 1;
        connection.max_command_buffer_len = BUFFER_MAX;
        connection.unresponsive = UnresponsiveConfig {
            max_timeout: Some(UNRESPONSIVE),
            interval: Duration::from_millis(200),
        };
    }
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisCache(..)")
    }
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SharedError> {
        let client = self.client.with_options(&self.options());
        self.within(Box::pin(client.get(self.prefix.key(key))))
            .await
    }

    async fn put(
        &self,
        key: &SessionKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), SharedError> {
        let client = self.client.with_options(&self.options());
        let expiry = Expiration::PX(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let set = client.set(
            self.prefix.key(key),
            value.as_slice(),
            Some(expiry),
            None,
            false,
        );
        self.within(Box::pin(set)).await
    }

    async fn unlink(&self, key: &SessionKey) -> Result<(), SharedError> {
        let client = self.client.with_options(&self.options());
        self.within(Box::pin(client.unlink(self.prefix.key(key))))
            .await
    }

    async fn publish(&self, hint: Hint) -> Result<(), SharedError> {
        self.say(hints::payload(hint)).await
    }

    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        let hints = Box::pin(hints::open(self)).await?;
        Ok(Some(Box::new(hints)))
    }
}
