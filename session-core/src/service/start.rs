//! How the service is built from its parts, and how its background tasks start and stop.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;
use uuid::Uuid;

use super::Sessions;
use super::housekeeping::{Retention, keep_house};
use super::hygiene::{Hygiene, unlink_all};
use super::logins::NOTES_MAX;
use crate::activity::Activity;
use crate::cache::breaker::{Breaker, BreakerLimits};
use crate::cache::flight::Flights;
use crate::cache::{Local, LocalLimits, SharedCache, Texts, Tiers, TiersOptions};
use crate::clock::SharedClock;
use crate::complaints::Complaints;
use crate::entropy::{self, SharedEntropy};
use crate::freshness::guard::{self, Guard};
use crate::freshness::hints::{Follower, OpenHints, follow_hints};
use crate::freshness::rights::{self, RightsWatch};
use crate::freshness::tail::EventTail;
use crate::freshness::{Listener, Node};
use crate::keys::Keyring;
use crate::store::SessionStore;

/// Shared-cache keys waiting to be removed; more are left to expire.
const UNLINK_QUEUE: usize = 1_024;
/// Longest wait for the tasks to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the store to strike this node off the list.
const RETIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// What [`Sessions`] is built from.
#[derive(Debug)]
pub struct Parts {
    /// The store, whose answers decide.
    pub store: Arc<dyn SessionStore>,
    /// The tier between nodes, if there is one.
    pub shared: Option<Arc<dyn SharedCache>>,
    /// Keys in use.
    pub keys: Arc<Keyring>,
    /// Time.
    pub clock: SharedClock,
    /// Randomness.
    pub entropy: SharedEntropy,
    /// Where reads, writes and background tasks run.
    pub runtime: Handle,
}

/// Settings.
#[derive(Clone, Copy, Debug)]
pub struct SessionsOptions {
    /// What is kept in process.
    pub local: LocalLimits,
    /// Longest life of a value in process.
    pub local_ttl: Duration,
    /// Longest life of a value in the shared cache.
    pub shared_ttl: Duration,
    /// How long "there is no such session" is remembered.
    pub negative_ttl: Duration,
    /// When the shared cache is left alone for a while.
    pub breaker: BreakerLimits,
    /// Whether a missing or old schema may be brought up to date.
    pub migrate: bool,
}

impl Sessions {
    /// Builds the service and starts its tasks. The store may be down: the service then runs but is not ready.
    #[must_use]
    pub fn start(parts: Parts, options: SessionsOptions) -> Arc<Self> {
        let Parts {
            store,
            shared,
            keys,
            clock,
            entropy,
            runtime,
        } = parts;
        // Without randomness the id is nil; two such nodes would only wait for each other's reports.
        let id = entropy::bytes(entropy.as_ref()).map_or(Uuid::nil(), |bytes| {
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        });
        let node = Arc::new(Node::new(id, store, clock));
        let local = Arc::new(Local::new(options.local, options.negative_ttl));
        let tiers = Arc::new(Tiers {
            node: Arc::clone(&node),
            shared,
            breaker: Breaker::new(options.breaker),
            complaints: Complaints::default(),
            refusals: Complaints::default(),
            sealer: Tiers::sealer(&keys).into(),
            local: Arc::clone(&local),
            texts: Texts::default(),
            entropy: Arc::clone(&entropy),
            options: TiersOptions {
                local_ttl: options.local_ttl,
                shared_ttl: options.shared_ttl,
            },
        });
        let sessions = Arc::new(Self {
            activity: Arc::new(Activity::new(Arc::clone(&node))),
            flights: Flights::new(runtime.clone()),
            node,
            keys: keys.into(),
            entropy,
            runtime,
            local,
            tiers,
            sampling: Arc::new(Semaphore::new(1)),
            notes: Arc::new(Semaphore::new(NOTES_MAX)),
            retention: Arc::new(Retention::default()),
            occupation: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        sessions.spawn_tasks(options.migrate);
        sessions
    }

    fn spawn_tasks(&self, migrate: bool) {
        let (unlink, unlinks) = mpsc::channel(UNLINK_QUEUE);
        let listener: Arc<dyn Listener> = Arc::new(Hygiene {
            local: Arc::clone(&self.local),
            unlink,
        });
        let tail = EventTail {
            node: Arc::clone(&self.node),
            listener: Arc::clone(&listener),
            migrate,
        };
        let guard = Guard {
            node: Arc::clone(&self.node),
        };
        let watch = RightsWatch {
            node: Arc::clone(&self.node),
        };
        let (node, retention) = (Arc::clone(&self.node), Arc::clone(&self.retention));
        self.spawn(tail.run(self.stop.clone()));
        self.spawn(Arc::clone(&self.activity).run(self.stop.clone()));
        self.spawn_hints(&listener);
        self.spawn(guard.run(guard::LOOK_EVERY, self.stop.clone()));
        self.spawn(watch.run(rights::LOOK_EVERY, self.stop.clone()));
        self.spawn(keep_house(node, retention, self.stop.clone()));
        self.spawn(unlink_all(Arc::clone(&self.tiers), unlinks));
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    /// Follows the hints of the store and of the shared cache, which bring the heartbeat forward (R4).
    fn spawn_hints(&self, listener: &Arc<dyn Listener>) {
        let store = Arc::clone(&self.node.store);
        let open: OpenHints = Box::new(move || {
            let store = Arc::clone(&store);
            Box::pin(async move { store.listen().await })
        });
        self.spawn_follower("store", open, listener);
        if let Some(shared) = self.tiers.shared.clone() {
            let open: OpenHints = Box::new(move || {
                let shared = Arc::clone(&shared);
                Box::pin(async move { shared.listen().await })
            });
            self.spawn_follower("shared cache", open, listener);
        }
    }

    fn spawn_follower(&self, channel: &'static str, open: OpenHints, listener: &Arc<dyn Listener>) {
        let follower = Follower {
            channel,
            open,
            listener: Arc::clone(listener),
            node: Arc::clone(&self.node),
        };
        self.spawn(follow_hints(follower, self.stop.clone()));
    }

    /// Stops the tasks; writes what activity is left.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("background tasks did not end in time");
        }
        // Only after the heartbeat has ended: it would put the node on the list again.
        drop(tokio::time::timeout(RETIRE_TIMEOUT, self.node.store.retire(self.node.id)).await);
    }
}
