//! One server of an app at one address.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use session_core::clock::Boot;

use super::address::Address;
use super::standing::Standing;
use crate::config::{Host, ServerAddress, UpstreamServer};

/// Where a server is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// Where it listens.
    pub address: Address,
    /// The host that the configuration, or an SRV record, calls it by; `None`: a unix socket.
    pub host: Option<Host>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Its share of the requests, against that of the others.
    pub weight: u16,
}

impl Located {
    /// Where a server is that is given by its address, or by its socket.
    pub(super) fn without_a_name(server: &UpstreamServer) -> Option<Self> {
        let (address, host) = match &server.address {
            ServerAddress::Tcp(at) => {
                let address = (at.host.ip()?, at.port);
                (Address::Tcp(address.into()), Some(at.host.clone()))
            }
            ServerAddress::Unix(path) => (Address::Unix(path.as_path().into()), None),
            ServerAddress::Srv(_) => return None,
        };
        Some(Self {
            address,
            host,
            tls: server.tls,
            weight: server.weight,
        })
    }
}

/// A server that can be connected to.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it is.
    pub at: Located,
    /// Its address in words. Kept, because lines and choices need it for each request.
    name: Box<str>,
    /// Kept over reloads, and while its address stays when names are looked up again.
    pub(super) state: Arc<State>,
}

/// What is going on at a server.
#[derive(Debug, Default)]
pub(super) struct State {
    standing: Mutex<Standing>,
    /// Whether a request that succeeds changes its standing, so that most of them need no lock.
    is_noted: AtomicBool,
    /// Requests under way.
    busy: AtomicUsize,
    /// Those of them that have no connection yet.
    connecting: AtomicUsize,
    /// When a connection last stood, or the first of those that are awaited began, in nanoseconds since boot.
    moved: AtomicU64,
    /// When its health is asked for next, in nanoseconds since boot.
    next_check: AtomicU64,
}

impl Server {
    /// A server that nothing is known of.
    pub(crate) fn new(at: Located) -> Self {
        Self::with(at, Arc::default())
    }

    /// The same server in another place of the configuration.
    pub(super) fn moved(&self, at: Located) -> Self {
        Self::with(at, Arc::clone(&self.state))
    }

    fn with(at: Located, state: Arc<State>) -> Self {
        let name = at.address.to_string().into_boxed_str();
        Self { at, name, state }
    }

    /// What metrics and logs call it: its address.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether `at` is this server.
    pub(super) fn is_at(&self, at: &Located) -> bool {
        self.at.address == at.address && self.at.tls == at.tls && self.at.host == at.host
    }

    /// Reads or changes what is known of it.
    pub(super) fn standing<T>(&self, with: impl FnOnce(&mut Standing) -> T) -> T {
        let mut standing = self.state.standing.lock();
        let result = with(&mut standing);
        let is_noted = standing.is_noted();
        self.state.is_noted.store(is_noted, Ordering::Relaxed);
        result
    }

    /// Whether it gets requests.
    pub(crate) fn is_serving(&self) -> bool {
        self.standing(|standing| standing.is_serving())
    }

    /// Whether a request that succeeds changes its standing.
    pub(super) fn is_noted(&self) -> bool {
        self.state.is_noted.load(Ordering::Relaxed)
    }

    /// Whether it is time to ask for its health. Then the next time is `interval` later.
    pub(super) fn take_check(&self, now: Boot, interval: Duration) -> bool {
        let next = &self.state.next_check;
        let is_due = next.load(Ordering::Relaxed) <= now.as_nanos();
        if is_due {
            next.store(now.plus(interval).as_nanos(), Ordering::Relaxed);
        }
        is_due
    }

    /// Requests under way.
    pub(crate) fn busy(&self) -> usize {
        self.state.busy.load(Ordering::Relaxed)
    }

    /// Counts a request, unless there are `most` already; 0 is no limit.
    pub(super) fn enter(&self, most: usize) -> bool {
        let busy = &self.state.busy;
        if most == 0 {
            busy.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        let one_more = |busy: usize| (busy < most).then_some(busy + 1);
        busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    /// A request that was counted waits for its connection.
    pub(super) fn connects(&self, now: Boot) {
        if self.state.connecting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.state.moved.store(now.as_nanos(), Ordering::Relaxed);
        }
    }

    /// It waits no longer: because the connection stands, or for another reason.
    pub(super) fn connected(&self, stands: Option<Boot>) {
        let others = self.state.connecting.fetch_sub(1, Ordering::Relaxed) > 1;
        if let (Some(now), true) = (stands, others) {
            self.state.moved.store(now.as_nanos(), Ordering::Relaxed);
        }
    }

    /// Whether requests have waited for a connection for longer than `limit`, and none has got one meanwhile.
    pub(super) fn stalls(&self, now: Boot, limit: Duration) -> bool {
        self.state.connecting.load(Ordering::Relaxed) > 0 && {
            let moved = Boot::from_nanos(self.state.moved.load(Ordering::Relaxed));
            now.since(moved) > limit
        }
    }

    /// A request that was counted is over.
    pub(super) fn leave(&self) {
        self.state.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
