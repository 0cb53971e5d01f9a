//! Housekeeping removes expired rows, without events and in small batches.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Housekept, Scope, StoreError, StoreResult};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

async fn housekeep(f: &impl Fixture, batch: usize) -> Housekept {
    ok(f.store().housekeep(batch).await)
}

async fn is_kept(f: &impl Fixture, session: &Session) -> bool {
    ok(f.store().find(session.id).await).is_some()
}

async fn revoke(f: &impl Fixture, scope: Scope) {
    ok(f.store().revoke(&scope, RevokeReason::Admin).await);
}

/// Makes every event so many seconds older than it is.
async fn age_events(f: &impl Fixture, seconds: i64) {
    let then = f.seconds_from_now(-seconds);
    f.run(&format!("UPDATE sidgate_event SET at = {then}"))
        .await;
}

/// Lets a mass revocation settle: its event is too old to be kept, and is not the newest.
async fn settle(f: &impl Fixture, scope: Scope) {
    revoke(f, scope).await;
    revoke(f, Scope::User("somebody-else".into())).await;
    age_events(f, 41 * MINUTE).await;
    let done = housekeep(f, 100).await;
    assert!(done.events > 0, "{done:?}");
    assert_eq!((done.marked, done.revocations), (0, 0), "not yet");
}

/// Live and recent rows stay.
pub async fn finds_nothing_to_do(f: &impl Fixture) {
    let session = f.log_in("7", Some("t1")).await;
    revoke(f, Scope::User("8".into())).await;
    revoke(f, Scope::Tenant("t2".into())).await;
    ok(f.store().report(Uuid::from_u128(1), 0, None).await);
    assert_eq!(housekeep(f, 100).await, Housekept::default());
    assert!(f.is_live(&session.key).await);
    assert_eq!(f.events_after(0).await.len(), 2);
    assert_eq!(ok(f.store().nodes(Duration::from_secs(9)).await).len(), 1);
}

/// How long the oldest is due that a batch has left.
pub async fn knows_how_far_it_is_behind(f: &impl Fixture) {
    for hours in [-30, -28, -26] {
        let then = f.seconds_from_now(hours * HOUR);
        let session = f.log_in("7", None).await;
        f.set(session.id, &format!("expires_at = {then}")).await;
    }
    let then = f.seconds_from_now(-27 * HOUR);
    let revoked = f.log_in("7", None).await;
    f.set(revoked.id, &format!("revoked_at = {then}")).await;
    // What has expired goes first.
    for hours in [4, 3, 3, 0] {
        let overdue = housekeep(f, 1).await.overdue;
        assert_eq!(overdue.as_secs() / 3_600, hours, "{overdue:?}");
    }
    revoke(f, Scope::User("8".into())).await;
    revoke(f, Scope::User("8".into())).await;
    age_events(f, 100 * MINUTE).await;
    // The newest event stays, and is not due.
    for (batch, minutes) in [(1, 60), (100, 0)] {
        let overdue = housekeep(f, batch).await.overdue;
        assert_eq!(overdue.as_secs() / 60, minutes, "{overdue:?}");
    }
}

/// Sessions go a day after their end, not an hour earlier, and without an event.
pub async fn removes_what_ended_a_day_ago(f: &impl Fixture) {
    let live = f.log_in("7", None).await;
    let mut gone = Vec::new();
    let mut kept = Vec::new();
    for (hours, sessions) in [(-25, &mut gone), (-23, &mut kept)] {
        let then = f.seconds_from_now(hours * HOUR);
        for column in ["expires_at", "revoked_at"] {
            let session = f.log_in("7", None).await;
            f.set(session.id, &format!("{column} = {then}")).await;
            sessions.push(session);
        }
    }
    // Used yesterday, and not since: a node may know better.
    let idle = f.log_in("7", None).await;
    let then = f.seconds_from_now(-48 * HOUR);
    f.set(idle.id, &format!("last_activity = {then}")).await;
    kept.push(idle);
    let head = f.head().await;
    let done = housekeep(f, 100).await;
    let expected = Housekept {
        sessions: 2,
        ..Housekept::default()
    };
    assert_eq!(done, expected);
    for session in &gone {
        assert!(!is_kept(f, session).await, "{session:?}");
    }
    for session in &kept {
        assert!(is_kept(f, session).await, "{session:?}");
    }
    assert!(f.is_live(&live.key).await);
    assert_eq!(f.head().await, head, "no event for what nobody believes");
    // What is live still is announced.
    f.run("DELETE FROM sidgate_session").await;
    let heard = subjects(&f.events_after(head).await);
    assert!(heard.contains(&Subject::Session(live.key)), "{heard:?}");
}

/// Never more than it was told, and it says when there is more.
pub async fn works_in_batches(f: &impl Fixture) {
    let then = f.seconds_from_now(-25 * HOUR);
    for n in 0..7 {
        let session = f.log_in("7", None).await;
        let column = if n < 3 { "expires_at" } else { "revoked_at" };
        f.set(session.id, &format!("{column} = {then}")).await;
    }
    age_events(f, 41 * MINUTE).await;
    for expected in [
        (2, 2, true),
        (2, 2, true),
        (2, 2, true),
        (1, 0, false),
        (0, 0, false),
    ] {
        let done = housekeep(f, 2).await;
        assert_eq!((done.sessions, done.events, done.more), expected);
    }
}

