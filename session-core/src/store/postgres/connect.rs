//! From a URL to a connection: what is asked of every server, TLS, and why none was reached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
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
use crate::credentials::{Account, Credentials};
use crate::store::{NamedServer, StoreError, StoreResult};
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

/// A new connection.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) wire: Wire,
    /// Which of the servers it leads to.
    pub(super) server: usize,
}

impl Opened {
    /// A task of its own carries the messages.
    pub(super) fn drive(self) -> (Client, usize, JoinHandle<()>) {
        let driver = Handle::current().spawn(async move {
            if let Err(error) = self.wire.await {
                tracing::debug!(cause = fault::words(&error), "a connection ended");
            }
        });
        (self.client, self.server, driver)
    }
}

/// A connection whose messages are carried for as long as this value is there.
pub(super) struct Driven {
    pub(super) client: Client,
    /// Which of the servers it leads to.
    pub(super) server: usize,
    pub(super) driver: AbortOnDropHandle<()>,
}

/// Opens connections, all alike.
#[derive(Clone)]
pub(super) struct Connector {
    servers: Arc<[Server]>,
    /// Which of them took writes last. It is asked first, and connections to others are given up: after a fail-over they
    /// lead to a server that is dead, or that is the primary no more.
    primary: Arc<watch::Sender<usize>>,
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
            primary: Arc::new(watch::Sender::new(0)),
            tls: MakeRustlsConnect::new(tls),
            limit: options.connect_timeout,
            credentials: login.map(|login| Arc::new(Credentials::new(login, account))),
            last_failure: Arc::default(),
        })
    }

    /// A connection to the first server that takes writes, from the one that did last. Each server has an equal share of
    /// what is left of the time, so that a silent one does not hide the next.
    pub(super) async fn connect(&self) -> StoreResult<Opened> {
        let opened = Box::pin(self.try_each()).await;
        *self.last_failure.lock() = opened.as_ref().err().map(StoreError::cause);
        opened
    }

    /// [`Connector::connect`], with a task that carries the messages.
    pub(super) async fn driven(&self) -> StoreResult<Driven> {
        let (client, server, driver) = self.connect().await?.drive();
        Ok(Driven {
            client,
            server,
            driver: AbortOnDropHandle::new(driver),
        })
    }

    /// Whether no other server has been found to take writes since this one was.
    pub(super) fn is_primary(&self, server: usize) -> bool {
        *self.primary.borrow() == server
    }

    /// Waits until another server is found to take writes.
    pub(super) async fn succeeded(&self, server: usize) {
        let mut primary = self.primary.subscribe();
        // This value holds the sender, so waiting cannot fail.
        let _other = primary.wait_for(|primary| *primary != server).await;
    }

    /// Why the last attempt to connect failed.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().clone()
    }

    async fn try_each(&self) -> StoreResult<Opened> {
        let end = Instant::now() + self.limit;
        let account = self.account().await?;
        let mut failures = Vec::with_capacity(self.servers.len());
        for (tried, number) in self.order().enumerate() {
            let Some(server) = self.servers.get(number) else {
                break;
            };
            let left = u32::try_from(self.servers.len() - tried).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / left;
            match self.open(server, account.as_ref(), share).await {
                Ok((client, wire)) => {
                    self.found(number);
                    return Ok(Opened {
                        client,
                        wire,
                        server: number,
                    });
                }
                Err(failure) => failures.push(failure),
            }
        }
        Err(self.all(failures))
    }

    async fn account(&self) -> StoreResult<Option<Account>> {
        match &self.credentials {
            Some(credentials) => {
                let account = credentials.now().await.map_err(StoreError::unavailable)?;
                Ok(Some(account))
            }
            None => Ok(None),
        }
    }

    async fn open(
        &self,
        server: &Server,
        account: Option<&Account>,
        share: Duration,
    ) -> StoreResult<(Client, Wire)> {
        let config = server.config_of(account);
        match time::timeout(share, config.connect(self.tls.clone())).await {
            Ok(opened) => opened.map_err(|error| fault::connect_error(&error, server.peer())),
            Err(_elapsed) => {
                let limit = Limit::set_by("store.connect_timeout", self.limit);
                Err(fault::connect_timeout(limit, server.address()))
            }
        }
    }

    /// What each server says of itself.
    pub(super) async fn ask_each(&self) -> StoreResult<Vec<NamedServer>> {
        let account = self.account().await?;
        let asked = self.servers.iter().map(async |server| NamedServer {
            address: server.address().to_owned(),
            takes_writes: match self.open(server, account.as_ref(), self.limit).await {
                Ok(_opened) => Ok(true),
                Err(StoreError::InRecovery) => Ok(false),
                Err(failure) => Err(failure),
            },
        });
        Ok(join_all(asked).await)
    }

    /// The numbers of the servers, from the one that took writes last.
    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let first = *self.primary.borrow();
        let all = self.servers.len();
        (first..all).chain(0..first.min(all))
    }

    /// A server takes writes.
    fn found(&self, number: usize) {
        let address = self.servers.get(number).map(Server::address);
        tracing::debug!(server = address, "connected to the store");
        let is_another = self
            .primary
            .send_if_modified(|primary| std::mem::replace(primary, number) != number);
        if is_another {
            tracing::info!(server = address, "another server of the store takes writes");
        }
    }

    /// One error of those of all servers, in the order in which they were asked.
    fn all(&self, mut failures: Vec<StoreError>) -> StoreError {
        let are_standbys = |failure: &StoreError| matches!(failure, StoreError::InRecovery);
        if failures.len() == 1 || failures.iter().all(are_standbys) {
            let only = failures.pop();
            return only.unwrap_or_else(|| StoreError::unavailable("no server is named"));
        }
        let asked = self.order().filter_map(|number| self.servers.get(number));
        let told = asked.zip(&failures).map(|(server, failure)| {
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
