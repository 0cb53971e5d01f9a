//! Listening sockets, of whatever kind: bound here, or opened by another process.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::net::{AddressFamily, SocketType, ipproto, sockopt};

use super::unix_socket;
use crate::authz::listener::Socket as OfEdges;
use crate::config::ListenAddress;

/// A socket that another process has opened: the service manager, or the process whose place this one takes.
#[derive(Debug)]
pub(super) struct Inherited {
    pub(super) socket: Socket,
    /// Whether it is the service manager's, which keeps its file.
    pub(super) is_kept: bool,
}

/// A listening socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Listens at `address`, where nobody else does.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            // The standard library sets `SO_REUSEADDR`, as Pingora does.
            ListenAddress::Tcp(address) => TcpListener::bind(address).map(Self::Tcp),
            ListenAddress::Unix(socket) => unix_socket::bind(socket).map(Self::Unix),
        }
    }

    /// `socket`, if it is one of TCP or a Unix socket, and listens.
    pub(super) fn listening(socket: OwnedFd) -> Option<Self> {
        let family = sockopt::socket_domain(&socket).ok()?;
        let is_stream = sockopt::socket_type(&socket).ok()? == SocketType::STREAM;
        if !is_stream || !sockopt::socket_acceptconn(&socket).ok()? {
            return None;
        }
        match family {
            AddressFamily::INET | AddressFamily::INET6 => {
                let is_tcp = sockopt::socket_protocol(&socket).ok()? == Some(ipproto::TCP);
                is_tcp.then(|| Self::Tcp(socket.into()))
            }
            AddressFamily::UNIX => Some(Self::Unix(socket.into())),
            _ => None,
        }
    }

    /// Whether it listens at `address`.
    pub(super) fn is_at(&self, address: &ListenAddress) -> bool {
        match (self, address) {
            (Self::Tcp(socket), ListenAddress::Tcp(address)) => {
                socket.local_addr().is_ok_and(|own| own == *address)
            }
            (Self::Unix(socket), ListenAddress::Unix(address)) => socket
                .local_addr()
                .is_ok_and(|own| own.as_pathname() == Some(&address.path)),
            _ => false,
        }
    }

    /// Where it listens, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Tcp(socket) => socket
                .local_addr()
                .map_or_else(|_| "?".to_owned(), |address| address.to_string()),
            Self::Unix(socket) => socket
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(|path| path.display().to_string()))
                .map_or_else(|| "unix:?".to_owned(), |path| format!("unix:{path}")),
        }
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(true),
            Self::Unix(socket) => socket.set_nonblocking(true),
        }
    }

    /// Another handle of it, for a listener of questions.
    pub(super) fn for_questions(&self) -> io::Result<OfEdges> {
        Ok(match self {
            Self::Tcp(socket) => OfEdges::Tcp(socket.try_clone()?),
            Self::Unix(socket) => OfEdges::Unix(socket.try_clone()?),
        })
    }

    /// Another handle of it.
    pub(super) fn another_handle(&self) -> io::Result<OwnedFd> {
        self.as_fd().try_clone_to_owned()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}
