//! The log: dense, in commit order, the same for everybody.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{PULSE_LIMIT, Scope, StoreResult};

fn numbers(events: &[Event]) -> Vec<Seq> {
    events.iter().map(|event| event.seq).collect()
}

async fn revoke_user(f: &impl Fixture, user: &str) -> Seq {
    let scope = Scope::User(user.into());
    match f.store().revoke(&scope, RevokeReason::Admin).await {
        Ok(revoked) => revoked.seq,
        Err(error) => panic!("revoke: {error:?}"),
    }
}

fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Nothing has happened.
pub async fn begins_at_zero(f: &impl Fixture) {
    let pulse = ok(f.store().pulse(Uuid::nil(), 0).await);
    assert_eq!(
        (pulse.head, pulse.anchor, pulse.in_recovery),
        (0, None, false)
    );
    assert_eq!(pulse.events, []);
    let history = ok(f.store().history(10).await);
    assert_eq!((history.head, history.in_recovery), (0, false));
    assert_eq!(history.events, []);
    assert_eq!(history.incarnation, pulse.incarnation);
    assert_eq!(f.head().await, 0);
    ok(f.store().check_schema().await);
    ok(f.store().apply_schema().await);
}

/// The anchor is the event that the caller has applied; what follows is new to it.
pub async fn pulse_answers_from_the_anchor_on(f: &impl Fixture) {
    for user in ["a", "b", "c", "d"] {
        revoke_user(f, user).await;
    }
    let all = ok(f.store().pulse(Uuid::nil(), 0).await);
    assert_eq!((all.head, all.anchor), (4, None));
    assert_eq!(numbers(&all.events), [1, 2, 3, 4]);
    let ids: Vec<Uuid> = all.events.iter().map(|event| event.eid).collect();
    let later = ok(f.store().pulse(Uuid::nil(), 2).await);
    assert_eq!((later.head, later.anchor), (4, ids.get(1).copied()));
    assert_eq!(
        later.events,
        all.events.iter().skip(2).cloned().collect::<Vec<_>>()
    );
    let idle = ok(f.store().pulse(Uuid::nil(), 4).await);
    assert_eq!((idle.head, idle.anchor), (4, ids.last().copied()));
    assert_eq!(idle.events, []);
    assert!(idle.now >= all.now);
    // A head that went backwards is for the caller to notice: there is neither an anchor nor an event.
    let ahead = ok(f.store().pulse(Uuid::nil(), 9).await);
    assert_eq!((ahead.head, ahead.anchor, ahead.events.len()), (4, None, 0));
}

/// A node that lags too far behind is told no more than this.
pub async fn pulse_is_limited(f: &impl Fixture) {
    let sql = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) \
         INSERT INTO sidgate_event (seq, kind) SELECT i, 'flush' FROM n; UPDATE sidgate_clock SET seq = {0}",
        PULSE_LIMIT + 50
    );
    f.run(&sql).await;
    for applied in [0, 1, 20] {
        let pulse = ok(f.store().pulse(Uuid::nil(), applied).await);
        assert_eq!(Ok(pulse.head), Seq::try_from(PULSE_LIMIT + 50));
        assert_eq!(pulse.anchor.is_some(), applied > 0);
        assert_eq!(pulse.events.len(), PULSE_LIMIT);
        assert_eq!(
            pulse.events.first().map(|event| event.seq),
            Some(applied + 1)
        );
    }
}

/// Events are not kept for ever, and what is gone must not look like what was never there.
pub async fn pulse_knows_when_the_anchor_is_gone(f: &impl Fixture) {
    for user in ["a", "b", "c"] {
        revoke_user(f, user).await;
    }
    f.run("DELETE FROM sidgate_event WHERE seq <= 2").await;
    let pulse = ok(f.store().pulse(Uuid::nil(), 1).await);
    assert_eq!((pulse.head, pulse.anchor), (3, None));
    assert_eq!(numbers(&pulse.events), [3], "the hole shows");
}

/// The newest so many, oldest first, with the head from the same snapshot.
pub async fn history_is_the_newest_in_order(f: &impl Fixture) {
    for user in ["a", "b", "c", "d", "e"] {
        revoke_user(f, user).await;
    }
    let history = ok(f.store().history(3).await);
    assert_eq!(history.head, 5);
    assert_eq!(numbers(&history.events), [3, 4, 5]);
    let users = ["c", "d", "e"].map(|user| Subject::User(user.into()));
    assert_eq!(subjects(&history.events), users);
    assert_eq!(
        numbers(&ok(f.store().history(100).await).events),
        [1, 2, 3, 4, 5]
    );
}

/// What was rolled back never had a number.
pub async fn rollback_leaves_no_gap(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    f.run("BEGIN; DELETE FROM sidgate_session; ROLLBACK").await;
    f.run("BEGIN; INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7'); ROLLBACK")
        .await;
    assert_eq!(f.head().await, 0);
    assert!(f.is_live(&session.key).await);
    assert_eq!(revoke_user(f, "8").await, 1);
}

/// Eight writers at once, and a reader who asks for what is new: it sees every event, once, in order, and never a number
/// whose predecessor is still to come.
pub async fn numbers_are_dense_and_in_commit_order(f: &impl Fixture) {
    const WRITERS: usize = 8;
    const EACH: usize = 12;
    let mut lanes = Vec::new();
    for writer in 0..WRITERS {
        let mut keys = Vec::new();
        for _ in 0..EACH {
            keys.push(f.log_in(&format!("w{writer}"), None).await.key);
        }
        lanes.push(keys);
    }
    let write =
        futures_util::future::join_all(lanes.iter().enumerate().map(|(writer, keys)| async move {
            let store = if writer % 2 == 0 {
                f.store()
            } else {
                f.other_node()
            };
            let mut answered = Vec::new();
            for key in keys {
                let revoked = ok(store.revoke(&Scope::Key(*key), RevokeReason::Logout).await);
                assert_eq!(revoked.sessions, 1);
                answered.push((*key, revoked.seq));
            }
            answered
        }));
    let read = async {
        let mut seen: Vec<Event> = Vec::new();
        while seen.len() < WRITERS * EACH {
            let applied = seen.last().map_or(0, |event| event.seq);
            let pulse = ok(f.store().pulse(Uuid::nil(), applied).await);
            assert_eq!(pulse.anchor, seen.last().map(|event| event.eid));
            let expected: Vec<Seq> = (applied + 1..=pulse.head).collect();
            assert_eq!(numbers(&pulse.events), expected, "dense up to the head");
            seen.extend(pulse.events);
        }
        seen
    };
    let (answered, seen) = tokio::join!(write, read);
    for (key, seq) in answered.into_iter().flatten() {
        let event = seen.iter().find(|event| event.seq == seq);
        let subject = event.map(|event| event.subject.clone());
        assert_eq!(
            subject,
            Some(Subject::Session(key)),
            "the answered number is the event's"
        );
    }
}

/// One log for all nodes, ids included.
pub async fn other_nodes_see_the_same_log(f: &impl Fixture) {
    revoke_user(f, "a").await;
    let scope = Scope::User("b".into());
    let theirs = ok(f.other_node().revoke(&scope, RevokeReason::Admin).await);
    assert_eq!(theirs.seq, 2);
    let here = ok(f.store().pulse(Uuid::nil(), 0).await);
    let there = ok(f.other_node().pulse(Uuid::nil(), 0).await);
    assert_eq!(here.events, there.events);
    assert_eq!(here.incarnation, there.incarnation);
}
