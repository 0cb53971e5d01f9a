//! From a URL to a connection: what is asked of every server, TLS, and why none was reached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::{self, Instant};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::fault::{self, Limit};
use super::options::PostgresOptions;
use super::server::{Server, is_local};
use super::url::{BadPostgresUrl, PostgresUrl, account};
use crate::credentials::Credentials;
use crate::store::{StoreError, StoreResult};
use crate::trust::{self, TrustError};

/// A peer that acknowledges nothing for this long counts as gone.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// The server ends a transaction that is idle for this long: its client is lost, and others wait for its locks.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a store cannot be built.
#[derive(Debug, Error)]
pub enum PostgresConfigError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] BadPostgresUrl),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TrustError),
    /// The pool cannot be built.
    #[error("connection pool cannot be built")]
    Pool(#[source] deadpool::managed::BuildError),
}

/// What carries the messages of a connection.
pub(super) type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Opens connections, all alike.
#[derive(Clone)]
pub(super) struct Connector {
    servers: Arc<[Server]>,
    tls: MakeRustlsConnect,
    limit: Duration,
    credentials: Option<Arc<Credentials>>,
    /// Why the last attempt failed; `None` after one that did not.
    last_failure: Arc<Mutex<Option<String>>>,
}

impl Connector {
    pub(super) fn new(
        url: &PostgresUrl,
        options: &PostgresOptions,
    ) -> Result<Self, PostgresConfigError> {
        let config = config(url, options);
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => trust::nobody()?,
            _ => options.trust.client_config()?,
        };
        let login = options.login.clone();
        Ok(Self {
            servers: Server::each_of(&config).into(),
            tls: MakeRustlsConnect::new(tls),
            limit: options.connect_timeout,
            credentials: login.map(|login| Arc::new(Credentials::new(login, account))),
            last_failure: Arc::default(),
        })
    }

    /// A connection to the first server that takes writes. Each server has an equal share of what is left of the time, so
    /// that a silent one does not hide the next.
    pub(super) async fn connect(&self) -> StoreResult<(Client, Wire)> {
        let opened = Box::pin(self.try_each()).await;
        *self.last_failure.lock() = opened.as_ref().err().map(StoreError::cause);
        opened
    }

    /// [`Connector::connect`], with a task that carries the messages for as long as its handle is there.
    pub(super) async fn driven(&self) -> StoreResult<(Client, AbortOnDropHandle<()>)> {
        let (client, connection) = self.connect().await?;
        let driver = Handle::current().spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(cause = fault::words(&error), "a connection ended");
            }
        });
        Ok((client, AbortOnDropHandle::new(driver)))
    }

    /// Why the last attempt to connect failed.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().clone()
    }

    async fn try_each(&self) -> StoreResult<(Client, Wire)> {
        let end = Instant::now() + self.limit;
        let account = match &self.credentials {
            Some(credentials) => {
                let account = credentials.now().await.map_err(StoreError::unavailable)?;
                Some(account)
            }
            None => None,
        };
        let mut failures = Vec::with_capacity(self.servers.len());
        for (tried, server) in self.servers.iter().enumerate() {
            let left = u32::try_from(self.servers.len() - tried).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / left;
            let config = server.config_of(account.as_ref());
            let opened = time::timeout(share, config.connect(self.tls.clone())).await;
            failures.push(match opened {
                Ok(Ok(opened)) => {
                    tracing::debug!(server = server.address(), "connected to the store");
                    return Ok(opened);
                }
                Ok(Err(error)) => fault::connect_error(&error, server.peer()),
                Err(_elapsed) => {
                    let limit = Limit::set_by("store.connect_timeout", self.limit);
                    fault::connect_timeout(limit, server.address())
                }
            });
        }
        Err(self.all(failures))
    }

    /// One error of those of all servers.
    fn all(&self, mut failures: Vec<StoreError>) -> StoreError {
        let are_standbys = |failure: &StoreError| matches!(failure, StoreError::InRecovery);
        if failures.len() == 1 || failures.iter().all(are_standbys) {
            let only = failures.pop();
            return only.unwrap_or_else(|| StoreError::unavailable("no server is named"));
        }
        let told = self.servers.iter().zip(&failures).map(|(server, failure)| {
            let (address, cause) = (server.address(), failure.cause());
            if cause.contains(address) {
                cause
            } else {
                format!("{address}: {cause}")
            }
        });
        StoreError::unavailable(told.collect::<Vec<_>>().join("; "))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(..)")
    }
}

/// What is asked of every server.
fn config(url: &PostgresUrl, options: &PostgresOptions) -> tokio_postgres::Config {
    let mut config = url.config.clone();
    let settings = settings(options, config.get_options());
    config
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(options.connect_timeout)
        .tcp_user_timeout(TCP_USER_TIMEOUT)
        .options(settings);
    if config.get_application_name().is_none() {
        config.application_name("sidgate");
    }
    let is_on_this_machine = config.get_hosts().iter().all(is_local);
    if config.get_ssl_mode() == SslMode::Prefer && is_on_this_machine && options.trust.is_plain() {
        config.ssl_mode(SslMode::Disable);
    }
    config
}

/// Server settings of our connections; those of the URL come later and win. READ COMMITTED is what the rule about logins
/// (R8) and the numbering rely on. Nothing follows the last one: PgBouncer refuses options that end in a blank.
fn settings(options: &PostgresOptions, of_url: Option<&str>) -> String {
    let ours = format!(
        "-c statement_timeout={} -c idle_in_transaction_session_timeout={} -c default_transaction_isolation=read\\ committed",
        options.write_timeout.as_millis(),
        IDLE_IN_TRANSACTION_TIMEOUT.as_millis(),
    );
    match of_url {
        Some(of_url) => format!("{ours} {of_url}"),
        None => ours,
    }
}

#[cfg(test)]
mod tests;
