//! The sessions of this installation, and how this node is doing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::SessionsError;
use super::housekeeping::Retention;
use crate::activity::Activity;
use crate::asked::{self, Asked, Of};
use crate::cache::breaker::BreakerState;
use crate::cache::flight::Flights;
use crate::cache::{Fill, Local, Tiers};
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::freshness::Node;
use crate::freshness::signals::Phase;
use crate::keys::Keyring;
use crate::stats::Stats;
use crate::store::{SessionStore, StoreResult};

/// What `/readyz` is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The store's schema was found to be good.
    pub schema: bool,
    /// The role of this node has all the rights that it needs.
    pub rights: bool,
    /// The window of recent events is loaded.
    pub window: bool,
    /// The lease holds.
    pub lease: bool,
    /// Schema and window were good at some time since the start, and nothing is known to be wrong with the schema now.
    pub was_loaded: bool,
}

/// The sessions of this installation, as one node sees them.
#[derive(Debug)]
pub struct Sessions {
    pub(super) node: Arc<Node>,
    pub(super) keys: ArcSwap<Keyring>,
    pub(super) entropy: SharedEntropy,
    pub(super) runtime: Handle,
    pub(super) local: Arc<Local>,
    pub(super) tiers: Arc<Tiers>,
    pub(super) flights: Flights<(Fill, Vec<Asked>)>,
    pub(super) activity: Arc<Activity>,
    /// The permit of the one comparison of a cached session with the store.
    pub(super) sampling: Arc<Semaphore>,
    /// A permit for each login that may be recorded at the same time.
    pub(super) notes: Arc<Semaphore>,
    pub(super) retention: Arc<Retention>,
    /// What takes the places of reads on purpose; a new one at each beginning.
    pub(super) occupation: Mutex<CancellationToken>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Sessions {
    /// Whether this node can decide about sessions.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let phase = self.node.signals.phase();
        Readiness {
            schema: matches!(phase, Phase::NoWindow | Phase::Following),
            rights: self.node.signals.has_rights(),
            window: phase == Phase::Following,
            lease: self.node.lease.holds(self.node.clock.boot()),
            was_loaded: self.node.signals.was_loaded(),
        }
    }

    /// What is left of the lease.
    #[must_use]
    pub fn lease_remaining(&self) -> Duration {
        self.node.lease.end().since(self.node.clock.boot())
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.node.stats
    }

    /// Number of the last event applied.
    #[must_use]
    pub fn applied_seq(&self) -> i64 {
        self.node.window.head()
    }

    /// The id under which this process is on the list of nodes.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.node.id
    }

    /// Reads of other tiers under way.
    #[must_use]
    pub fn fills_in_flight(&self) -> usize {
        self.flights.in_use()
    }

    /// Reads of other tiers that had to wait for their turn.
    #[must_use]
    pub fn fills_queued(&self) -> u64 {
        self.flights.queued()
    }

    /// What is held in process.
    #[must_use]
    pub fn local(&self) -> &Local {
        &self.local
    }

    /// State of the shared cache's breaker; `None` without a shared cache.
    #[must_use]
    pub fn shared_breaker(&self) -> Option<BreakerState> {
        self.tiers
            .shared
            .as_ref()
            .map(|_| self.tiers.breaker.state())
    }

    /// Other keys from now on. The current master must be the same: what is held in process was made under it.
    pub fn use_keys(&self, keys: Arc<Keyring>) {
        self.tiers.use_keys(&keys);
        self.keys.store(keys);
    }

    /// Drops the sessions held in process.
    pub fn forget_local(&self) {
        self.local.forget_all();
    }

    /// How long old logins stay known after their sessions have ended, from the next housekeeping on.
    pub fn remember_legacy_for(&self, tombstone: Duration) {
        let kept = &self.retention.tombstone;
        kept.store(tombstone.as_secs(), Ordering::Relaxed);
    }

    /// The clock in use.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.node.clock
    }

    /// Asks the store; `what` names the question. It runs to its end on the core runtime, even if the caller goes away.
    pub(super) async fn ask_store<T, F>(
        &self,
        what: &'static str,
        question: impl FnOnce(Arc<dyn SessionStore>) -> F,
    ) -> Result<T, SessionsError>
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let asking = question(Arc::clone(&self.node.store));
        let answer = async {
            let answer = self.tasks.spawn_on(asking, &self.runtime).await;
            answer
                .map_err(|_died| SessionsError::Interrupted)?
                .map_err(SessionsError::from)
        };
        let clock = &*self.node.clock;
        asked::timed((Of::Store, what), clock, answer, SessionsError::kind).await
    }
}
