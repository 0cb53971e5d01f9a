//! Faults on purpose: they do what the real ones do, and end by themselves.

use std::time::Duration;

use session_core::service::{Resolution, Unknown};

use crate::support::{Site, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_is_held_back_costs_the_lease_and_comes_back_by_itself() {
    let node = Site::new().await.node().await;
    let known = node.log_in("7").await;
    assert!(node.admits(&known).await);
    node.sessions.hold_heartbeat(Duration::from_secs(3));
    until("the lease has ended", async || {
        !node.sessions.readiness().lease
    })
    .await;
    assert!(matches!(
        node.resolve(&known).await,
        Resolution::Unknown(Unknown::NoLease)
    ));
    until("served again", async || node.admits(&known).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_heartbeat_goes_on_when_the_drill_is_ended() {
    let node = Site::new().await.node().await;
    node.sessions.hold_heartbeat(Duration::from_secs(3_600));
    until("the lease has ended", async || {
        !node.sessions.readiness().lease
    })
    .await;
    node.sessions.end_drill();
    until("a lease again", async || node.sessions.readiness().lease).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_serves_whom_it_knows_and_nobody_else() {
    let node = Site::new().await.node().await;
    let (known, unread) = (node.log_in("7").await, node.log_in("8").await);
    assert!(node.admits(&known).await);
    node.sessions.occupy_flights(Duration::from_millis(300));
    until("it is full", async || {
        matches!(
            node.resolve(&unread).await,
            Resolution::Unknown(Unknown::Overloaded)
        )
    })
    .await;
    assert!(node.admits(&known).await);
    until("there is a place again", async || {
        node.admits(&unread).await
    })
    .await;
    assert_eq!(node.sessions.fills_in_flight(), 0);
    node.sessions.occupy_flights(Duration::from_secs(3_600));
    until("it is full again", async || {
        node.sessions.fills_in_flight() > 0
    })
    .await;
    node.sessions.end_drill();
    until("it is ended", async || node.sessions.fills_in_flight() == 0).await;
}
