//! Sockets that the service manager has opened for the process (`LISTEN_FDS`, systemd.socket(5)).

use std::os::fd::OwnedFd;

use listenfd::ListenFd;
use tracing::warn;

use super::sockets::{Inherited, Socket};

/// The sockets that were passed to this process. Neither they nor the variables that name them are passed on.
pub(super) fn sockets() -> Vec<Inherited> {
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..passed.len() {
        let tcp = passed.take_tcp_listener(index).ok().flatten();
        let socket: Option<OwnedFd> = match tcp {
            Some(socket) => Some(socket.into()),
            None => passed
                .take_unix_listener(index)
                .ok()
                .flatten()
                .map(OwnedFd::from),
        };
        match socket.and_then(Socket::listening) {
            Some(socket) => sockets.push(Inherited {
                socket,
                is_kept: true,
            }),
            None => warn!(
                index,
                "what the service manager has passed is no listening socket"
            ),
        }
    }
    sockets
}
