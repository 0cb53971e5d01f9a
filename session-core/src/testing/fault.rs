//! A store that fails when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::hint::{HintResult, HintStream};
use crate::session::{NewSession, RevokeReason, Seq, Session};
use crate::sid::SessionKey;
use crate::store::{
    Change, Cursor, Device, DevicePlace, Flag, History, Housekept, NodeReport, Pulse, Renewal,
    Revoked, Scope, Search, SessionStore, Sighting, SightingStore, Sightings, Snapshot, StoreError,
    StoreResult, StoredSession, Touch, Updated,
};

mod legacy;
mod login;

/// A store in front of another one, with [`Faults`] in between.
#[derive(Debug)]
pub struct FaultStore {
    inner: Arc<dyn SessionStore>,
    faults: Arc<Faults>,
}

impl FaultStore {
    /// Puts faults, none at first, in front of `inner`. The switches work while the store is in use.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>) -> (Arc<Self>, Arc<Faults>) {
        let faults = Arc::<Faults>::default();
        let store = Self {
            inner,
            faults: Arc::clone(&faults),
        };
        (Arc::new(store), faults)
    }
}

/// A method of [`SessionStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named like the methods of the store")]
pub enum Call {
    CheckSchema,
    ApplySchema,
    Pulse,
    AgeOf,
    History,
    Load,
    Head,
    Insert,
    Update,
    Renew,
    Touch,
    Revoke,
    ListByUser,
    Find,
    Search,
    CountLive,
    Report,
    Nodes,
    Retire,
    Listen,
    Housekeep,
    Recall,
    Adopt,
    Attach,
    CutOff,
    Kept,
    ForgetLegacy,
    Tally,
    Tallied,
    Sight,
    SightingsOf,
    Flags,
    SightingsFrom,
    ForgetSightings,
    Familiar,
    NoteLogin,
    ForgetLogins,
}

const CALLS: usize = 37;

/// The switches of a [`FaultStore`].
#[derive(Debug)]
pub struct Faults {
    state: Mutex<State>,
    counts: [AtomicU64; CALLS],
    /// Loads wait here, after they have read and before they answer, while it is `true`.
    gate: watch::Sender<bool>,
    /// One permit for each load that has come to the closed gate.
    arrived: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    down: Vec<Call>,
    all_down: bool,
    lost: Vec<Call>,
    delay: Duration,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            gate: watch::Sender::new(false),
            arrived: Semaphore::new(0),
        }
    }
}

impl Faults {
    /// From now on every call is refused with [`StoreError::Unavailable`].
    pub fn down(&self) {
        self.state.lock().all_down = true;
    }

    /// From now on this call is refused.
    pub fn down_only(&self, call: Call) {
        self.state.lock().down.push(call);
    }

    /// From now on this call takes effect, but its answer is lost: the caller sees [`StoreError::Timeout`].
    pub fn lose_answers(&self, call: Call) {
        self.state.lock().lost.push(call);
    }

    /// From now on every call waits before it begins.
    pub fn slow(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    /// All is well again. Loads that are being held stay so.
    pub fn up(&self) {
        *self.state.lock() = State::default();
    }

    /// How often a method was called, refused calls included.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.count(call).load(Ordering::SeqCst)
    }

    /// From now on loads are held between reading and answering, until the [`Hold`] is dropped.
    #[must_use]
    pub fn hold_loads(self: &Arc<Self>) -> Hold {
        self.gate.send_replace(true);
        Hold(Arc::clone(self))
    }

    fn count(&self, call: Call) -> &AtomicU64 {
        let [first, ..] = &self.counts;
        self.counts.get(call as usize).unwrap_or(first)
    }

    async fn pass<T, E: From<StoreError>>(
        &self,
        call: Call,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.count(call).fetch_add(1, Ordering::SeqCst);
        let delay = self.state.lock().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let (down, lost) = {
            let state = self.state.lock();
            (
                state.all_down || state.down.contains(&call),
                state.lost.contains(&call),
            )
        };
        if down {
            return Err(StoreError::unavailable("switched off by the test").into());
        }
        let answer = inner.await;
        if call == Call::Load {
            self.stand_at_the_gate().await;
        }
        if lost {
            return Err(StoreError::Timeout(0).into());
        }
        answer
    }

    async fn stand_at_the_gate(&self) {
        let mut gate = self.gate.subscribe();
        if *gate.borrow() {
            self.arrived.add_permits(1);
        }
        // An error would mean that the gate is gone, and then nobody is held.
        let _ = gate.wait_for(|closed| !closed).await;
    }
}

/// Loads are held while this lives.
#[derive(Debug)]
pub struct Hold(Arc<Faults>);

impl Hold {
    /// Waits until a load has read and is being held. Each call waits for one more.
    pub async fn until_one_has_read(&self) {
        if let Ok(arrival) = self.0.arrived.acquire().await {
            arrival.forget();
        }
    }

    /// Lets them go.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.gate.send_replace(false);
    }
}

