//! Who follows the log, and how far each has come.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{LISTED_FOR, NodeReport, Scope, SessionStore, StoreError, StoreResult};

const HOUR: Duration = Duration::from_secs(3_600);

fn node(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

/// So many events, which are all that the log holds.
async fn log<const N: usize>(f: &impl Fixture) -> [Event; N] {
    for _ in 0..N {
        ok(f.store().revoke(&Scope::All, RevokeReason::Admin).await);
    }
    let events = f.events_after(0).await;
    <[Event; N]>::try_from(events).unwrap_or_else(|events| panic!("{events:?}"))
}

async fn report(store: &dyn SessionStore, n: u128, event: &Event) {
    ok(store.report(node(n), event.seq, Some(event.eid)).await);
}

fn applied(nodes: &[NodeReport]) -> Vec<(Uuid, Seq)> {
    nodes.iter().map(|node| (node.node, node.applied)).collect()
}

/// Every node sees the newest report of each node.
pub async fn a_report_is_seen_by_all(f: &impl Fixture) {
    let [first, second, third] = log(f).await;
    assert_eq!(ok(f.store().nodes(HOUR).await), []);
    report(f.store(), 1, &first).await;
    report(f.other_node(), 2, &third).await;
    report(f.store(), 1, &second).await;
    for store in [f.store(), f.other_node()] {
        let nodes = ok(store.nodes(HOUR).await);
        assert_eq!(applied(&nodes), [(node(1), 2), (node(2), 3)]);
        assert!(nodes.iter().all(|node| node.age < HOUR), "{nodes:?}");
    }
}

/// Reports are as frequent as heartbeats, and concern no session.
pub async fn a_report_is_no_event(f: &impl Fixture) {
    ok(f.store().report(node(1), 0, None).await);
    ok(f.store().retire(node(1)).await);
    assert_eq!(f.head().await, 0);
}

/// Whoever waits for every node must not take progress in a lost history for progress in this one: the numbers are the
/// same, the events are not.
pub async fn progress_in_another_history_does_not_count(f: &impl Fixture) {
    let [first, second] = log(f).await;
    let foreign = Some(Uuid::from_u128(7));
    for (seq, eid) in [(2, foreign), (2, Some(first.eid)), (3, foreign), (2, None)] {
        ok(f.store().report(node(1), seq, eid).await);
        let nodes = ok(f.store().nodes(HOUR).await);
        assert_eq!(applied(&nodes), [(node(1), 0)], "{seq} {eid:?}");
        report(f.store(), 1, &second).await;
        assert_eq!(applied(&ok(f.store().nodes(HOUR).await)), [(node(1), 2)]);
    }
}

/// Whoever looks for nodes after the events of the pulse were read finds this one.
pub async fn a_report_goes_with_a_pulse(f: &impl Fixture) {
    let [first, second] = log(f).await;
    let store = f.store();
    let pulse = store.report_and_pulse(node(1), first.seq, Some(first.eid));
    let pulse = ok(pulse.await);
    assert_eq!(pulse.anchor, Some(first.eid));
    assert_eq!(pulse.events, [second]);
    assert_eq!(
        applied(&ok(f.other_node().nodes(HOUR).await)),
        [(node(1), 1)]
    );
}

/// By the store's clock, and about the node that asks. Whoever looks for nodes goes by the same column.
pub async fn a_pulse_tells_how_long_the_report_lasts(f: &impl Fixture) {
    let lasts = async |n| {
        let pulse = ok(f.store().pulse(node(n), 0).await);
        let until = pulse.listed_until?;
        Some(until.as_micros() - pulse.now.as_micros())
    };
    assert_eq!(lasts(1).await, None);
    ok(f.other_node().report(node(1), 0, None).await);
    let declared = i64::try_from(LISTED_FOR.as_micros()).unwrap_or(i64::MAX);
    let left = lasts(1).await.unwrap_or_default();
    assert!(left > 0 && left <= declared, "{left}");
    assert_eq!(lasts(2).await, None);
    let then = f.seconds_from_now(-60);
    f.run(&format!("UPDATE sidgate_node SET seen_at = {then}"))
        .await;
    assert!(lasts(1).await.is_some_and(|left| left < -50_000_000));
    ok(f.store().retire(node(1)).await);
    assert_eq!(lasts(1).await, None);
}

/// By the store's clock.
pub async fn a_silent_node_drops_out(f: &impl Fixture) {
    let [first, second] = log(f).await;
    report(f.store(), 1, &first).await;
    report(f.store(), 2, &first).await;
    for (seen, age) in [(60, 0), (-60, 60)] {
        let then = f.seconds_from_now(seen);
        let sql = format!(
            "UPDATE sidgate_node SET seen_at = {then} WHERE node_id = '{}'",
            node(1)
        );
        f.run(&sql).await;
        let nodes = ok(f.store().nodes(HOUR).await);
        assert_eq!(applied(&nodes), [(node(1), 1), (node(2), 1)]);
        let found = nodes.first().map(|node| node.age.as_secs() / 10 * 10);
        assert_eq!(found, Some(age), "{nodes:?}");
        let recent = ok(f.store().nodes(Duration::from_secs(10)).await);
        assert_eq!(recent.len(), if age == 0 { 2 } else { 1 }, "{recent:?}");
    }
    report(f.store(), 1, &second).await;
    let recent = ok(f.store().nodes(Duration::from_secs(10)).await);
    assert_eq!(applied(&recent), [(node(1), 2), (node(2), 1)], "it is back");
}

/// A retired node leaves the list. Retiring it again does not fail.
pub async fn a_retired_node_is_gone(f: &impl Fixture) {
    ok(f.store().report(node(1), 0, None).await);
    ok(f.store().report(node(2), 0, None).await);
    for _ in 0..2 {
        ok(f.store().retire(node(1)).await);
        assert_eq!(
            applied(&ok(f.other_node().nodes(HOUR).await)),
            [(node(2), 0)]
        );
    }
}

/// Somebody may wait for all of them to have heard of a revocation.
pub async fn an_unreadable_node_is_not_left_out(f: &impl Fixture) {
    ok(f.store().report(node(1), 0, None).await);
    f.run("UPDATE sidgate_node SET node_id = 'bogus'").await;
    let nodes = f.store().nodes(HOUR).await;
    assert!(
        matches!(nodes, Err(StoreError::Corrupt("node_id"))),
        "{nodes:?}"
    );
}
