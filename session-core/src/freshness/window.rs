//! The events a node has applied, as far back as it remembers.
//!
//! A value read as of event `n` is good as long as no later event names its session, its user, its tenant or everybody.
//! The window remembers for each name the number of the newest event, from its start `W` to the head; about a value older
//! than `W` it knows nothing, so such a value is refused (R5, R6). Memory is bounded: forgetting the oldest event moves
//! `W` up.
//!
//! Most checks take no lock: `tick` grows with every change here, and an entry that was checked at the current tick is
//! still good.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::watch;
use uuid::Uuid;

use super::Standing;
use crate::session::{Identity, Seq, Session, Text};
use crate::sid::SessionKey;
use crate::store::{Event, History, Subject};

/// Most events that are remembered: about 20 MB at the worst.
pub const RECENT_MAX: usize = 100_000;

/// The events that were applied: for each name the number of the newest one.
#[derive(Debug, Default)]
pub struct Window {
    tick: AtomicU64,
    head: AtomicI64,
    inner: RwLock<Inner>,
    /// The newest tick, for those who wait for the next one.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Grows with each reset: numbers of different epochs cannot be compared.
    epoch: u64,
    incarnation: Uuid,
    /// `W`: every event after this one is known.
    start: Seq,
    head: Seq,
    /// Id of the event at `head`.
    anchor: Option<Uuid>,
    recent: Recent,
    order: VecDeque<(Seq, Subject)>,
}

/// Number of the newest event for each name.
#[derive(Debug, Default)]
struct Recent {
    sessions: HashMap<SessionKey, Seq>,
    users: HashMap<Text, Seq>,
    tenants: HashMap<Text, Seq>,
    flush: Seq,
}

/// What the next heartbeat starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) seq: Seq,
    pub(crate) anchor: Option<Uuid>,
    pub(crate) incarnation: Uuid,
}

impl Window {
    /// Number of the last event applied.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.head.load(Ordering::Acquire)
    }

    /// `W`, the oldest event number from which values are accepted.
    #[must_use]
    pub fn start(&self) -> Seq {
        self.inner.read().start
    }

    /// A number that changes with every change of the window. Open streams watch it to check their session again.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(crate) fn applied(&self) -> Applied {
        let inner = self.inner.read();
        Applied {
            seq: inner.head,
            anchor: inner.anchor,
            incarnation: inner.incarnation,
        }
    }

    /// Whether a value of `key`, read as of `as_of` from `incarnation`, is good now.
    #[must_use]
    pub fn accept(
        &self,
        key: &SessionKey,
        identity: &Identity,
        as_of: Seq,
        incarnation: Uuid,
    ) -> Option<Standing> {
        let inner = self.inner.read();
        let good = inner.incarnation == incarnation
            && as_of >= inner.start
            && inner.recent.newest(key, identity) <= as_of;
        good.then(|| Standing::new(inner.epoch, as_of, inner.head, self.tick()))
    }

    /// Whether `session`, accepted earlier with `standing`, is still good. Lock-free when nothing was applied since the
    /// last call.
    #[must_use]
    pub fn believes(&self, session: &Session, standing: &Standing) -> bool {
        if standing.tick() == self.tick() {
            return true;
        }
        let inner = self.inner.read();
        // Events up to `checked` were looked at before; those after it are known if it is not older than the window.
        let known = standing.as_of.max(standing.checked()) >= inner.start;
        let good = standing.epoch == inner.epoch
            && known
            && inner.recent.newest(&session.key, &session.identity) <= standing.as_of;
        if good {
            standing.confirm(inner.head, self.tick());
        }
        good
    }

    /// Applies one event (R3). The caller has checked that it follows the head.
    pub(crate) fn apply(&self, event: &Event) {
        let mut inner = self.inner.write();
        inner.recent.note(&event.subject, event.seq);
        inner.order.push_back((event.seq, event.subject.clone()));
        inner.forget_beyond(RECENT_MAX);
        inner.head = event.seq;
        inner.anchor = Some(event.eid);
        self.head.store(event.seq, Ordering::Release);
        self.advance();
    }

    /// Refuses from now on what is older than `seq` for `subject`, before the log says so (R4): after this node's own
    /// revocation. The head stays, because the log will bring the event itself.
    pub(crate) fn hint(&self, subject: &Subject, seq: Seq) {
        let mut inner = self.inner.write();
        if inner.recent.len() < 2 * RECENT_MAX {
            inner.recent.note(subject, seq);
            self.advance();
        }
    }

    /// Starts afresh from the store's recent events (R9). The window begins after the last missing number, because the
    /// missing events are unknown.
    pub(crate) fn reset(&self, history: &History) {
        let events = without_holes(history);
        let mut inner = self.inner.write();
        let epoch = inner.epoch + 1;
        *inner = Inner {
            epoch,
            incarnation: history.incarnation,
            start: events.first().map_or(history.head, |event| event.seq - 1),
            head: history.head,
            anchor: events.last().map(|event| event.eid),
            ..Inner::default()
        };
        for event in events {
            inner.recent.note(&event.subject, event.seq);
            inner.order.push_back((event.seq, event.subject.clone()));
        }
        self.head.store(history.head, Ordering::Release);
        self.advance();
    }

    /// The caller holds the write lock.
    fn advance(&self) {
        let before = self.tick.fetch_add(1, Ordering::Release);
        self.news.send_replace(before.wrapping_add(1));
    }

    /// Changes only under the write lock, so a value read under the lock matches the state that the lock guards.
    fn tick(&self) -> u64 {
        self.tick.load(Ordering::Acquire)
    }
}

