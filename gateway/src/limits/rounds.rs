//! Rounds: one clock for all that waits for long.
//!
//! A connection that rests, a header that is being read and a stream that is open wait for seconds or hours. A timer for
//! each of them would be armed and taken back with every request. So each has a [`Bell`], and one task goes round, four
//! times a second: it rings for those whose time has come, and for those whose session may have ended. Between two rounds
//! it hears of every event about sessions, and then looks at those again that a session was seen to belong to. So a stream
//! hears of the end of its session at once, and sleeps through all that happens to others.
//!
//! A wait ends up to [`ROUND`] late, and never early. Whoever is rung looks for itself what there is to do: a ring too many
//! does no harm.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use session_core::cache::Entry;
use session_core::clock::Boot;
use session_core::service::Sessions;
use session_core::sid::SessionKey;
use tokio::time::MissedTickBehavior;

/// Time between two rounds.
pub(crate) const ROUND: Duration = Duration::from_millis(250);
/// Shortest time between two looks at sessions, however much is being changed.
const LOOK_GAP: Duration = Duration::from_millis(20);
/// Parts of the list, so that those who come and go do not wait for each other.
const SHARDS: usize = 16;
/// In place of a time that never comes.
const NEVER: u64 = u64::MAX;

/// Everybody who waits: a pointer for each connection, HTTP/2 stream and event stream, so as many as those are allowed.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    shards: [Mutex<Vec<Arc<Bell>>>; SHARDS],
    entered: AtomicUsize,
}

/// What one of them waits for.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    waiting: AtomicWaker,
    /// When to ring, in nanoseconds since boot.
    due: AtomicU64,
    bound: Mutex<Option<Bound>>,
    /// Where it stands in its shard. Changes only under the lock of the shard.
    place: AtomicUsize,
}

/// The session that a request or stream ends with.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// Its key.
    pub key: SessionKey,
    /// Its last known state.
    pub known: Option<Arc<Entry>>,
}

/// One place in the rounds; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    rounds: Arc<Rounds>,
    shard: usize,
    bell: Arc<Bell>,
}

impl Rounds {
    /// Takes a place. Nothing rings until something is waited for.
    pub(crate) fn enter(self: &Arc<Self>) -> Member {
        let bell = Arc::<Bell>::default();
        bell.wait_for_ever();
        let shard = self.entered.fetch_add(1, Ordering::Relaxed) % SHARDS;
        if let Some(bells) = self.shards.get(shard) {
            let mut bells = bells.lock();
            bell.place.store(bells.len(), Ordering::Relaxed);
            bells.push(Arc::clone(&bell));
        }
        Member {
            rounds: Arc::clone(self),
            shard,
            bell,
        }
    }

    /// Goes round once per `every`, for as long as the process lives.
    pub(crate) async fn run(self: Arc<Self>, sessions: Arc<Sessions>, every: Duration) {
        let mut rounds = tokio::time::interval(every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut news = sessions.news();
        let mut bound = Vec::new();
        loop {
            tokio::select! {
                _now = rounds.tick() => {
                    self.go_round(&sessions, &mut bound);
                }
                // The other side lives as long as the sessions.
                _changed = news.changed(), if !bound.is_empty() => {
                    for bell in &bound {
                        bell.ring_if_in_doubt(&sessions);
                    }
                    tokio::time::sleep(LOOK_GAP).await;
                }
            }
        }
    }

    /// Rings for everybody whose time or session may be over. Those with a session are put into `bound`.
    fn go_round(&self, sessions: &Sessions, bound: &mut Vec<Arc<Bell>>) {
        bound.clear();
        let now = sessions.clock().boot();
        for bells in &self.shards {
            for bell in bells.lock().iter() {
                if bell.is_due(now) {
                    bell.ring();
                }
                if bell.ring_if_in_doubt(sessions) {
                    bound.push(Arc::clone(bell));
                }
            }
        }
        bound.shrink_to(2 * bound.len());
    }

    /// Rings for everybody: something has changed that concerns all.
    pub(crate) fn ring_all(&self) {
        for bells in &self.shards {
            for bell in bells.lock().iter() {
                bell.ring();
            }
        }
    }

    fn leave(&self, member: &Member) {
        let Some(bells) = self.shards.get(member.shard) else {
            return;
        };
        let mut bells = bells.lock();
        let place = member.bell.place.load(Ordering::Relaxed);
        bells.swap_remove(place);
        if let Some(moved) = bells.get(place) {
            moved.place.store(place, Ordering::Relaxed);
        }
        let needed = 2 * bells.len();
        if needed < bells.capacity() / 2 {
            bells.shrink_to(needed);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|bells| bells.lock().len()).sum()
    }
}

impl Bell {
    /// Rings at `due` from now on, and no more for what was waited for before.
    pub(crate) fn wait_until(&self, due: Boot) {
        self.due.store(due.as_nanos(), Ordering::Relaxed);
    }

