//! One node's way to the store: slow, lossy, cut off, or late.
//!
//! A call sets out, may be refused or lost, takes effect at one moment, and its answer comes back later or never. A write
//! that was given up may still take effect seconds later.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::fate::{End, Fate, Verb, Weather};
use super::hints::SimHints;
use super::{Dice, SimStore};
use crate::freshness::tail::BEAT;
use crate::hint::{HintResult, HintStream};
use crate::session::{NewSession, RevokeReason, Seq, Session};
use crate::sid::SessionKey;
use crate::store::{
    Change, Device, DevicePlace, History, LegacyStore, LoginStore, NodeReport, Pulse, Renewal,
    Revoked, Scope, SessionStore, SightingStore, Snapshot, StoreError, StoreResult, StoredSession,
    Touch, Updated,
};

/// See the module.
#[derive(Debug)]
pub struct SimLink {
    this: Weak<Self>,
    store: Arc<SimStore>,
    dice: Dice,
    name: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    weather: Weather,
    /// The node behind it is gone: nothing is carried any more.
    dead: bool,
    asked: BTreeMap<(u64, u64), u64>,
    /// When the heartbeat came last: the next one is due [`BEAT`] later.
    beat: Option<Instant>,
    /// It has reported, and the question for events that follows belongs to the same beat.
    reported: bool,
    /// Channels of hints that were opened.
    channels: u64,
}

