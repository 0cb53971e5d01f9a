//! The servers of one app: names resolved in the background, addresses taken in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::lookup_host;
use tracing::warn;

use crate::config::Upstream;

/// Time between look-ups of server names.
pub(crate) const RESOLVE_EVERY: Duration = Duration::from_secs(5);
/// Longest look-up of one name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Addresses of an app.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Arc<Upstream>,
    addresses: ArcSwap<Vec<SocketAddr>>,
    turn: AtomicUsize,
}

impl Pool {
    /// Knows the servers that are given as addresses; names wait for [`Pool::resolve`].
    #[must_use]
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let literal = upstream
            .servers
            .iter()
            .filter_map(|server| server.host.ip().map(|ip| (ip, server.port).into()));
        let addresses = ArcSwap::from_pointee(literal.collect());
        Self {
            upstream,
            addresses,
            turn: AtomicUsize::new(0),
        }
    }

    /// Its configuration.
    #[must_use]
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
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

    /// Looks every name up once. A name that does not resolve keeps the addresses of before.
    pub(crate) async fn resolve(&self) {
        let mut addresses = Vec::with_capacity(self.upstream.servers.len());
        for server in &self.upstream.servers {
            if let Some(ip) = server.host.ip() {
                addresses.push((ip, server.port).into());
                continue;
            }
            let name = server.to_string();
            match tokio::time::timeout(RESOLVE_TIMEOUT, lookup_host(&name)).await {
                Ok(Ok(found)) => addresses.extend(found),
                Ok(Err(_)) | Err(_) => {
                    warn!(
                        upstream = self.upstream.name,
                        server = name,
                        "name does not resolve"
                    );
                    return;
                }
            }
        }
        addresses.dedup();
        if **self.addresses.load() != addresses {
            self.addresses.store(Arc::new(addresses));
        }
    }
}
