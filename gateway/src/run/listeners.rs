//! The listening sockets: opened before anything is started, or taken over from the process before.
//!
//! Pingora opens listeners in threads of its own, tries for half a minute, and then loses the thread. The process would
//! live on without a public port and call itself ready. So they are opened here, and Pingora gets them as it would get them
//! from another process.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, BorrowedFd, IntoRawFd as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::listeners::ListenerConfig;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::protocols::l4::stream::L4BufferSettings;
use pingora_core::server::{Fds, ListenFds, ShutdownWatch};
use pingora_core::services::Service;
use thiserror::Error;

use crate::config::ServerConfig;
use crate::state::Gateway;

/// A listener that cannot be opened.
#[derive(Debug, Error)]
#[error("{key}: cannot bind {address}: {source}")]
pub(crate) struct CannotListen {
    key: Key,
    address: SocketAddr,
    source: io::Error,
}

/// The key of the configuration that names a listener.
#[derive(Debug)]
enum Key {
    Plain(usize),
    Tls(usize),
    Admin,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(index) => write!(f, "server.listen[{index}]"),
            Self::Tls(index) => write!(f, "server.tls.listen[{index}]"),
            Self::Admin => f.write_str("server.admin_listen"),
        }
    }
}

/// All listening sockets of this process. Dropped, they close as soon as Pingora has closed its own handles.
#[derive(Debug)]
pub(crate) struct Listeners(Vec<(SocketAddr, TcpListener)>);

impl Listeners {
    /// Opens every configured listener, or takes the one of `inherited` that listens at the same address. What is left of
    /// `inherited` is closed.
    ///
    /// # Errors
    /// The first one that cannot be opened.
    pub(crate) fn open(
        server: &ServerConfig,
        mut inherited: Vec<TcpListener>,
    ) -> Result<Self, CannotListen> {
        let opened = configured(server).map(|(key, address)| {
            let is_same =
                |socket: &TcpListener| socket.local_addr().is_ok_and(|own| own == address);
            let listener = match inherited.iter().position(is_same) {
                Some(at) => Ok(inherited.swap_remove(at)),
                // The standard library sets `SO_REUSEADDR`, as Pingora does.
                None => TcpListener::bind(address),
            };
            let listener =
                listener.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
            match listener {
                Ok(listener) => Ok((address, listener)),
                Err(source) => Err(CannotListen {
                    key,
                    address,
                    source,
                }),
            }
        });
        opened.collect::<Result<_, _>>().map(Self)
    }

    /// For another process.
    pub(crate) fn handles(&self) -> Vec<BorrowedFd<'_>> {
        self.0.iter().map(|(_, socket)| socket.as_fd()).collect()
    }

    /// For Pingora, which looks for them by the addresses that it is told.
    ///
    /// # Errors
    /// When there are too few file descriptors.
    pub(crate) fn table(&self) -> io::Result<ListenFds> {
        let mut table = Fds::new();
        for (address, socket) in &self.0 {
            table.add(address.to_string(), socket.try_clone()?.into_raw_fd());
        }
        Ok(Arc::new(table.into()))
    }
}

fn configured(server: &ServerConfig) -> impl Iterator<Item = (Key, SocketAddr)> {
    let tls = server.tls.iter().flat_map(|tls| &tls.listen);
    let plain = server.listen.iter().enumerate();
    plain
        .map(|(index, address)| (Key::Plain(index), *address))
        .chain(
            tls.enumerate()
                .map(|(index, address)| (Key::Tls(index), *address)),
        )
        .chain([(Key::Admin, server.admin_listen)])
        // A fresh port each time: there is nothing to find out, and nothing to hand over.
        .filter(|(_, address)| address.port() != 0)
}

/// What is read from a client at once, in bytes. Each connection holds a buffer of that size for as long as it lives, so it is
/// no larger than most requests; bodies are read past it. Pingora's 64 KiB would be most of what a connection takes.
const READ_BUFFER: usize = 4 * 1024;
/// The same under TLS, whose records are of up to 16 KiB and are read in smaller pieces.
const TLS_READ_BUFFER: usize = 16 * 1024;

/// How Pingora serves an address, under TLS or in clear text.
pub(crate) fn listener(address: SocketAddr, tls: Option<TlsSettings>) -> ListenerConfig {
    let read_buffer = match tls {
        Some(_) => TLS_READ_BUFFER,
        None => READ_BUFFER,
    };
    let buffers = L4BufferSettings::default().read(read_buffer);
    let listener = ListenerConfig::tcp(address.to_string()).l4_buffer(buffers);
    match tls {
        Some(settings) => listener.tls(settings),
        None => listener,
    }
}

/// Longest wait for the first lease. A store that is away does not keep the gateway from serving what needs no session.
const FIRST_LEASE: Duration = Duration::from_secs(2);
/// Between two looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until the gateway can decide about sessions, for a while. Connections that come meanwhile wait in the queue of their
/// socket: a login in the first moment of the process would otherwise be told that the store is away.
async fn first_lease(gateway: &Gateway, mut shutdown: ShutdownWatch) {
    let lease = async {
        while !gateway.sessions.readiness().lease {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        // Either way it is served: without a lease as without a store.
        _waited = tokio::time::timeout(FIRST_LEASE, lease) => {}
        _ = shutdown.changed() => {}
    }
}

/// A service of Pingora on sockets that are open already.
pub(crate) struct OnOpenSockets<S> {
    /// The service.
    pub(crate) service: S,
    /// Its sockets, and perhaps others.
    pub(crate) sockets: ListenFds,
    /// The gateway whose first lease it waits for, if it does.
    pub(crate) waits_for: Option<Arc<Gateway>>,
}

#[async_trait]
impl<S: Service> Service for OnOpenSockets<S> {
    async fn start_service(
        &mut self,
        _handed_over_by_pingora: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        let sockets = Some(ListenFds::clone(&self.sockets));
        if let Some(gateway) = &self.waits_for {
            first_lease(gateway, shutdown.clone()).await;
        }
        self.service
            .start_service(sockets, shutdown, listeners_per_fd)
            .await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }
}
