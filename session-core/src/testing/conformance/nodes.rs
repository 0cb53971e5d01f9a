//! Who follows the log, and how far each has come.

use super::*;
use crate::store::{NodeReport, StoreError, StoreResult};

const HOUR: Duration = Duration::from_secs(3_600);

fn node(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

fn applied(nodes: &[NodeReport]) -> Vec<(Uuid, Seq)> {
    nodes.iter().map(|node| (node.node, node.applied)).collect()
}

/// Of each node the newest report.
pub async fn a_report_is_seen_by_all(f: &impl Fixture) {
    assert_eq!(ok(f.store().nodes(HOUR).await), []);
    ok(f.store().report(node(1), 5).await);
    ok(f.other_node().report(node(2), 7).await);
    ok(f.store().report(node(1), 6).await);
    for store in [f.store(), f.other_node()] {
        let nodes = ok(store.nodes(HOUR).await);
        assert_eq!(applied(&nodes), [(node(1), 6), (node(2), 7)]);
        assert!(nodes.iter().all(|node| node.age < HOUR), "{nodes:?}");
    }
}

/// Reports are as frequent as heartbeats, and concern no session.
pub async fn a_report_is_no_event(f: &impl Fixture) {
    ok(f.store().report(node(1), 0).await);
    ok(f.store().retire(node(1)).await);
    assert_eq!(f.head().await, 0);
}

/// By the store's clock.
pub async fn a_silent_node_drops_out(f: &impl Fixture) {
    ok(f.store().report(node(1), 5).await);
    ok(f.store().report(node(2), 5).await);
    for (seen, age) in [(60, 0), (-60, 60)] {
        let then = f.seconds_from_now(seen);
        let sql = format!(
            "UPDATE sidgate_node SET seen_at = {then} WHERE node_id = '{}'",
            node(1)
        );
        f.run(&sql).await;
        let nodes = ok(f.store().nodes(HOUR).await);
        assert_eq!(applied(&nodes), [(node(1), 5), (node(2), 5)]);
        let found = nodes.first().map(|node| node.age.as_secs() / 10 * 10);
        assert_eq!(found, Some(age), "{nodes:?}");
        let recent = ok(f.store().nodes(Duration::from_secs(10)).await);
        assert_eq!(recent.len(), if age == 0 { 2 } else { 1 }, "{recent:?}");
    }
    ok(f.store().report(node(1), 8).await);
    let recent = ok(f.store().nodes(Duration::from_secs(10)).await);
    assert_eq!(applied(&recent), [(node(1), 8), (node(2), 5)], "it is back");
}

/// Nobody waits for it. That it is not there is no reason to fail.
pub async fn a_retired_node_is_gone(f: &impl Fixture) {
    ok(f.store().report(node(1), 5).await);
    ok(f.store().report(node(2), 5).await);
    for _ in 0..2 {
        ok(f.store().retire(node(1)).await);
        assert_eq!(
            applied(&ok(f.other_node().nodes(HOUR).await)),
            [(node(2), 5)]
        );
    }
}

/// Somebody may wait for all of them to have heard of a revocation.
pub async fn an_unreadable_node_is_not_left_out(f: &impl Fixture) {
    ok(f.store().report(node(1), 5).await);
    f.run("UPDATE sidgate_node SET node_id = 'bogus'").await;
    let nodes = f.store().nodes(HOUR).await;
    assert!(
        matches!(nodes, Err(StoreError::Corrupt("node_id"))),
        "{nodes:?}"
    );
}
