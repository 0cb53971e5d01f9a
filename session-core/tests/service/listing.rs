//! A node's place on the list of those that may hold a lease: it writes seldom, and holds no lease without it.

use session_core::service::Wait;
use session_core::session::RevokeReason;
use session_core::store::Scope;
use session_testing::Call;

use crate::support::{Site, until};

const WRITES: [Call; 2] = [Call::report, Call::report_and_pulse];

#[tokio::test(flavor = "multi_thread")]
async fn a_node_at_rest_reads_and_seldom_writes() {
    let node = Site::new().await.node().await;
    until("eight heartbeats", async || {
        node.faults.calls(Call::pulse) >= 8
    })
    .await;
    let writes: u64 = WRITES.iter().map(|call| node.faults.calls(*call)).sum();
    // Twice as many beats make a report due.
    assert!(
        writes <= 1 + node.faults.calls(Call::pulse) / 8,
        "{writes} reports"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_listed_holds_no_lease_until_it_has_reported() {
    let site = Site::new().await;
    let node = site.node().await;
    let created = node.log_in("7").await;
    let listed = node.sessions.nodes().await.unwrap();
    assert_eq!(listed.len(), 1);
    for write in WRITES {
        node.faults.down_only(write);
    }
    site.store.retire(listed[0].node).await.unwrap();
    until("the lease has ended", async || {
        !node.sessions.readiness().lease
    })
    .await;
    assert!(!node.admits(&created).await);
    assert_eq!(node.sessions.nodes().await.unwrap(), []);
    node.faults.up();
    until("a lease again", async || node.sessions.readiness().lease).await;
    assert_eq!(node.sessions.nodes().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_reported_by_a_statement_of_its_own() {
    let site = Site::new().await;
    let (one, other) = (site.node().await, site.node().await);
    let created = one.log_in("7").await;
    let scope = Scope::Key(created.session.key);
    one.sessions
        .revoke(scope, RevokeReason::Logout, Wait::None)
        .await
        .unwrap();
    let head = site.store.head().await.unwrap();
    until("both have reported it", async || {
        let nodes = one.sessions.nodes().await.unwrap();
        nodes.len() == 2 && nodes.iter().all(|node| node.applied == head)
    })
    .await;
    assert!(other.faults.calls(Call::report) > 0);
}
