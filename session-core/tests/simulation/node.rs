//! One node: the real service, and its ways to the store and the shared cache.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use session_core::cache::breaker::BreakerLimits;
use session_core::cache::{LocalLimits, SharedCache};
use session_core::keys::{Keyring, MasterKey};
use session_core::service::{Parts, Sessions, SessionsOptions};
use session_testing::sim::{
    Dice, SimClock, SimEntropy, SimLink, SimShared, SimSharedLink, SimStore,
};
use tokio::runtime::Handle;

use crate::plan::Settings;

/// A node between its start and its crash.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) life: u64,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) link: Arc<SimLink>,
    pub(crate) shared: Arc<SimSharedLink>,
    alive: AtomicBool,
}

/// What outlives a node.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) number: usize,
    pub(crate) dice: Dice,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) store: Arc<SimStore>,
    pub(crate) cache: Arc<SimShared>,
    pub(crate) settings: Settings,
}

impl Place {
    pub(crate) fn start(&self, life: u64) -> Arc<Node> {
        let name = self.number as u64 * 1_000 + life;
        let link = SimLink::new(Arc::clone(&self.store), self.dice, name);
        let shared = SimSharedLink::new(Arc::clone(&self.cache), self.dice, name);
        let in_use = self.settings.with_shared;
        let parts = Parts {
            store: Arc::clone(&link) as _,
            shared: in_use.then(|| Arc::clone(&shared) as Arc<dyn SharedCache>),
            keys: keys(),
            clock: Arc::clone(&self.clock) as _,
            entropy: Arc::new(SimEntropy::new(self.dice.roll(&[3, name]))),
            runtime: Handle::current(),
        };
        let options = SessionsOptions {
            // Nothing is ever pushed out: which entry would be is up to chance.
            local: LocalLimits {
                max_entries: 1_000,
                max_bytes: 64 << 20,
            },
            local_ttl: self.settings.local_ttl,
            shared_ttl: Duration::from_secs(1_800),
            negative_ttl: Duration::from_secs(5),
            breaker: BreakerLimits::default(),
            migrate: false,
        };
        Arc::new(Node {
            life,
            sessions: Sessions::start(parts, options),
            link,
            shared,
            alive: AtomicBool::new(true),
        })
    }
}

fn keys() -> Arc<Keyring> {
    static KEYS: LazyLock<Arc<Keyring>> =
        LazyLock::new(|| Arc::new(Keyring::new(MasterKey::from_bytes([7; 32]), vec![])));
    Arc::clone(&KEYS)
}

impl Node {
    /// Whether what it says still reaches anybody.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Ends without a chance to finish anything.
    pub(crate) async fn crash(&self) {
        self.link.dodge_the_beat().await;
        self.alive.store(false, Ordering::Relaxed);
        self.link.die();
        self.sessions.stop().await;
    }
}