/// Events go from the oldest on, and the newest stays.
pub async fn keeps_the_log_dense(f: &impl Fixture) {
    for user in ["a", "b", "c", "d", "e"] {
        revoke(f, Scope::User(user.into())).await;
    }
    age_events(f, 41 * MINUTE).await;
    let recent = f.seconds_from_now(-39 * MINUTE);
    // The server's clock was set back after the third.
    f.run(&format!(
        "UPDATE sidgate_event SET at = {recent} WHERE seq = 3"
    ))
    .await;
    assert_eq!(housekeep(f, 100).await.events, 2);
    let kept = ok(f.store().history(100).await);
    let numbers: Vec<Seq> = kept.events.iter().map(|event| event.seq).collect();
    assert_eq!((kept.head, numbers), (5, vec![3, 4, 5]));
    age_events(f, 41 * MINUTE).await;
    assert_eq!(housekeep(f, 100).await.events, 2);
    assert_eq!(housekeep(f, 100).await.events, 0);
    let pulse = ok(f.store().pulse(Uuid::nil(), 5).await);
    assert!(pulse.anchor.is_some(), "the newest stays");
    revoke(f, Scope::User("f".into())).await;
    assert_eq!(f.events_after(5).await.len(), 1);
}

/// A login that began before it may still be under way.
pub async fn leaves_a_fresh_revocation_alone(f: &impl Fixture) {
    let session = f.log_in("7", Some("t1")).await;
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        revoke(f, scope).await;
    }
    age_events(f, 39 * MINUTE).await;
    assert_eq!(housekeep(f, 100).await, Housekept::default());
    assert_eq!(f.row(&session.key).await.session.revoked, None);
    let late = f.store().insert(&login("7", Some("t1"))).await;
    assert!(
        matches!(late, Err(StoreError::RevokedMeanwhile)),
        "{late:?}"
    );
}

/// Marks the rows that it ended, and no others. No event is written, because the revocation had
/// one.
pub async fn marks_what_a_settled_revocation_ended(f: &impl Fixture) {
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        let ended = f.log_in("7", Some("t1")).await;
        let other = f.log_in("8", Some("t2")).await;
        settle(f, scope.clone()).await;
        let later = f.log_in("7", Some("t1")).await;
        let head = f.head().await;
        let spared = !f.is_live(&other.key).await;
        let done = housekeep(f, 100).await;
        assert_eq!(done.marked, 1 + u64::from(spared), "{scope:?}");
        let row = f.row(&ended.key).await.session;
        let (_, reason) = row.revoked.unwrap_or_else(|| panic!("{scope:?}"));
        assert_eq!(reason, RevokeReason::External);
        assert!(f.is_live(&later.key).await, "{scope:?}");
        assert_eq!(f.row(&later.key).await.session.revoked, None);
        let marked = f.row(&other.key).await.session.revoked.is_some();
        assert_eq!(marked, spared, "{scope:?}");
        assert_eq!(f.head().await, head, "{scope:?}");
        assert_eq!(housekeep(f, 100).await.marked, 0, "once");
        f.run("DELETE FROM sidgate_session").await;
    }
}

/// Until all are marked, the revocation stays: without it the rest would live.
pub async fn marks_in_batches(f: &impl Fixture) {
    let mut ended = Vec::new();
    for _ in 0..5 {
        ended.push(f.log_in("7", None).await);
    }
    settle(f, Scope::User("7".into())).await;
    let head = f.head().await;
    for expected in [(2, 0, true), (2, 0, true), (1, 0, false), (0, 1, false)] {
        let done = housekeep(f, 2).await;
        assert_eq!((done.marked, done.revocations, done.more), expected);
        for session in &ended {
            assert!(!f.is_live(&session.key).await);
        }
    }
    assert_eq!(f.head().await, head);
}

/// The marked rows are ended by themselves, so removing the revocation revives none and writes no
/// event.
pub async fn lets_a_settled_revocation_go(f: &impl Fixture) {
    let ended = f.log_in("7", Some("t1")).await;
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        revoke(f, scope).await;
    }
    settle(f, Scope::User("9".into())).await;
    let head = f.head().await;
    for expected in [(1, 1), (0, 3), (0, 0)] {
        let done = housekeep(f, 100).await;
        assert_eq!((done.marked, done.revocations), expected);
        assert!(!f.is_live(&ended.key).await);
    }
    assert_eq!(f.row(&ended.key).await.mass_revoked, None);
    // Its own event is the newest, and stays.
    let mut late = login("somebody-else", None);
    let refused = f.store().insert(&late).await;
    assert!(matches!(refused, Err(StoreError::RevokedMeanwhile)));
    late = login("7", Some("t1"));
    f.insert(&late).await;
    assert_eq!(f.head().await, head);
    let then = f.seconds_from_now(-25 * HOUR);
    f.set(ended.id, &format!("revoked_at = {then}")).await;
    let head = f.head().await;
    assert_eq!(housekeep(f, 100).await.sessions, 1);
    assert_eq!(f.head().await, head);
}

/// An hour after their last word.
pub async fn forgets_nodes_that_are_gone(f: &impl Fixture) {
    for (n, minutes) in [(1, 59), (2, 61), (3, 0)] {
        ok(f.store().report(Uuid::from_u128(n), 0, None).await);
        let then = f.seconds_from_now(-minutes * MINUTE);
        let node = Uuid::from_u128(n);
        f.run(&format!(
            "UPDATE sidgate_node SET seen_at = {then} WHERE node_id = '{node}'"
        ))
        .await;
    }
    assert_eq!(housekeep(f, 100).await.nodes, 1);
    let left = ok(f.store().nodes(Duration::from_secs(7_200)).await);
    let left: Vec<u128> = left.iter().map(|node| node.node.as_u128()).collect();
    assert_eq!(left, [1, 3]);
}