impl Inner {
    fn forget_beyond(&mut self, max: usize) {
        while self.order.len() > max {
            let Some((seq, subject)) = self.order.pop_front() else {
                break;
            };
            self.start = self.start.max(seq);
            self.recent.forget(&subject, seq);
        }
    }
}

impl Recent {
    fn newest(&self, key: &SessionKey, identity: &Identity) -> Seq {
        let session = self.sessions.get(key).copied().unwrap_or(0);
        let user = self.users.get(identity.user_id()).copied().unwrap_or(0);
        let tenant = identity
            .tenant_id()
            .and_then(|id| self.tenants.get(id))
            .copied()
            .unwrap_or(0);
        session.max(user).max(tenant).max(self.flush)
    }

    fn note(&mut self, subject: &Subject, seq: Seq) {
        let slot = match subject {
            Subject::Session(key) => self.sessions.entry(*key).or_default(),
            Subject::User(id) => self.users.entry(id.clone()).or_default(),
            Subject::Tenant(id) => self.tenants.entry(id.clone()).or_default(),
            Subject::Flush => &mut self.flush,
        };
        *slot = seq.max(*slot);
    }

    /// Drops a name whose newest event is `seq`. `flush` is one number and stays.
    fn forget(&mut self, subject: &Subject, seq: Seq) {
        match subject {
            Subject::Session(key) => forget_if(&mut self.sessions, key, seq),
            Subject::User(id) => forget_if(&mut self.users, id, seq),
            Subject::Tenant(id) => forget_if(&mut self.tenants, id, seq),
            Subject::Flush => {}
        }
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.users.len() + self.tenants.len()
    }
}

/// The newest events, up to the head and without a missing number.
fn without_holes(history: &History) -> &[Event] {
    let numbers = (0..=history.head).rev();
    let newest_first = history.events.iter().rev().zip(numbers);
    let dense = newest_first
        .take_while(|(event, number)| event.seq == *number)
        .count();
    let begin = history.events.len() - dense;
    history.events.get(begin..).unwrap_or_default()
}

fn forget_if<K: Eq + Hash>(recent: &mut HashMap<K, Seq>, name: &K, seq: Seq) {
    if recent.get(name) == Some(&seq) {
        recent.remove(name);
    }
}

#[cfg(test)]
mod tests;
