//! The one public face of this crate: resolve, create, change, revoke, list.
//!
//! [`Sessions`] owns the background tasks (heartbeat, activity writer, shared-cache hygiene) and runs every call to the
//! store on the runtime it was given, so that a client that hangs up cannot leave half a transaction behind.

mod change;
mod end;
mod error;
mod housekeeping;
mod hygiene;
mod legacy;
mod logins;
mod receipt;
mod references;
mod renew;
mod resolve;
mod sampler;
mod sightings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;
use uuid::Uuid;

pub use self::change::{Created, Login, LoginTicket, PAGE_MAX, UpdateError};
pub use self::error::SessionsError;
use self::housekeeping::Retention;
use self::hygiene::{Hygiene, unlink_all};
pub use self::legacy::{Known, Migrated, Proven};
pub use self::logins::{Familiarity, NETWORKS_KEPT};
pub use self::receipt::{Receipt, Wait, heard_by_all};
pub use self::renew::GRACE;
pub use self::resolve::{Absence, Active, Follow, Query, Resolution, Unknown};

use crate::activity::Activity;
use crate::cache::breaker::{Breaker, BreakerState};
use crate::cache::flight::Flights;
use crate::cache::{Fill, Local, LocalLimits, SharedCache, Tiers, TiersOptions};
use crate::clock::{SharedClock, StoreTime};
use crate::entropy::{self, SharedEntropy};
use crate::freshness::guard::{self, Guard};
use crate::freshness::hints::{Follower, OpenHints, follow_hints};
use crate::freshness::signals::{Phase, Signals};
use crate::freshness::tail::Tail;
use crate::freshness::{Lease, Window};
use crate::keys::Keyring;
use crate::stats::Stats;
use crate::store::SessionStore;

/// Shared-cache keys waiting to be removed; more are left to expire.
const UNLINK_QUEUE: usize = 1_024;
/// Longest wait for the tasks to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the store to strike this node off the list.
const RETIRE_TIMEOUT: Duration = Duration::from_millis(500);

/// How long old logins are remembered after their sessions, unless somebody says otherwise.
const TOMBSTONE: Duration = Duration::from_secs(180 * 86_400);
/// The same for where sessions were used.
const SIGHTINGS_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// What [`Sessions`] is built from.
#[derive(Debug)]
pub struct Parts {
    /// The truth.
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
    /// Whether a missing or old schema may be brought up to date.
    pub migrate: bool,
}

/// What `/readyz` is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The store's schema was found to be good.
    pub schema: bool,
    /// The window of recent events is loaded.
    pub window: bool,
    /// The lease holds.
    pub lease: bool,
}

