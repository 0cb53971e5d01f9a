//! Whether every listener can be opened, found out before anything is started.
//!
//! Pingora opens listeners in threads of its own, tries for half a minute, and then loses the thread. The process would
//! live on without a public port and call itself ready. So the ports are opened here first, with the same socket options,
//! and given back.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use thiserror::Error;

use crate::config::ServerConfig;

/// A listener that cannot be opened.
#[derive(Debug, Error)]
#[error("{key}: {address} cannot be listened on: {source}")]
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

/// Opens all of them together and closes them again: two of them may also be in each other's way.
///
/// # Errors
/// The first one that cannot be opened.
pub(crate) fn check(server: &ServerConfig) -> Result<(), CannotListen> {
    let tls = server.tls.iter().flat_map(|tls| &tls.listen);
    let plain = server.listen.iter().enumerate();
    plain
        .map(|(index, address)| (Key::Plain(index), *address))
        .chain(
            tls.enumerate()
                .map(|(index, address)| (Key::Tls(index), *address)),
        )
        .chain([(Key::Admin, server.admin_listen)])
        .map(|(key, address)| open(key, address))
        .collect::<Result<Vec<_>, _>>()
        .map(drop)
}

/// The standard library sets `SO_REUSEADDR`, as Pingora does.
fn open(key: Key, address: SocketAddr) -> Result<TcpListener, CannotListen> {
    TcpListener::bind(address).map_err(|source| CannotListen {
        key,
        address,
        source,
    })
}
