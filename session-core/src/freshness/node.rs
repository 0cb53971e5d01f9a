//! What one process knows of its store's history, and how it is doing.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::signals::Signals;
use super::{Lease, Pause, Window};
use crate::clock::{SharedClock, StoreTime};
use crate::stats::Stats;
use crate::store::SessionStore;

/// One process that serves sessions of a store. The heartbeat, the caches and the service share it.
#[derive(Debug)]
pub struct Node {
    /// The name under which the process reports to the store, as long as it lives.
    pub id: Uuid,
    /// The store, whose answers decide.
    pub store: Arc<dyn SessionStore>,
    /// Time on this machine.
    pub clock: SharedClock,
    /// The events that were applied.
    pub window: Window,
    /// Until when caches may be believed.
    pub lease: Lease,
    /// Upper bound of the store's clock, from heartbeats.
    pub store_time: StoreTime,
    /// Until when no heartbeat is sent, on purpose.
    pub pause: Pause,
    /// Signals to and from the heartbeat.
    pub signals: Signals,
    /// Counters.
    pub stats: Stats,
}

impl Node {
    /// A node that has not heard from its store yet: it believes nothing.
    #[must_use]
    pub fn new(id: Uuid, store: Arc<dyn SessionStore>, clock: SharedClock) -> Self {
        Self {
            id,
            store,
            clock,
            window: Window::default(),
            lease: Lease::default(),
            store_time: StoreTime::default(),
            pause: Pause::default(),
            signals: Signals::default(),
            stats: Stats::default(),
        }
    }

    /// A pause of this node's own, up to a quarter longer: nodes that started together do not do the same at the same time.
    #[must_use]
    pub fn paced(&self, pause: Duration) -> Duration {
        let [.., last] = self.id.into_bytes();
        pause + pause * u32::from(last) / 1_024
    }
}
