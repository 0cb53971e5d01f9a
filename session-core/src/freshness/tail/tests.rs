use parking_lot::Mutex;
use uuid::Uuid;

use super::*;
use crate::clock::Clock;
use crate::session::Seq;
use crate::sid::SessionKey;
use crate::store::sqlite::SqliteStore;
use crate::store::{Event, Subject};

fn eid(seq: Seq) -> Uuid {
    Uuid::from_u128(seq.unsigned_abs().into())
}

fn applied(seq: Seq) -> Applied {
    Applied {
        seq,
        anchor: (seq > 0).then(|| eid(seq)),
        incarnation: Uuid::from_u128(1),
    }
}

fn pulse(anchor: Seq, events: impl IntoIterator<Item = Seq>, head: Seq) -> Pulse {
    Pulse {
        head,
        incarnation: Uuid::from_u128(1),
        in_recovery: false,
        now: Timestamp::default(),
        anchor: (anchor > 0).then(|| eid(anchor)),
        events: events
            .into_iter()
            .map(|seq| Event {
                seq,
                eid: eid(seq),
                subject: Subject::Flush,
            })
            .collect(),
        oldest_at: None,
        listed_until: None,
    }
}

#[test]
fn a_beat_advances_and_only_a_complete_one_earns_a_lease() {
    assert_eq!(
        judge(applied(0), &pulse(0, [], 0)),
        Judgement::Advance { caught_up: true }
    );
    assert_eq!(
        judge(applied(5), &pulse(5, [], 5)),
        Judgement::Advance { caught_up: true }
    );
    assert_eq!(
        judge(applied(5), &pulse(5, [6, 7], 7)),
        Judgement::Advance { caught_up: true }
    );
    assert_eq!(
        judge(applied(5), &pulse(5, [6, 7], 9)),
        Judgement::Advance { caught_up: false }
    );
}

#[test]
fn whatever_does_not_continue_our_history_starts_afresh() {
    let other_store = Pulse {
        incarnation: Uuid::from_u128(2),
        ..pulse(5, [], 5)
    };
    let [behind, other_branch] = [(5, 4), (99, 5)].map(|(anchor, head)| Pulse {
        incarnation: Uuid::from_u128(2),
        ..pulse(anchor, [], head)
    });
    let standby = Pulse {
        in_recovery: true,
        ..pulse(5, [], 5)
    };
    let other_event = Pulse {
        anchor: Some(eid(99)),
        ..pulse(5, [6], 6)
    };
    let cases = [
        (other_store, ResetReason::Incarnation),
        // A fail-over that has lost events says so.
        (behind, ResetReason::HeadBackwards),
        (other_branch, ResetReason::EventDiffers),
        (standby, ResetReason::InRecovery),
        (other_event, ResetReason::EventDiffers),
        (pulse(5, [], 4), ResetReason::HeadBackwards),
        (pulse(0, [], 5), ResetReason::EventDiffers),
        (pulse(5, [7, 8], 8), ResetReason::Gap),
        (pulse(5, [6, 8], 8), ResetReason::Gap),
        (pulse(5, [], 8), ResetReason::Gap),
        (pulse(5, [6, 7], 6), ResetReason::Gap),
        (pulse(0, [9, 10], 10), ResetReason::Gap),
    ];
    for (pulse, reason) in cases {
        assert_eq!(
            judge(applied(5), &pulse),
            Judgement::Reset(reason),
            "{pulse:?}"
        );
    }
}

struct Nobody;

impl Listener for Nobody {
    fn hinted(&self, _key: &SessionKey) {}
    fn applied(&self, _event: &Event) {}
    fn reset(&self, _reason: ResetReason) {}
}

/// Clocks that show what they were set to.
#[derive(Debug)]
struct Set(Mutex<(Boot, Timestamp)>);

impl Set {
    fn set(&self, boot: Boot, wall: Timestamp) {
        *self.0.lock() = (boot, wall);
    }
}

impl Clock for Set {
    fn boot(&self) -> Boot {
        self.0.lock().0
    }
    fn wall(&self) -> Timestamp {
        self.0.lock().1
    }
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_ends_the_lease_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Set(Mutex::new((
        Boot::from_nanos(1_000_000_000_000),
        Timestamp::from_micros(1_767_225_600_000_000),
    ))));
    let path = folder.path().join("s.db");
    let store = SqliteStore::open(&path, clock.clone()).await.unwrap();
    let id = Uuid::from_u128(1);
    let tail = EventTail {
        node: Arc::new(Node::new(id, Arc::new(store), clock.clone())),
        listener: Arc::new(Nobody),
        migrate: false,
    };
    let mut drift = None;
    let look = |drift: &mut Option<i64>| tail.watch_for_clock_jump(drift, clock.boot());
    look(&mut drift);
    let hour = Duration::from_secs(3_600);
    clock.set(clock.boot().plus(hour), clock.wall().plus(hour));
    tail.node.lease.extend(clock.boot());
    look(&mut drift);
    assert_eq!(
        tail.node.stats.clock_jumps.get(),
        0,
        "time that passes is no jump"
    );
    assert!(tail.node.lease.holds(clock.boot()));

    let later = CLOCK_JUMP + Duration::from_millis(1);
    clock.set(clock.boot(), clock.wall().plus(later));
    look(&mut drift);

    assert_eq!(tail.node.stats.clock_jumps.get(), 1);
    assert!(!tail.node.lease.holds(clock.boot()));
}