#[async_trait]
impl SessionStore for FaultStore {
    async fn check_schema(&self) -> StoreResult<()> {
        let inner = self.inner.check_schema();
        self.faults.pass(Call::CheckSchema, inner).await
    }

    async fn apply_schema(&self) -> StoreResult<()> {
        let inner = self.inner.apply_schema();
        self.faults.pass(Call::ApplySchema, inner).await
    }

    async fn pulse(&self, applied: Seq) -> StoreResult<Pulse> {
        let inner = self.inner.pulse(applied);
        self.faults.pass(Call::Pulse, inner).await
    }

    async fn age_of(&self, seq: Seq) -> StoreResult<Option<Duration>> {
        let inner = self.inner.age_of(seq);
        self.faults.pass(Call::AgeOf, inner).await
    }

    async fn history(&self, limit: usize) -> StoreResult<History> {
        let inner = self.inner.history(limit);
        self.faults.pass(Call::History, inner).await
    }

    async fn load(&self, key: &SessionKey) -> StoreResult<Snapshot> {
        let inner = self.inner.load(key);
        self.faults.pass(Call::Load, inner).await
    }

    async fn head(&self) -> StoreResult<Seq> {
        self.faults.pass(Call::Head, self.inner.head()).await
    }

    async fn insert(&self, new: &NewSession) -> StoreResult<Session> {
        let inner = self.inner.insert(new);
        self.faults.pass(Call::Insert, inner).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: i64,
        change: &Change,
    ) -> StoreResult<Updated> {
        let inner = self.inner.update(key, version, change);
        self.faults.pass(Call::Update, inner).await
    }

    async fn renew(&self, renewal: &Renewal) -> StoreResult<Option<Session>> {
        let inner = self.inner.renew(renewal);
        self.faults.pass(Call::Renew, inner).await
    }

    async fn touch(&self, batch: &[Touch]) -> StoreResult<u64> {
        let inner = self.inner.touch(batch);
        self.faults.pass(Call::Touch, inner).await
    }

    async fn revoke(&self, scope: &Scope, reason: RevokeReason) -> StoreResult<Revoked> {
        let inner = self.inner.revoke(scope, reason);
        self.faults.pass(Call::Revoke, inner).await
    }

    async fn list_by_user(
        &self,
        user_id: &str,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> StoreResult<Vec<Device>> {
        let inner = self.inner.list_by_user(user_id, after, limit);
        self.faults.pass(Call::ListByUser, inner).await
    }

    async fn find(&self, id: Uuid) -> StoreResult<Option<StoredSession>> {
        let inner = self.inner.find(id);
        self.faults.pass(Call::Find, inner).await
    }

    async fn search(&self, search: &Search) -> StoreResult<Vec<Session>> {
        let inner = self.inner.search(search);
        self.faults.pass(Call::Search, inner).await
    }

    async fn count_live(&self) -> StoreResult<u64> {
        let inner = self.inner.count_live();
        self.faults.pass(Call::CountLive, inner).await
    }

    async fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) -> StoreResult<()> {
        let inner = self.inner.report(node, applied, eid);
        self.faults.pass(Call::Report, inner).await
    }

    async fn nodes(&self, within: Duration) -> StoreResult<Vec<NodeReport>> {
        self.faults
            .pass(Call::Nodes, self.inner.nodes(within))
            .await
    }

    async fn retire(&self, node: Uuid) -> StoreResult<()> {
        self.faults
            .pass(Call::Retire, self.inner.retire(node))
            .await
    }

    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        self.faults.pass(Call::Listen, self.inner.listen()).await
    }

    async fn housekeep(&self, batch: usize) -> StoreResult<Housekept> {
        let inner = self.inner.housekeep(batch);
        self.faults.pass(Call::Housekeep, inner).await
    }
}

#[async_trait]
impl SightingStore for FaultStore {
    async fn sight(&self, seen: &Sighting) -> StoreResult<()> {
        self.faults.pass(Call::Sight, self.inner.sight(seen)).await
    }

    async fn sightings_of(&self, session: Uuid, limit: usize) -> StoreResult<Vec<Sighting>> {
        let inner = self.inner.sightings_of(session, limit);
        self.faults.pass(Call::SightingsOf, inner).await
    }

    async fn flags(&self, sessions: &[Uuid], limit: usize) -> StoreResult<Vec<Flag>> {
        let inner = self.inner.flags(sessions, limit);
        self.faults.pass(Call::Flags, inner).await
    }

    async fn sightings_from(&self, from: Cursor, limit: usize) -> StoreResult<Sightings> {
        let inner = self.inner.sightings_from(from, limit);
        self.faults.pass(Call::SightingsFrom, inner).await
    }

    async fn forget_sightings(&self, kept: Duration, batch: usize) -> StoreResult<u64> {
        let inner = self.inner.forget_sightings(kept, batch);
        self.faults.pass(Call::ForgetSightings, inner).await
    }
}
