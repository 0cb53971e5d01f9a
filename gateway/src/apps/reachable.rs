//! Which servers of an app take connections, as far as requests have shown. Told when it changes, not for each request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use session_core::clock::Timestamp;

/// Servers that are remembered as down. An app with more of them is down whatever is logged of the others.
const DOWN_MAX: usize = 1_024;

/// The servers that took no connection the last time they were tried, and since when.
#[derive(Debug, Default)]
pub(crate) struct Reachable {
    down: Mutex<HashMap<SocketAddr, Timestamp>>,
    /// How many they are, so that a connection that works costs no lock.
    number: AtomicUsize,
}

impl Reachable {
    /// `server` took no connection. Whether that is new.
    pub(crate) fn failed(&self, server: SocketAddr, now: Timestamp) -> bool {
        let mut down = self.down.lock();
        if down.contains_key(&server) || down.len() >= DOWN_MAX {
            return false;
        }
        down.insert(server, now);
        self.number.store(down.len(), Ordering::Relaxed);
        true
    }

    /// `server` took a connection. Since when it had not, when that is new.
    pub(crate) fn connected(&self, server: SocketAddr) -> Option<Timestamp> {
        if self.number.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut down = self.down.lock();
        let since = down.remove(&server);
        self.number.store(down.len(), Ordering::Relaxed);
        since
    }

    /// Forgets servers that the app does not have any more.
    pub(super) fn forget_others(&self, addresses: &[SocketAddr]) {
        if self.number.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut down = self.down.lock();
        down.retain(|server, _| addresses.contains(server));
        self.number.store(down.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once() {
        let reachable = Reachable::default();
        let server: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let at = Timestamp::from_micros;
        assert_eq!(reachable.connected(server), None, "it was never down");
        assert!(reachable.failed(server, at(1)));
        assert!(!reachable.failed(server, at(2)));
        assert_eq!(reachable.connected(server), Some(at(1)));
        assert_eq!(reachable.connected(server), None);
        assert!(reachable.failed(server, at(3)), "down again");
        reachable.forget_others(&[server]);
        assert!(!reachable.failed(server, at(4)), "still known");
        reachable.forget_others(&[]);
        assert_eq!(reachable.connected(server), None, "forgotten");
    }

    #[test]
    fn only_so_many_are_remembered() {
        let reachable = Reachable::default();
        let server = |n: u16| SocketAddr::from(([127, 0, 0, 1], n));
        let new = (0..5_000).filter(|n| reachable.failed(server(*n), Timestamp::default()));
        assert_eq!(new.count(), DOWN_MAX);
    }
}
