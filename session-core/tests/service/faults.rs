//! The store down, slow, silent: what is known is served as long as it may be, and nothing is ever guessed.

use std::time::Duration;

use session_core::service::{Query, Resolution, SessionsError, Unknown, Wait};
use session_core::session::RevokeReason;
use session_core::store::Scope;
use session_testing::Call;

use crate::support::{Site, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_served_around_until_the_lease_ends_and_never_guessed_at() {
    let node = Site::new().await.node().await;
    let (known, unread) = (node.log_in("7").await, node.log_in("8").await);
    assert!(node.admits(&known).await);
    node.faults.down();
    assert!(node.admits(&known).await, "the lease still holds");
    assert!(
        matches!(node.resolve(&unread).await, Resolution::Unknown(_)),
        "an error is not an absence"
    );
    until("the lease has ended", async || {
        !node.sessions.readiness().lease
    })
    .await;
    for created in [&known, &unread] {
        assert!(matches!(
            node.resolve(created).await,
            Resolution::Unknown(Unknown::NoLease)
        ));
    }
    assert!(matches!(
        node.sessions.begin_login_from_lease(),
        Err(SessionsError::NoLease)
    ));
    node.faults.up();
    until("served again", async || {
        node.admits(&known).await && node.admits(&unread).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_ask_for_the_last_known_state_within_a_bound() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    assert!(node.admits(&created).await);
    node.faults.down();
    until("the lease has ended", async || {
        !node.sessions.readiness().lease
    })
    .await;
    let stale = async |secs| {
        let query = Query {
            max_stale: Duration::from_secs(secs),
            ..Query::default()
        };
        node.resolve_with(&created, query).await
    };
    let Resolution::Active(active) = stale(60).await else {
        panic!("within the bound")
    };
    assert!(active.stale.unwrap() >= Duration::from_secs(1));
    let query = Query {
        max_stale: Duration::from_secs(60),
        ..Query::default()
    };
    assert!(node.sessions.still_holds(&active, query));
    assert_eq!(node.sessions.stats().second_checks_refused.get(), 0);
    assert!(!node.sessions.still_holds(&active, Query::default()));
    assert_eq!(node.sessions.stats().second_checks_refused.get(), 1);
    assert!(
        matches!(stale(1).await, Resolution::Unknown(_)),
        "beyond the bound"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_due_for_a_refresh_is_as_good_as_before_while_the_store_is_away() {
    let site = Site::new().await;
    let node = site
        .node_with(None, |options| options.local_ttl = Duration::from_millis(1))
        .await;
    let created = node.log_in("7").await;
    assert!(node.admits(&created).await);
    tokio::time::sleep(Duration::from_millis(5)).await;
    node.faults.down_only(Call::load);
    assert!(node.admits(&created).await, "nothing speaks against it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_unknown_after_the_deadline() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    let hold = node.faults.hold_loads();
    assert!(matches!(
        node.resolve(&created).await,
        Resolution::Unknown(Unknown::Deadline)
    ));
    hold.release();
    until("served", async || node.admits(&created).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_cannot_be_committed_is_an_error() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    node.faults.down_only(Call::revoke);
    let refused = node
        .sessions
        .revoke(
            Scope::Key(created.session.key),
            RevokeReason::Logout,
            Wait::None,
        )
        .await;
    assert!(matches!(refused, Err(SessionsError::Store(_))));
    assert!(node.admits(&created).await, "and nothing was pretended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_that_lost_its_answer_earns_no_lease() {
    let node = Site::new().await.node().await;
    for beat in [Call::pulse, Call::report_and_pulse] {
        node.faults.lose_answers(beat);
    }
    until("the lease has ended", async || {
        !node.sessions.readiness().lease
    })
    .await;
    node.faults.up();
    until("a lease again", async || node.sessions.readiness().lease).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_that_could_not_be_written_is_written_later() {
    let site = Site::new().await;
    let node = site.node().await;
    let ticket = node.ticket().await;
    let short = session_core::service::Login {
        idle: Duration::from_secs(2),
        ..crate::support::login("7")
    };
    let created = node.sessions.create(ticket, short).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    node.faults.down_only(Call::touch);
    assert!(node.admits(&created).await);
    until("a failed write", async || {
        node.faults.calls(Call::touch) > 0
    })
    .await;
    node.faults.up();
    until("written", async || {
        node.sessions.stats().touches_written.get() > 0
    })
    .await;
    let row = site
        .store
        .find(created.session.id)
        .await
        .unwrap()
        .unwrap()
        .session;
    assert!(row.last_activity > created.session.last_activity);
}
