//! The servers of one app: names resolved in the background, addresses taken in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use session_core::cause::Peer;
use session_core::clock::Timestamp;
use tokio::net::lookup_host;
use tracing::{info, warn};

use super::names::{Change, Names};
use super::reachable::Reachable;
use crate::config::Upstream;

/// Addresses of an app.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Arc<Upstream>,
    addresses: ArcSwap<Vec<SocketAddr>>,
    turn: AtomicUsize,
    names: Mutex<Names>,
    reachable: Reachable,
}

impl Pool {
    /// Knows the servers that are given as addresses; names wait for [`Pool::resolve`].
    #[must_use]
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let names = Names::new(&upstream.servers);
        Self {
            addresses: ArcSwap::from_pointee(names.addresses()),
            upstream,
            turn: AtomicUsize::new(0),
            names: Mutex::new(names),
            reachable: Reachable::default(),
        }
    }

    /// Takes over what `before` knows of names that both have: a reload while they do not resolve loses no address.
    pub(crate) fn learn_from(&self, before: &Self) {
        let mut names = self.names.lock();
        names.learn_from(&before.names.lock());
        self.addresses.store(Arc::new(names.addresses()));
    }

    /// Its configuration.
    #[must_use]
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Which of its servers take connections.
    #[must_use]
    pub(crate) fn reachable(&self) -> &Reachable {
        &self.reachable
    }

    /// The next address in turn; `None` while no name could be resolved.
    #[must_use]
    pub(crate) fn next(&self) -> Option<SocketAddr> {
        let addresses = self.addresses.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        addresses.get(turn.checked_rem(addresses.len())?).copied()
    }

    /// How many addresses there are to try.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.addresses.load().len()
    }

    /// Which names do not resolve, and since when.
    #[must_use]
    pub(crate) fn unresolved(&self) -> String {
        self.names.lock().unresolved()
    }

    /// Looks every name up once, for at most `limit` each. A name that does not resolve keeps the addresses that it had, and takes nothing from
    /// others. What has changed since the last time is logged.
    pub(crate) async fn resolve(&self, now: Timestamp, limit: Duration) {
        for (index, server) in self.upstream.servers.iter().enumerate() {
            if server.host.ip().is_some() {
                continue;
            }
            let found = look_up(&server.to_string(), limit).await;
            let changed = self.names.lock().note(index, found, now);
            if let Some(change) = changed {
                self.tell(&server.to_string(), change);
            }
        }
        let addresses = self.names.lock().addresses();
        self.reachable.forget_others(&addresses);
        if **self.addresses.load() != addresses {
            self.addresses.store(Arc::new(addresses));
        }
    }

    fn tell(&self, server: &str, change: Change) {
        let upstream = self.upstream.name.as_str();
        match change {
            Change::Lost { cause, kept } => {
                warn!(upstream, server, cause, kept, "name does not resolve");
            }
            Change::Found { since, addresses } => {
                info!(upstream, server, since, addresses, "name resolves again");
            }
        }
    }
}

/// The addresses of `host:port`, or why there are none.
async fn look_up(name: &str, limit: Duration) -> Result<Vec<SocketAddr>, String> {
    match tokio::time::timeout(limit, lookup_host(name)).await {
        Ok(Ok(found)) => match found.collect::<Vec<_>>() {
            none if none.is_empty() => Err(format!("the name {name} has no address")),
            found => Ok(found),
        },
        Ok(Err(error)) => Err(Peer::at(name).cause(&error)),
        Err(_elapsed) => Err(format!("no name server has answered within {limit:?}")),
    }
}
