//! Names the concrete parts: which store, which cache, which keys. The one place beside their own files that knows the
//! drivers.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use session_core::cache::breaker::BreakerLimits;
use session_core::cache::redis::RedisCache;
use session_core::cache::{LocalLimits, SharedCache};
use session_core::clock::SystemClock;
use session_core::entropy::{self, NoEntropy, SystemEntropy};
use session_core::keys::Keyring;
use session_core::service::{Parts, Sessions, SessionsOptions};
use session_core::store::postgres::{
    Connections, PostgresConfigError, PostgresOptions, PostgresStore,
};
use session_core::store::sqlite::SqliteStore;
use session_core::store::{SchemaError, SessionStore, StoreError};
use session_core::trust::TrustError;
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::warn;

use super::listeners::CannotListen;
use super::shared_cache::{self, UnusableRedis};
use super::upgrade::UpgradeFailed;
use crate::config::{Config, Faults, MasterSource, StoreUrl};
use crate::state::active_config::{ActiveConfig, UnusableConfig};

/// Longest wait for Redis at the start.
pub(super) const REDIS_PATIENCE: Duration = Duration::from_secs(1);

/// What keeps the gateway from starting.
#[derive(Debug, Error)]
pub(crate) enum WiringError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Faults),
    /// No configuration was named, and there is none where one is looked for.
    #[error("no configuration: {0}")]
    NoConfig(String),
    /// Whoever read the output has stopped.
    #[error("nobody reads the output any more")]
    Closed,
    /// The store's URL cannot be used.
    #[error("store.url: {0}")]
    StoreUrl(#[from] PostgresConfigError),
    /// The certificates for the store cannot be used.
    #[error("store.client_cert: {0}")]
    StoreTls(#[source] TrustError),
    /// This command needs an existing master key. Only `run` and `keys generate` create one.
    #[error(
        "keys.master: the file does not exist yet: `sidgate run` creates it, or `sidgate keys generate --out FILE`"
    )]
    NoKey,
    /// The store does not exist, and this command does not create it.
    #[error("store.url: the file does not exist yet: `sidgate run` creates it")]
    NoStore,
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] CannotListen),
    /// Another process could not be replaced.
    #[error(transparent)]
    Upgrade(#[from] UpgradeFailed),
    /// This is process 1, and the process that had taken its place has ended so.
    #[error("the process that has taken the place of this one has ended with exit code {0}")]
    Followed(u8),
    /// The store did not answer, or its schema is not acceptable.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The schema is missing or old, which `sidgate schema status` tells by its exit code.
    #[error("store schema: {0}")]
    SchemaIsDue(SchemaError),
    /// A SQLite file has no roles.
    #[error("store.url: a SQLite file has no roles; whoever can open it may do everything")]
    NoRoles,
    /// A revocation that was sent and not answered.
    #[error(
        "store: {0}; it is not known whether the sessions were ended. Run the command again: that is safe"
    )]
    OutcomeUnknown(#[source] StoreError),
    /// Authorities that the environment names cannot be read.
    #[error("{0}")]
    Authorities(#[source] TrustError),
    /// An erasure that stopped on its way.
    #[error(
        "store: {0}; the sessions are ended, and it is not known whether all of the user was removed. Run the command again: that is safe"
    )]
    ErasedInPart(#[source] StoreError),
    /// An erasure that nobody was told of.
    #[error("the user is erased, and the receipt could not be written: run the command again")]
    ReceiptLost,
    /// See [`UnusableRedis`].
    #[error(transparent)]
    Redis(#[from] UnusableRedis),
    /// Something that was asked how it is has failed.
    #[error("{failed} failed")]
    Unwell {
        /// How many.
        failed: usize,
    },
    /// No randomness to make a key with.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// A key file could not be written.
    #[error("keys.master: {path} cannot be written: {source}")]
    KeyFile {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// There can be no log.
    #[error("log: {0}")]
    Log(std::io::Error),
    /// The audit trail has nowhere to go.
    #[error("audit.file: cannot be opened: {0}")]
    AuditFile(std::io::Error),
    /// The lines of requests have nowhere to go.
    #[error("access_log.file: cannot be opened: {0}")]
    AccessLogFile(std::io::Error),
    /// A value was accepted by the parser and yet cannot be used.
    #[error(transparent)]
    ActiveConfig(#[from] UnusableConfig),
    /// An HTTP client could not be made.
    #[error("http client: {0}")]
    Client(#[from] reqwest::Error),
    /// The running gateway has refused its configuration.
    #[error("{0}")]
    NotReloaded(String),
    /// A signal handler, a runtime or a metric could not be set up.
    #[error("{0}")]
    Process(String),
}

/// Reads the configuration, and writes nothing.
///
/// # Errors
/// Every fault of the file.
pub(crate) fn load(path: &Path) -> Result<Config, WiringError> {
    let config = Config::load(path, &|name| std::env::var(name).ok())?;
    ActiveConfig::check(&config)?;
    Ok(config)
}

/// The same for a process that runs with `in_use`.
///
/// # Errors
/// Every fault of the file.
pub(crate) fn load_again(path: &Path, in_use: &Config) -> Result<Config, WiringError> {
    let config = Config::load_again(path, &|name| std::env::var(name).ok(), in_use)?;
    ActiveConfig::check(&config)?;
    Ok(config)
}

/// The same for a start, which makes the master key if it is the first one of an embedded installation.
///
/// # Errors
/// Every fault of the file, or the reason why the key could not be made.
pub(crate) fn load_to_run(path: &Path) -> Result<Config, WiringError> {
    let config = load(path)?;
    match &config.keys.master {
        MasterSource::Key(_) => Ok(config),
        MasterSource::CreateAt(file) => {
            create_key_file(file)?;
            load(path)
        }
    }
}

/// Writes a new key that only its owner can read. Never overwrites one.
///
/// # Errors
/// When the file exists already or cannot be written.
pub(crate) fn create_key_file(file: &Path) -> Result<(), WiringError> {
    let key = new_key()?;
    let failed = |source| WiringError::KeyFile {
        path: file.display().to_string(),
        source,
    };
    let mut written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    written
        .write_all(format!("{key}\n").as_bytes())
        .and_then(|()| written.sync_all())
        .map_err(failed)
}

/// 32 random bytes in standard base64.
///
/// # Errors
/// Without randomness.
pub(crate) fn new_key() -> Result<String, WiringError> {
    Ok(STANDARD.encode(entropy::bytes::<32>(&SystemEntropy)?))
}

/// The keys that the configuration names.
#[must_use]
pub(crate) fn keyring(config: &Config) -> Option<Keyring> {
    match &config.keys.master {
        MasterSource::Key(master) => {
            Some(Keyring::new(master.clone(), config.keys.previous.clone()))
        }
        MasterSource::CreateAt(_) => None,
    }
}

/// The store that the configuration names. Does not wait for it to answer.
///
/// # Errors
/// When the URL cannot be used.
pub(crate) async fn store(config: &Config) -> Result<Arc<dyn SessionStore>, WiringError> {
    Ok(match &config.store.url {
        StoreUrl::Sqlite(path) => Arc::new(SqliteStore::open(path, Arc::new(SystemClock)).await?),
        StoreUrl::Postgres(_) => Arc::new(postgres(config)?),
    })
}

/// PostgreSQL, for what only it has.
///
/// # Errors
/// When the store is a file, or its URL or its certificates cannot be used.
pub(crate) fn postgres(config: &Config) -> Result<PostgresStore, WiringError> {
    match &config.store.url {
        StoreUrl::Sqlite(_) => Err(WiringError::NoRoles),
        StoreUrl::Postgres(url) => Ok(PostgresStore::new(url, postgres_options(config)?)?),
    }
}

/// How PostgreSQL is spoken to.
fn postgres_options(config: &Config) -> Result<PostgresOptions, WiringError> {
    let store = &config.store;
    Ok(PostgresOptions {
        max_connections: store.max_connections,
        acquire_timeout: store.acquire_timeout,
        connect_timeout: store.connect_timeout,
        read_timeout: store.read_timeout,
        write_timeout: store.write_timeout,
        trust: store.tls.trust().map_err(WiringError::StoreTls)?,
        login: store.login(),
        ..PostgresOptions::default()
    })
}

/// The servers that a gateway works with, each opened once.
pub(crate) struct Servers {
    store: Arc<dyn SessionStore>,
    connections: Option<Connections>,
    redis: Option<RedisCache>,
}

impl Servers {
    /// Opens them. Does not wait for them to answer.
    ///
    /// # Errors
    /// When a URL cannot be used.
    pub(crate) async fn open(config: &Config) -> Result<Self, WiringError> {
        let (store, connections): (Arc<dyn SessionStore>, _) = match &config.store.url {
            StoreUrl::Sqlite(_) => (store(config).await?, None),
            StoreUrl::Postgres(_) => {
                let store = postgres(config)?;
                let connections = store.connections();
                (Arc::new(store), Some(connections))
            }
        };
        Ok(Self {
            store,
            connections,
            redis: shared_cache::named(config)?,
        })
    }

    /// Redis, where there is one.
    pub(super) fn redis(&self) -> Option<&RedisCache> {
        self.redis.as_ref()
    }

    /// The connections of requests to the store; a file has none.
    pub(crate) fn connections(&self) -> Option<&Connections> {
        self.connections.as_ref()
    }

    /// The store.
    pub(crate) fn store(&self) -> &Arc<dyn SessionStore> {
        &self.store
    }
}

/// Checks that the store's schema is one that this version works with, and that the role has the rights that it needs.
///
/// # Errors
/// What is wrong, or why the store cannot say.
pub(crate) async fn check_store(store: &dyn SessionStore) -> Result<(), StoreError> {
    // First: without them the schema may not even be readable.
    match store.rights().await {
        // What is there instead, the check of the schema says.
        Err(StoreError::Schema(_)) => {}
        rights => rights?.accept()?,
    }
    store.check_schema().await
}

/// Whether the store is a file that the first start is yet to create.
#[must_use]
pub(crate) fn is_yet_to_create(config: &Config) -> bool {
    matches!(&config.store.url, StoreUrl::Sqlite(path) if !path.exists())
}

/// Whether the gateway may bring the schema up to date by itself.
#[must_use]
pub(crate) fn may_migrate(config: &Config) -> bool {
    matches!(config.store.url, StoreUrl::Sqlite(_)) || config.store.auto_migrate
}

/// Whether a start brings the schema into order by itself.
#[must_use]
pub(crate) fn mends(config: &Config, refused: &SchemaError) -> bool {
    may_migrate(config) && matches!(refused, SchemaError::Missing | SchemaError::Old { .. })
}

/// The running session service.
pub(crate) async fn sessions(
    config: &Config,
    keys: Arc<Keyring>,
    servers: &Servers,
    runtime: &Handle,
) -> Arc<Sessions> {
    let shared = match &servers.redis {
        Some(cache) => {
            if let Err(failed) = cache.first_connection(REDIS_PATIENCE).await {
                let (kind, cause) = (failed.kind(), failed.cause());
                warn!(kind, cause, "redis does not answer: starting without it");
            }
            Some(Arc::new(cache.clone()) as Arc<dyn SharedCache>)
        }
        None => None,
    };
    let parts = Parts {
        store: Arc::clone(&servers.store),
        shared,
        keys,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        runtime: runtime.clone(),
    };
    let options = SessionsOptions {
        local: LocalLimits {
            max_entries: config.cache.local_max_entries.get(),
            max_bytes: config.cache.sessions_max_bytes(),
        },
        local_ttl: config.cache.local_ttl,
        shared_ttl: config.cache.redis_ttl,
        negative_ttl: config.cache.negative_ttl,
        breaker: BreakerLimits {
            failures: config.cache.breaker_failures,
            max_pause: config.cache.breaker_max_pause,
        },
        migrate: may_migrate(config),
    };
    Sessions::start(parts, options)
}
