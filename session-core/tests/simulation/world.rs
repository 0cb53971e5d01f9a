//! A world from its beginning to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use session_core::clock::{Boot, Clock};
use session_core::session::Group;
use session_core::sid::SessionKey;
use session_core::store::Scope;
use session_testing::sim::{Change, Dice, SharedWeather, SimClock, SimShared, SimStore, Weather};
use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::history::{History, Record, Seen};
use crate::node::{Node, Place};
use crate::plan::{self, NODES};

/// How long it may take until all is well again.
const RECOVERY: Duration = Duration::from_secs(3);

/// A session that somebody holds the sid of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) key: SessionKey,
    pub(crate) id: Uuid,
    pub(crate) sid: String,
    pub(crate) user: String,
    pub(crate) tenant: Option<String>,
    pub(crate) group: Group,
    /// When its credentials were checked.
    pub(crate) checked: Boot,
    /// The session whose sid was exchanged for this one.
    pub(crate) heir_of: Option<SessionKey>,
    /// It has an idle limit.
    pub(crate) idles: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) store: Arc<SimStore>,
    pub(crate) cache: Arc<SimShared>,
    pub(crate) places: Vec<Place>,
    nodes: Mutex<Vec<Arc<Node>>>,
    sessions: Mutex<Vec<Known>>,
    records: Mutex<Vec<Record>>,
}

/// Runs a seed.
pub(crate) fn run(seed: u64) -> History {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(live(Dice::new(seed)))
}

async fn live(dice: Dice) -> History {
    let world = Arc::new(World::new(dice));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for (number, step) in plan::plan(dice).into_iter().enumerate() {
        sleep_until(start + step.at).await;
        let world = Arc::clone(&world);
        tasks.push(Handle::current().spawn(async move { world.take(number, step).await }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    world.heal().await;
    let healed = world.clock.boot();
    world.ask_everybody().await;
    let history = world.history(healed);
    for node in world.nodes() {
        node.crash().await;
    }
    history
}

impl World {
    fn new(dice: Dice) -> Self {
        let start = Instant::now();
        let clock = Arc::new(SimClock::new(start));
        let store = Arc::new(SimStore::new(Arc::clone(&clock)));
        let cache = SimShared::new(Arc::clone(&clock));
        let places: Vec<_> = (0..NODES)
            .map(|number| Place {
                number,
                dice,
                clock: Arc::new(SimClock::new(start)),
                store: Arc::clone(&store),
                cache: Arc::clone(&cache),
                settings: plan::settings(dice),
            })
            .collect();
        let nodes = places.iter().map(|place| place.start(0)).collect();
        Self {
            clock,
            store,
            cache,
            places,
            nodes: Mutex::new(nodes),
            sessions: Mutex::default(),
            records: Mutex::default(),
        }
    }

    pub(crate) fn node(&self, at: usize) -> Arc<Node> {
        Arc::clone(&self.nodes.lock()[at])
    }

    pub(crate) fn put_node(&self, at: usize, node: Arc<Node>) {
        self.nodes.lock()[at] = node;
    }

    fn nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.lock().clone()
    }

    pub(crate) fn add(&self, known: Known) -> usize {
        let mut sessions = self.sessions.lock();
        sessions.push(known);
        sessions.len() - 1
    }

    /// The sessions that a revocation which begins now will name.
    pub(crate) fn named(&self, scope: &Scope) -> Vec<(usize, SessionKey)> {
        let sessions = self.sessions.lock();
        let named = sessions
            .iter()
            .enumerate()
            .filter(|(_, known)| match scope {
                Scope::Key(key) => known.key == *key,
                Scope::Handle { id, .. } => known.id == *id,
                Scope::Others {
                    user_id,
                    keep,
                    group,
                } => {
                    known.user == **user_id
                        && known.key != *keep
                        && group.as_ref().is_none_or(|group| *group == known.group)
                }
                Scope::Member { user_id, group } => {
                    known.user == **user_id && known.group == *group
                }
                Scope::User(user_id) => known.user == **user_id,
                Scope::Tenant(tenant_id) => known.tenant.as_deref() == Some(&**tenant_id),
                Scope::All => true,
            });
        named.map(|(at, known)| (at, known.key)).collect()
    }

    /// The sessions that have ended.
    pub(crate) fn ended(&self) -> BTreeSet<SessionKey> {
        let journal = self.store.journal();
        let (mut ended, mut former) = (BTreeSet::new(), BTreeMap::new());
        for commit in journal {
            match commit.change {
                Change::Renewed { of, to, .. } => drop(former.insert(to, of)),
                Change::Ended { key, .. } => {
                    let mut next = Some(key);
                    while let Some(key) = next {
                        ended.insert(key);
                        next = former.get(&key).copied();
                    }
                }
                _ => {}
            }
        }
        ended
    }

    pub(crate) fn known(&self, session: usize) -> Known {
        self.sessions.lock()[session].clone()
    }

    /// One of the sessions; the younger, the likelier.
    pub(crate) fn pick(&self, pick: u64) -> Option<(usize, Known)> {
        let sessions = self.sessions.lock();
        let count = sessions.len() as u64;
        let back = (pick % count.checked_add(1)?).min((pick >> 32) % (count + 1));
        let at = usize::try_from(count.checked_sub(1 + back)?).ok()?;
        sessions.get(at).map(|known| (at, known.clone()))
    }

    pub(crate) fn write_down(&self, step: usize, at: usize, node: &Node, seen: Seen) {
        if node.is_alive() {
            self.records.lock().push(Record {
                at: self.clock.boot(),
                step,
                node: at,
                life: node.life,
                seen,
            });
        }
    }

    async fn heal(&self) {
        for node in self.nodes() {
            node.link.set(Weather::Fair);
            node.shared.set(SharedWeather::Fair);
        }
        sleep(RECOVERY).await;
    }

    /// After all is well, everybody must know everything.
    async fn ask_everybody(&self) {
        let sessions = self.sessions.lock().clone();
        for at in 0..NODES {
            let node = self.node(at);
            for number in 0..sessions.len() {
                self.request(usize::MAX, at, &node, number, Duration::ZERO)
                    .await;
                self.intrude(usize::MAX, at, &node, number).await;
            }
        }
    }

    fn history(&self, healed: Boot) -> History {
        let mut records = self.records.lock().clone();
        // What happened in one tick has no order.
        records.sort_by_cached_key(|record| {
            (
                record.at,
                record.step,
                record.node,
                format!("{:?}", record.seen),
            )
        });
        let up = i64::try_from(self.clock.boot().as_nanos() / 1_000).unwrap();
        History {
            sessions: self.sessions.lock().clone(),
            records,
            commits: self.store.journal(),
            store_epoch: self.store.wall().as_micros() - up,
            healed,
        }
    }
}