impl SimLink {
    /// A way to `store`, whose faults follow from `dice` and `name`.
    #[must_use]
    pub fn new(store: Arc<SimStore>, dice: Dice, name: u64) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            store,
            dice,
            name,
            state: Mutex::default(),
        })
    }

    /// From now on it is like this.
    pub fn set(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    /// The node is gone: what it has under way gets no further, and what it still asks is refused at once.
    pub fn die(&self) {
        self.state.lock().dead = true;
    }

    /// Waits until the node's heartbeat is not due in this very tick: which of two wake-ups of one tick wins is up to chance.
    pub async fn dodge_the_beat(&self) {
        let due = self.state.lock().beat.map(|beat| beat + BEAT);
        if due == Some(Instant::now()) {
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn feel_the_beat(&self, verb: Verb) {
        let beats = matches!(
            verb,
            Verb::Pulse | Verb::History | Verb::CheckSchema | Verb::Report
        );
        let mut state = self.state.lock();
        if beats && !(verb == Verb::Pulse && state.reported) {
            state.beat = Some(Instant::now());
        }
        if beats {
            state.reported = false;
        }
    }

    /// Whether a connection over it would break.
    pub(super) fn is_broken(&self) -> bool {
        let state = self.state.lock();
        state.dead || matches!(state.weather, Weather::Cut | Weather::Refused)
    }

    fn weather(&self) -> Weather {
        self.state.lock().weather
    }

    fn fate(&self, verb: Verb, about: u64) -> Fate {
        let kind = verb as u64;
        let (weather, times) = {
            let mut state = self.state.lock();
            let weather = state.weather;
            let times = state.asked.entry((kind, about)).or_default();
            *times += 1;
            (weather, *times)
        };
        let roll = self.dice.roll(&[self.name, kind, about, times]);
        Fate::of(weather, verb, roll)
    }

    async fn pass<T>(
        &self,
        verb: Verb,
        about: u64,
        effect: impl FnOnce(&SimStore) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        if self.state.lock().dead {
            return Err(StoreError::unavailable("the node is gone"));
        }
        self.feel_the_beat(verb);
        let fate = self.fate(verb, about);
        wait(fate.out).await;
        let answer = self.arrive(fate.end, effect).await?;
        wait(fate.back).await;
        self.dodge_the_beat().await;
        if self.state.lock().dead || matches!(self.weather(), Weather::Cut | Weather::AnswersLost) {
            return Err(gave_up().await);
        }
        if verb == Verb::Report {
            self.state.lock().reported = true;
        }
        Ok(answer)
    }

    async fn arrive<T>(
        &self,
        end: End,
        effect: impl FnOnce(&SimStore) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let weather = self.weather();
        if self.state.lock().dead || matches!(end, End::Lost) || weather == Weather::Cut {
            return Err(gave_up().await);
        }
        match end {
            End::Refused => Err(StoreError::unavailable("refused")),
            End::AnswerLost => {
                drop(effect(&self.store));
                Err(gave_up().await)
            }
            End::Late(by) => {
                let store = Arc::clone(&self.store);
                Handle::current().spawn(async move {
                    sleep(by).await;
                    drop(effect(&store));
                });
                Err(gave_up().await)
            }
            End::Answered | End::Lost => effect(&self.store),
        }
    }

    async fn primary<T>(
        &self,
        verb: Verb,
        about: u64,
        effect: impl FnOnce(&SimStore) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        if self.weather() == Weather::Standby {
            return Err(StoreError::InRecovery);
        }
        self.pass(verb, about, effect).await
    }
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The limit that every store puts on a call. Shorter than a heartbeat's, so that the next is due when it always is.
async fn gave_up() -> StoreError {
    const LIMIT: Duration = Duration::from_millis(230);
    sleep(LIMIT).await;
    StoreError::Timeout(230)
}

/// A number for a key: sessions in a simulation are few.
pub(super) fn digest(key: &SessionKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl LegacyStore for SimLink {}

impl SightingStore for SimLink {}

impl LoginStore for SimLink {}

#[async_trait]
impl SessionStore for SimLink {
    async fn check_schema(&self) -> StoreResult<()> {
        self.pass(Verb::CheckSchema, 0, |_| Ok(())).await
    }

    async fn apply_schema(&self) -> StoreResult<()> {
        self.pass(Verb::ApplySchema, 0, |_| Ok(())).await
    }

    async fn pulse(&self, applied: Seq) -> StoreResult<Pulse> {
        let in_recovery = self.weather() == Weather::Standby;
        self.pass(Verb::Pulse, 0, move |store| {
            Ok(Pulse {
                in_recovery,
                ..store.pulse_now(applied)
            })
        })
        .await
    }

    async fn history(&self, limit: usize) -> StoreResult<History> {
        let in_recovery = self.weather() == Weather::Standby;
        self.pass(Verb::History, 0, move |store| {
            Ok(History {
                in_recovery,
                ..store.history_now(limit)
            })
        })
        .await
    }

    async fn load(&self, key: &SessionKey) -> StoreResult<Snapshot> {
        let key = *key;
        self.primary(Verb::Load, digest(&key), move |store| {
            Ok(store.load_now(&key))
        })
        .await
    }

    async fn head(&self) -> StoreResult<Seq> {
        self.primary(Verb::Head, 0, |store| Ok(store.head_now()))
            .await
    }

    async fn insert(&self, new: &NewSession) -> StoreResult<Session> {
        let new = new.clone();
        let about = digest(&new.key);
        self.primary(Verb::Insert, about, move |store| store.insert_now(&new))
            .await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: i64,
        change: &Change,
    ) -> StoreResult<Updated> {
        let (key, change) = (*key, change.clone());
        self.primary(Verb::Update, digest(&key), move |store| {
            Ok(store.update_now(&key, version, &change))
        })
        .await
    }

    async fn renew(&self, renewal: &Renewal) -> StoreResult<Option<Session>> {
        let renewal = *renewal;
        self.primary(Verb::Renew, digest(&renewal.of), move |store| {
            Ok(store.renew_now(&renewal))
        })
        .await
    }

    async fn touch(&self, batch: &[Touch]) -> StoreResult<u64> {
        let batch = batch.to_vec();
        self.primary(Verb::Touch, 0, move |store| Ok(store.touch_now(&batch)))
            .await
    }

    async fn revoke(&self, scope: &Scope, reason: RevokeReason) -> StoreResult<Revoked> {
        let (scope, about) = (scope.clone(), about(scope));
        self.primary(Verb::Revoke, about, move |store| {
            Ok(store.revoke_now(&scope, reason))
        })
        .await
    }

    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        let times = {
            let mut state = self.state.lock();
            state.channels += 1;
            state.channels
        };
        self.primary(Verb::Listen, 0, |_| Ok(())).await?;
        let link = self.this.upgrade().ok_or(StoreError::InRecovery)?;
        let roll = self.dice.roll(&[self.name, Verb::Listen as u64, times, 1]);
        let store = Arc::clone(&self.store);
        Ok(Some(Box::new(SimHints::new(link, store, roll))))
    }

    async fn list_by_user(
        &self,
        user_id: &str,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> StoreResult<Vec<Device>> {
        let user_id = user_id.to_owned();
        self.primary(Verb::ListByUser, 0, move |store| {
            Ok(store.list_now(&user_id, after, limit))
        })
        .await
    }

    async fn find(&self, id: Uuid) -> StoreResult<Option<StoredSession>> {
        self.primary(Verb::Find, 0, move |store| Ok(store.find_now(id)))
            .await
    }

    async fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) -> StoreResult<()> {
        self.primary(Verb::Report, 0, move |store| {
            store.report_now(node, applied, eid);
            Ok(())
        })
        .await
    }

    async fn nodes(&self, within: Duration) -> StoreResult<Vec<NodeReport>> {
        self.primary(Verb::Nodes, 0, move |store| Ok(store.nodes_now(within)))
            .await
    }

    async fn retire(&self, node: Uuid) -> StoreResult<()> {
        self.primary(Verb::Retire, 0, move |store| {
            store.retire_now(node);
            Ok(())
        })
        .await
    }
}

fn about(scope: &Scope) -> u64 {
    let text = |text: &str| {
        let bytes = text.bytes().map(u64::from);
        bytes.fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte))
    };
    match scope {
        Scope::Key(key) => digest(key),
        Scope::Handle { id, .. } => id.as_u64_pair().1,
        Scope::Others { keep, .. } => digest(keep).wrapping_add(1),
        Scope::User(id) => text(id),
        Scope::Tenant(id) => text(id).wrapping_add(1),
        Scope::All => 1,
    }
}
