//! The listening sockets: opened before anything is started, or taken over from the process before.
//!
//! Pingora opens listeners in threads of its own, tries for half a minute, and then loses the thread. The process would
//! live on without a public port and call itself ready. So they are opened here, and Pingora gets them as it would get them
//! from another process.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, IntoRawFd as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use pingora_core::listeners::ListenerConfig;
use pingora_core::protocols::l4::stream::L4BufferSettings;
use pingora_core::server::{Fds, ListenFds};
use thiserror::Error;
use tracing::warn;

use super::sockets::{Inherited, Socket};
use super::unix_socket::SocketFile;
use crate::authz::listener::Socket as OfEdges;
use crate::config::{Config, ListenAddress};

/// A listener that cannot be opened.
#[derive(Debug, Error)]
#[error("{key}: cannot bind {address}: {source}")]
pub(crate) struct CannotListen {
    key: Key,
    address: ListenAddress,
    source: io::Error,
}

/// The key of the configuration that names a listener.
#[derive(Debug)]
enum Key {
    Plain(usize),
    Tls(usize),
    Admin,
    Authz(usize),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(index) => write!(f, "server.listen[{index}]"),
            Self::Tls(index) => write!(f, "server.tls.listen[{index}]"),
            Self::Admin => f.write_str("server.admin_listen"),
            Self::Authz(index) => write!(f, "authz.listen[{index}]"),
        }
    }
}

/// One listener of this process.
#[derive(Debug)]
struct Open {
    address: ListenAddress,
    socket: Socket,
    /// Whether the service manager keeps it.
    is_kept: bool,
    /// What is to be removed in the end.
    file: Option<SocketFile>,
}

/// All listening sockets of this process. Dropped, they close as soon as Pingora has closed its own handles.
#[derive(Debug)]
pub(crate) struct Listeners(Vec<Open>);

impl Listeners {
    /// Opens every configured listener, or takes the one of `inherited` that listens at the same address. What is left of
    /// `inherited` is closed.
    ///
    /// # Errors
    /// The first one that cannot be opened.
    pub(super) fn open(
        config: &Config,
        mut inherited: Vec<Inherited>,
    ) -> Result<Self, CannotListen> {
        let mut opened = Vec::new();
        for (key, address) in configured(config) {
            let found = inherited.iter().position(|one| one.socket.is_at(&address));
            let found = found.map(|at| inherited.swap_remove(at));
            match Open::new(&address, found) {
                Ok(open) => opened.push(open),
                Err(source) => {
                    return Err(CannotListen {
                        key,
                        address,
                        source,
                    });
                }
            }
        }
        for left in inherited.iter().filter(|left| left.is_kept) {
            warn!(
                address = left.socket.place(),
                "no listener is configured where the service manager has opened a socket: it is closed"
            );
        }
        Ok(Self(opened))
    }

    /// For another process: each socket, and whether the service manager keeps it.
    pub(crate) fn handles(&self) -> Vec<(BorrowedFd<'_>, bool)> {
        let handles = self.0.iter();
        handles
            .map(|open| (open.socket.as_fd(), open.is_kept))
            .collect()
    }

    /// Those by which edges ask. A fresh port is opened here.
    ///
    /// # Errors
    /// When there are too few file descriptors, or no port.
    pub(super) fn of_edges(&self, config: &Config) -> io::Result<Vec<OfEdges>> {
        let addresses = config.authz.iter().flat_map(|authz| &authz.listen);
        let sockets = addresses.map(|address| {
            let opened = self.0.iter().find(|open| open.address == *address);
            match opened {
                Some(open) => open.socket.for_questions(),
                None => {
                    let socket = Socket::bind(address)?;
                    socket.set_nonblocking()?;
                    socket.for_questions()
                }
            }
        });
        sockets.collect()
    }

    /// Nobody takes them over: nothing is to be left of them.
    pub(crate) fn remove_files(&self) {
        for file in self.0.iter().filter_map(|open| open.file.as_ref()) {
            file.remove();
        }
    }

    /// For Pingora, which looks for them by the addresses that it is told.
    ///
    /// # Errors
    /// When there are too few file descriptors.
    pub(crate) fn table(&self) -> io::Result<ListenFds> {
        let mut table = Fds::new();
        for open in &self.0 {
            let handle = open.socket.another_handle()?.into_raw_fd();
            table.add(name_for_pingora(&open.address), handle);
        }
        Ok(Arc::new(table.into()))
    }
}

impl Open {
    fn new(address: &ListenAddress, inherited: Option<Inherited>) -> io::Result<Self> {
        let (socket, is_kept) = match inherited {
            Some(Inherited { socket, is_kept }) => (socket, is_kept),
            None => (Socket::bind(address)?, false),
        };
        socket.set_nonblocking()?;
        let file = match address {
            ListenAddress::Unix(unix) if !is_kept => Some(SocketFile::at(&unix.path)?),
            _ => None,
        };
        Ok(Self {
            address: address.clone(),
            socket,
            is_kept,
            file,
        })
    }
}

fn configured(config: &Config) -> impl Iterator<Item = (Key, ListenAddress)> {
    let server = &config.server;
    let of_edges = config.authz.iter().flat_map(|authz| &authz.listen);
    let of_edges = of_edges.enumerate();
    let tls = server.tls.iter().flat_map(|tls| &tls.listen);
    let plain = server.listen.iter().enumerate();
    plain
        .map(|(index, address)| (Key::Plain(index), address.clone()))
        .chain(
            tls.enumerate()
                .map(|(index, address)| (Key::Tls(index), (*address).into())),
        )
        .chain([(Key::Admin, server.admin_listen.into())])
        .chain(of_edges.map(|(index, address)| (Key::Authz(index), address.clone())))
        // A fresh port each time: there is nothing to find out, and nothing to hand over.
        .filter(|(_, address)| address.tcp().is_none_or(|address| address.port() != 0))
}

/// What is read from a client at once, in bytes. Each connection holds a buffer of that size for as long as it lives, so it is
/// no larger than most requests; bodies are read past it. Pingora's 64 KiB would be most of what a connection takes.
const READ_BUFFER: usize = 4 * 1024;
/// The same under TLS, whose records are of up to 16 KiB and are read in smaller pieces.
const TLS_READ_BUFFER: usize = 16 * 1024;

/// How Pingora serves an address in clear text.
///
/// # Errors
/// When the permissions of a socket's file cannot be set.
pub(super) fn plain(address: &ListenAddress) -> io::Result<ListenerConfig> {
    let listener = match address {
        ListenAddress::Tcp(_) => ListenerConfig::tcp(name_for_pingora(address)),
        ListenAddress::Unix(unix) => {
            // Pingora sets them once more, and gives the service up where it may not.
            let permissions = fs::metadata(&unix.path)?.permissions();
            let permissions = Permissions::from_mode(permissions.mode() & 0o777);
            fs::set_permissions(&unix.path, permissions.clone())?;
            ListenerConfig::uds(name_for_pingora(address)).permissions(permissions)
        }
    };
    Ok(listener.l4_buffer(L4BufferSettings::default().read(READ_BUFFER)))
}

/// How Pingora serves an address whose connections come to speak TLS.
pub(super) fn to_be_encrypted(address: &ListenAddress) -> ListenerConfig {
    let buffers = L4BufferSettings::default().read(TLS_READ_BUFFER);
    ListenerConfig::tcp(name_for_pingora(address)).l4_buffer(buffers)
}

/// What Pingora calls a listener.
fn name_for_pingora(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => address.to_string(),
        ListenAddress::Unix(unix) => unix.path.display().to_string(),
    }
}
