//! A correct store in memory, with a journal of its commits to check nodes against.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use super::SimClock;
use super::journal::Commit;
use super::truth::{Doomed, Now, Truth};
use session_core::clock::{Clock, Timestamp};
use session_core::session::{Group, NewSession, RevokeReason, Seq, Session};
use session_core::sid::SessionKey;
use session_core::store::{
    Change, Device, DevicePlace, Event, History, LISTED_FOR, NodeReport, PULSE_LIMIT, Pulse,
    Renewal, Revoked, Scope, Snapshot, StoreResult, StoredSession, Touch, Updated,
};

/// A linearizable store in memory. Every call happens at once and as a whole.
#[derive(Debug)]
pub struct SimStore {
    clock: Arc<SimClock>,
    truth: Mutex<Truth>,
    heads: watch::Sender<Seq>,
}

impl SimStore {
    /// An empty store that reads `clock`.
    #[must_use]
    pub fn new(clock: Arc<SimClock>) -> Self {
        Self {
            clock,
            truth: Mutex::default(),
            heads: watch::Sender::new(0),
        }
    }

    /// What was committed since the start.
    #[must_use]
    pub fn journal(&self) -> Vec<Commit> {
        self.truth.lock().journal.clone()
    }

    /// The store's clock.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Keys of the sessions that live now.
    #[must_use]
    pub fn live(&self) -> Vec<SessionKey> {
        let now = self.clock.wall();
        self.truth.lock().live(now).map(|row| row.key).collect()
    }

    /// Changes the incarnation and keeps the rows, as after a restore.
    pub fn reincarnate(&self) {
        self.commit(Truth::reincarnate);
    }

    /// Commits `count` events about sessions that nobody holds, which [`SimStore::fail_over`] may then lose.
    #[must_use]
    pub fn make_noise(&self, count: u64) -> Doomed {
        self.commit(|truth, _| truth.make_noise(count))
    }

    /// A standby that never got the noise takes over, unless something has been committed since. Its numbers go on from
    /// before the noise, and it says that it is another store.
    pub fn fail_over(&self, doomed: Doomed) -> bool {
        self.commit(|truth, now| truth.lose(now, doomed))
    }

    /// Housekeeping: removes all events but the newest `keep`.
    pub fn trim(&self, keep: usize) {
        let mut truth = self.truth.lock();
        let surplus = truth.events.len().saturating_sub(keep);
        truth.events.drain(..surplus);
    }

    pub(super) fn heads(&self) -> watch::Receiver<Seq> {
        self.heads.subscribe()
    }

    pub(super) fn events_after(&self, seq: Seq) -> Vec<Event> {
        let truth = self.truth.lock();
        let after = truth.events.iter().filter(|event| event.seq > seq);
        after.cloned().collect()
    }

    /// Runs a transaction, and tells whoever listens.
    fn commit<T>(&self, work: impl FnOnce(&mut Truth, Now) -> T) -> T {
        let mut truth = self.truth.lock();
        let done = work(&mut truth, self.now());
        let head = truth.head;
        drop(truth);
        self.heads
            .send_if_modified(|known| std::mem::replace(known, head) != head);
        done
    }

    fn now(&self) -> Now {
        Now {
            boot: self.clock.boot(),
            wall: self.clock.wall(),
        }
    }

    pub(super) fn pulse(&self, node: Uuid, applied: Seq) -> Pulse {
        let truth = self.truth.lock();
        let anchor = truth.events.iter().find(|event| event.seq == applied);
        let after = truth.events.iter().filter(|event| event.seq > applied);
        Pulse {
            head: truth.head,
            incarnation: Uuid::from_u128(truth.incarnation),
            in_recovery: false,
            now: self.clock.wall(),
            anchor: anchor.map(|event| event.eid),
            events: after.take(PULSE_LIMIT).cloned().collect(),
            oldest_at: None,
            listed_until: truth.nodes.get(&node).map(|(_, until)| *until),
        }
    }

    pub(super) fn history(&self, limit: usize) -> History {
        let truth = self.truth.lock();
        let skipped = truth.events.len().saturating_sub(limit);
        History {
            head: truth.head,
            incarnation: Uuid::from_u128(truth.incarnation),
            in_recovery: false,
            events: truth.events.iter().skip(skipped).cloned().collect(),
        }
    }

    pub(super) fn load(&self, key: &SessionKey) -> Snapshot {
        let truth = self.truth.lock();
        Snapshot {
            as_of: truth.head,
            incarnation: Uuid::from_u128(truth.incarnation),
            now: self.clock.wall(),
            row: truth.stored(&truth.current(key, self.clock.wall())),
            is_former: truth.is_former(key),
        }
    }

    pub(super) fn head(&self) -> Seq {
        self.truth.lock().head
    }

    pub(super) fn insert(&self, new: &NewSession) -> StoreResult<Session> {
        self.commit(|truth, now| truth.insert(now, new))
    }

    pub(super) fn update(&self, key: &SessionKey, version: i64, change: &Change) -> Updated {
        self.commit(|truth, now| truth.update(now, key, version, change))
    }

    pub(super) fn renew(&self, renewal: &Renewal) -> Option<Session> {
        self.commit(|truth, now| truth.renew(now, renewal))
    }

    pub(super) fn touch(&self, batch: &[Touch]) -> u64 {
        self.truth.lock().touch(self.clock.wall(), batch)
    }

    /// Ends sessions. Also for somebody who is no node, and ends them by SQL.
    pub fn revoke(&self, scope: &Scope, reason: RevokeReason) -> Revoked {
        self.commit(|truth, now| truth.revoke(now, scope, reason))
    }

    pub(super) fn list_by_user(
        &self,
        user_id: &str,
        group: &Group,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> Vec<Device> {
        let truth = self.truth.lock();
        let of_user = truth
            .live(self.clock.wall())
            .filter(|row| row.identity.user_id() == user_id && row.group == *group);
        let mut found: Vec<Device> = of_user.cloned().map(Device::from).collect();
        found.retain(|device| after.is_none_or(|after| device.place() < after));
        found.sort_by_key(|device| std::cmp::Reverse(device.place()));
        found.truncate(limit);
        found
    }

    pub(super) fn report(&self, node: Uuid, applied: Seq, eid: Option<Uuid>) {
        let now = self.clock.wall();
        let mut truth = self.truth.lock();
        let mut events = truth.events.iter();
        let known = events.any(|event| event.seq == applied && Some(event.eid) == eid);
        let applied = if known { applied } else { 0 };
        let until = now.plus(LISTED_FOR);
        truth.nodes.insert(node, (applied, until));
    }

    pub(super) fn nodes(&self, within: Duration) -> Vec<NodeReport> {
        let now = self.clock.wall();
        let truth = self.truth.lock();
        let reports = truth
            .nodes
            .iter()
            .map(|(node, (applied, until))| NodeReport {
                node: *node,
                applied: *applied,
                age: now.since(*until),
            });
        reports.filter(|report| report.age < within).collect()
    }

    pub(super) fn retire(&self, node: Uuid) {
        self.truth.lock().nodes.remove(&node);
    }

    pub(super) fn find(&self, id: Uuid) -> Option<StoredSession> {
        self.truth.lock().by_handle(id)
    }
}
