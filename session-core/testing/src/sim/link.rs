//! One node's way to the store: slow, lossy, cut off, or late.
//!
//! A call sets out, may be refused or lost, takes effect at one moment, and its answer comes back later or never. A write
//! that was given up may still take effect seconds later.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::fate::{End, Fate, Verb, Weather};
use super::hints::SimHints;
use super::{Dice, SimStore};
use session_core::freshness::tail::BEAT;
use session_core::store::prelude::*;
use session_core::{
    each_inspect_method, each_legacy_method, each_login_method, each_person_method,
    each_session_method, each_sighting_method,
};

/// One node's way to a [`SimStore`].
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

    /// Sets the weather from now on.
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

impl SimLink {
    async fn open_hints(&self) -> HintResult<Option<Box<dyn HintStream>>> {
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
    StoreError::timeout(Duration::from_millis(230))
}

/// A number for a key: sessions in a simulation are few.
pub(super) fn digest(key: &SessionKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// What becomes of a call, by its name. A method that is not listed is not simulated: it always fails.
macro_rules! carry {
    ($link:ident check_schema) => {
        $link.pass(Verb::CheckSchema, 0, |_| Ok(())).await
    };
    ($link:ident apply_schema) => {
        $link.pass(Verb::ApplySchema, 0, |_| Ok(())).await
    };
    ($link:ident pulse $node:ident $applied:ident) => {{
        let in_recovery = $link.weather() == Weather::Standby;
        let pulse = move |store: &SimStore| {
            let pulse = store.pulse($node, $applied);
            Ok(Pulse {
                in_recovery,
                ..pulse
            })
        };
        $link.pass(Verb::Pulse, 0, pulse).await
    }};
    ($link:ident history $limit:ident) => {{
        let in_recovery = $link.weather() == Weather::Standby;
        let history = move |store: &SimStore| {
            let history = store.history($limit);
            Ok(History {
                in_recovery,
                ..history
            })
        };
        $link.pass(Verb::History, 0, history).await
    }};
    ($link:ident load $key:ident) => {{
        let key = *$key;
        let load = move |store: &SimStore| Ok(store.load(&key));
        $link.primary(Verb::Load, digest(&key), load).await
    }};
    ($link:ident head) => {
        $link.primary(Verb::Head, 0, |store| Ok(store.head())).await
    };
    ($link:ident insert $new:ident) => {{
        let new = $new.clone();
        let insert = move |store: &SimStore| store.insert(&new);
        $link.primary(Verb::Insert, digest(&$new.key), insert).await
    }};
    ($link:ident update $key:ident $version:ident $change:ident) => {{
        let (key, change) = (*$key, $change.clone());
        let update = move |store: &SimStore| Ok(store.update(&key, $version, &change));
        $link.primary(Verb::Update, digest(&key), update).await
    }};
    ($link:ident renew $renewal:ident) => {{
        let (renewal, of) = ($renewal.clone(), digest(&$renewal.of));
        let renew = move |store: &SimStore| Ok(store.renew(&renewal));
        $link.primary(Verb::Renew, of, renew).await
    }};
    ($link:ident touch $batch:ident) => {{
        let batch = $batch.to_vec();
        let touch = move |store: &SimStore| Ok(store.touch(&batch));
        $link.primary(Verb::Touch, 0, touch).await
    }};
    ($link:ident revoke $scope:ident $reason:ident) => {{
        let scope = $scope.clone();
        let revoke = move |store: &SimStore| Ok(store.revoke(&scope, $reason));
        $link.primary(Verb::Revoke, about($scope), revoke).await
    }};
    ($link:ident list_by_user $user_id:ident $group:ident $after:ident $limit:ident) => {{
        let (user_id, group) = ($user_id.to_owned(), $group.clone());
        let list = move |store: &SimStore| Ok(store.list_by_user(&user_id, &group, $after, $limit));
        $link.primary(Verb::ListByUser, 0, list).await
    }};
    ($link:ident find $id:ident) => {{
        let find = move |store: &SimStore| Ok(store.find($id));
        $link.primary(Verb::Find, 0, find).await
    }};
    ($link:ident report $node:ident $applied:ident $eid:ident) => {{
        let report = move |store: &SimStore| {
            store.report($node, $applied, $eid);
            Ok(())
        };
        $link.primary(Verb::Report, 0, report).await
    }};
    ($link:ident report_and_pulse $node:ident $applied:ident $eid:ident) => {{
        $link.report($node, $applied, $eid).await?;
        $link.pulse($node, $applied).await
    }};
    ($link:ident nodes $within:ident) => {{
        let nodes = move |store: &SimStore| Ok(store.nodes($within));
        $link.primary(Verb::Nodes, 0, nodes).await
    }};
    ($link:ident retire $node:ident) => {{
        let retire = move |store: &SimStore| {
            store.retire($node);
            Ok(())
        };
        $link.primary(Verb::Retire, 0, retire).await
    }};
    ($link:ident listen) => {
        $link.open_hints().await
    };
    ($link:ident $method:ident $($argument:ident)*) => {{
        let _ = ($link, $($argument),*);
        Err(StoreError::unavailable(concat!(stringify!($method), " is not simulated")))
    }};
}

macro_rules! carry_all {
    ($trait:ident $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $trait for SimLink {
            $(
                async fn $method(&self $(, $argument: $type)*) -> $answer {
                    let link = self;
                    carry!(link $method $($argument)*)
                }
            )*
        }
    };
}

each_session_method!(carry_all);
each_inspect_method!(carry_all);
each_legacy_method!(carry_all);
each_login_method!(carry_all);
each_person_method!(carry_all);
each_sighting_method!(carry_all);

fn about(scope: &Scope) -> u64 {
    let text = |text: &str| {
        let bytes = text.bytes().map(u64::from);
        bytes.fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte))
    };
    match scope {
        Scope::Key(key) => digest(key),
        Scope::Handle { id, .. } => id.as_u64_pair().1,
        Scope::Others { keep, .. } => digest(keep).wrapping_add(1),
        Scope::Member { user_id, group } => text(&format!("{group}:{user_id}")),
        Scope::User(id) => text(id),
        Scope::Tenant(id) => text(id).wrapping_add(1),
        Scope::All => 1,
    }
}