/// The sessions of this installation, as one node sees them.
#[derive(Debug)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    keys: Arc<Keyring>,
    clock: SharedClock,
    entropy: SharedEntropy,
    runtime: Handle,
    local: Arc<Local>,
    tiers: Arc<Tiers>,
    flights: Flights<Fill>,
    window: Arc<Window>,
    lease: Arc<Lease>,
    store_time: Arc<StoreTime>,
    signals: Arc<Signals>,
    activity: Arc<Activity>,
    stats: Arc<Stats>,
    sampling: Arc<Semaphore>,
    notes: Arc<Semaphore>,
    node: Uuid,
    retention: Arc<Retention>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Sessions {
    /// Builds the service and starts its tasks. The store may be away: the service is then up and not ready.
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
        let (window, lease) = (Arc::<Window>::default(), Arc::<Lease>::default());
        let (store_time, signals, stats) = (
            Arc::<StoreTime>::default(),
            Arc::<Signals>::default(),
            Arc::<Stats>::default(),
        );
        // Without randomness the node is the nil one; two of them would only wait for each other's reports.
        let node = entropy::bytes(entropy.as_ref()).map_or(Uuid::nil(), |bytes| {
            uuid::Builder::from_random_bytes(bytes).into_uuid()
        });
        let local = Arc::new(Local::new(options.local, options.negative_ttl));
        let tiers = Arc::new(Tiers {
            store: Arc::clone(&store),
            shared,
            breaker: Breaker::default(),
            sealer: Tiers::sealer(&keys),
            local: Arc::clone(&local),
            window: Arc::clone(&window),
            store_time: Arc::clone(&store_time),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            stats: Arc::clone(&stats),
            options: TiersOptions {
                local_ttl: options.local_ttl,
                shared_ttl: options.shared_ttl,
            },
        });
        let sessions = Arc::new(Self {
            activity: Arc::new(Activity::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&stats),
            )),
            flights: Flights::new(runtime.clone()),
            store,
            keys,
            clock,
            entropy,
            runtime,
            local,
            tiers,
            window,
            lease,
            store_time,
            signals,
            stats,
            sampling: Arc::new(Semaphore::new(1)),
            notes: Arc::new(Semaphore::new(logins::NOTES_MAX)),
            node,
            retention: Arc::new(Retention {
                tombstone: AtomicU64::new(TOMBSTONE.as_secs()),
                sightings: AtomicU64::new(SIGHTINGS_KEPT.as_secs()),
            }),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        sessions.spawn_tasks(options.migrate);
        sessions
    }

    fn spawn_tasks(&self, migrate: bool) {
        let (unlink, unlinks) = mpsc::channel(UNLINK_QUEUE);
        let tail = Tail {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            window: Arc::clone(&self.window),
            lease: Arc::clone(&self.lease),
            store_time: Arc::clone(&self.store_time),
            stats: Arc::clone(&self.stats),
            listener: Arc::new(Hygiene {
                local: Arc::clone(&self.local),
                unlink,
            }),
            signals: Arc::clone(&self.signals),
            migrate,
            node: self.node,
        };
        self.tasks
            .spawn_on(tail.run(self.stop.clone()), &self.runtime);
        self.tasks.spawn_on(
            Arc::clone(&self.activity).run(self.stop.clone()),
            &self.runtime,
        );
        self.spawn_hints();
        let guard = Guard {
            store: Arc::clone(&self.store),
            lease: Arc::clone(&self.lease),
            signals: Arc::clone(&self.signals),
            stats: Arc::clone(&self.stats),
        };
        let guard = guard.run(guard::LOOK_EVERY, self.stop.clone());
        self.tasks.spawn_on(guard, &self.runtime);
        let (store, retention) = (Arc::clone(&self.store), Arc::clone(&self.retention));
        let stats = Arc::clone(&self.stats);
        let house = housekeeping::keep_house(store, retention, stats, self.stop.clone());
        self.tasks.spawn_on(house, &self.runtime);
        self.tasks
            .spawn_on(unlink_all(Arc::clone(&self.tiers), unlinks), &self.runtime);
    }

    /// Hurries the heartbeat up where the store, or the shared cache, can say that something was committed (R4).
    fn spawn_hints(&self) {
        let store = Arc::clone(&self.store);
        self.spawn_follower(
            "store",
            Box::new(move || {
                let store = Arc::clone(&store);
                Box::pin(async move { store.listen().await })
            }),
        );
        if let Some(shared) = self.tiers.shared.clone() {
            self.spawn_follower(
                "shared cache",
                Box::new(move || {
                    let shared = Arc::clone(&shared);
                    Box::pin(async move { shared.listen().await })
                }),
            );
        }
    }

    fn spawn_follower(&self, channel: &'static str, open: OpenHints) {
        let follower = Follower {
            channel,
            open,
            local: Arc::clone(&self.local),
            signals: Arc::clone(&self.signals),
            stats: Arc::clone(&self.stats),
        };
        self.tasks
            .spawn_on(follow_hints(follower, self.stop.clone()), &self.runtime);
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
        drop(tokio::time::timeout(RETIRE_TIMEOUT, self.store.retire(self.node)).await);
    }

    /// Whether this node may decide.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let phase = self.signals.phase();
        Readiness {
            schema: matches!(phase, Phase::NoWindow | Phase::Following),
            window: phase == Phase::Following,
            lease: self.lease.holds(self.clock.boot()),
        }
    }

    /// What is left of the lease.
    #[must_use]
    pub fn lease_remaining(&self) -> Duration {
        self.lease.end().since(self.clock.boot())
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Number of the last event applied.
    #[must_use]
    pub fn applied_seq(&self) -> i64 {
        self.window.head()
    }

    /// The id under which this process is on the list of nodes.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.node
    }

    /// Reads of other tiers under way.
    #[must_use]
    pub fn fills_in_flight(&self) -> usize {
        self.flights.in_use()
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

    /// Drops the sessions held in process, for example because what is attached to entries has changed its form.
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
        &self.clock
    }

    /// Runs `work` to its end on the core runtime, even if the caller goes away.
    async fn on_core<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionsError>> + Send + 'static,
    ) -> Result<T, SessionsError> {
        self.tasks
            .spawn_on(work, &self.runtime)
            .await
            .unwrap_or(Err(SessionsError::Interrupted))
    }
}