    /// Rings for no time from now on.
    pub(crate) fn wait_for_ever(&self) {
        self.due.store(NEVER, Ordering::Relaxed);
    }

    /// Whether the time that is waited for has come.
    pub(crate) fn is_due(&self, now: Boot) -> bool {
        now.as_nanos() >= self.due.load(Ordering::Relaxed)
    }

    /// Rings from now on when this session may have ended.
    pub(crate) fn bind(&self, bound: Option<Bound>) {
        *self.bound.lock() = bound;
    }

    /// The session that it is bound to.
    pub(crate) fn bound(&self) -> Option<Bound> {
        self.bound.lock().clone()
    }

    /// Remembers what is known now of the session of `key`, unless it has been bound to another one meanwhile.
    pub(crate) fn know(&self, key: &SessionKey, entry: Arc<Entry>) {
        if let Some(bound) = self.bound.lock().as_mut().filter(|bound| bound.key == *key) {
            // Its key is another one when its sid was renewed.
            bound.key = entry.session().key;
            bound.known = Some(entry);
        }
    }

    /// Whether it is bound to a session of which it is not sure that it lives.
    pub(crate) fn is_in_doubt(&self, sessions: &Sessions) -> bool {
        self.bound
            .lock()
            .as_ref()
            .is_some_and(|bound| bound.is_in_doubt(sessions))
    }

    /// False when it is bound to no session.
    fn ring_if_in_doubt(&self, sessions: &Sessions) -> bool {
        let bound = self.bound.lock();
        let Some(session) = &*bound else {
            return false;
        };
        if session.is_in_doubt(sessions) {
            self.ring();
        }
        true
    }

    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.waiting.wake();
    }

    /// Returns at the next ring, at once if there was one that nobody has heard. One task may wait.
    pub(crate) async fn rung(&self) {
        std::future::poll_fn(|cx| self.poll_rung(cx)).await;
    }

    /// Does `work`, but gives it up at a ring at which it `is_over`; then `None`.
    pub(crate) async fn unless<T>(
        &self,
        is_over: impl Fn() -> bool + Send + Sync,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            loop {
                ready!(self.poll_rung(cx));
                if is_over() {
                    return Poll::Ready(None);
                }
            }
        })
        .await
    }

    fn poll_rung(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.take_ring() {
            self.waiting.register(cx.waker());
            if !self.take_ring() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn take_ring(&self) -> bool {
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::Acquire)
    }
}

impl Bound {
    fn is_in_doubt(&self, sessions: &Sessions) -> bool {
        self.known
            .as_ref()
            .is_none_or(|entry| !sessions.is_undoubted(entry))
    }
}

impl Deref for Member {
    type Target = Bell;

    fn deref(&self) -> &Bell {
        &self.bell
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.rounds.leave(self);
    }
}

#[cfg(test)]
mod tests;
