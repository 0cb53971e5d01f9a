//! Revocation against everything that might bring a session back.

use session_core::freshness::LEASE;
use session_core::freshness::hints::WAKE_EVERY;
use session_core::service::{Absence, Resolution, SessionsError, Wait};
use session_core::session::{Dead, RevokeReason};
use session_core::stats::ResetReason;
use session_core::store::{Scope, StoreError};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::support::{Node, Site, login, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_other_node_refuses_within_the_lease_with_nothing_but_the_heartbeat() {
    let scopes = |key| {
        [
            Scope::Key(key),
            Scope::User("7".into()),
            Scope::Tenant("t1".into()),
            Scope::All,
        ]
    };
    for nth in 0..4 {
        let site = Site::new().await;
        let (a, b) = (site.node().await, site.node().await);
        let created = a.log_in("7").await;
        assert!(b.admits(&created).await);
        let scope = scopes(created.session.key)[nth].clone();
        a.sessions
            .revoke(scope.clone(), RevokeReason::Logout, Wait::None)
            .await
            .unwrap();
        let committed = Instant::now();
        assert!(
            a.absence(&created).await.is_some(),
            "{scope:?}: the node that revoked knows at once"
        );
        until("b refuses", async || b.absence(&created).await.is_some()).await;
        assert!(committed.elapsed() <= LEASE, "{scope:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_writer_counts() {
    let statements = [
        "UPDATE sidgate_session SET revoked_at = 1",
        "DELETE FROM sidgate_session",
        "UPDATE sidgate_session SET expires_at = 1",
    ];
    for statement in statements {
        let site = Site::new().await;
        let node = site.node().await;
        let created = node.log_in("7").await;
        assert!(node.admits(&created).await);
        site.sql(statement);
        let committed = Instant::now();
        until("refused", async || node.absence(&created).await.is_some()).await;
        assert!(committed.elapsed() <= LEASE, "{statement}");
    }
}

/// The race that every session store has had: read the row, lose the processor, install it after the logout.
#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_a_revocation_overtakes_is_never_installed() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let created = a.log_in("7").await;
    let hold = b.faults.hold_loads();
    let (sessions, sid) = (b.sessions.clone(), created.sid.clone());
    let slow = Handle::current().spawn(async move {
        sessions
            .resolve(
                sid.expose().as_str().as_bytes(),
                &session_core::session::Groups::default(),
                session_core::service::Query::default(),
            )
            .await
    });
    hold.until_one_has_read().await;
    a.end(&created, Wait::None).await;
    let target = site.store.head().await.unwrap();
    until("b has applied the event", async || {
        b.sessions.applied_seq() >= target
    })
    .await;
    hold.release();
    // The flight may have been given up meanwhile; then nobody knows, which is not an admission either.
    assert!(!matches!(slow.await.unwrap(), Resolution::Active(_)));
    assert_eq!(
        b.absence(&created).await,
        Some(Absence::Ended(Dead::Revoked(Some(RevokeReason::Logout))))
    );
    assert_eq!(b.sessions.local().len(), 0, "nothing was installed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_under_way_during_log_everybody_out_is_refused() {
    let node = Site::new().await.node().await;
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        let ticket = node.ticket().await;
        node.sessions
            .revoke(scope.clone(), RevokeReason::Admin, Wait::None)
            .await
            .unwrap();
        let refused = node.sessions.create(ticket, login("7")).await;
        assert!(
            matches!(
                refused,
                Err(SessionsError::Store(StoreError::RevokedMeanwhile))
            ),
            "{scope:?}"
        );
        let ticket = node.sessions.begin_login_from_lease().unwrap();
        let created = node.sessions.create(ticket, login("7")).await.unwrap();
        assert!(
            node.admits(&created).await,
            "{scope:?}: the next login counts"
        );
    }
    assert_eq!(node.sessions.stats().logins_overtaken.get(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_another_history_ends_every_belief() {
    let site = Site::new().await;
    let node = site.node().await;
    let (kept, lost) = (node.log_in("7").await, node.log_in("8").await);
    assert!(node.admits(&kept).await && node.admits(&lost).await);
    // A restored backup: another incarnation, and one of the two logins is not in it.
    site.sql(&format!(
        "UPDATE sidgate_clock SET incarnation = x'00112233445566778899aabbccddeeff';
         UPDATE sidgate_session SET revoked_at = 1 WHERE id = '{}';",
        lost.session.id
    ));
    let resets = || node.resets(ResetReason::Incarnation);
    until("a hard reset", async || resets() == 1).await;
    until("a new lease", async || node.sessions.readiness().lease).await;
    assert!(node.admits(&kept).await);
    assert_eq!(resets(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_goes_backwards_is_noticed() {
    let site = Site::new().await;
    let node = site.node().await;
    for _ in 0..3 {
        let created = node.log_in("7").await;
        node.end(&created, Wait::None).await;
    }
    assert_eq!(node.sessions.applied_seq(), 3);
    site.sql("DELETE FROM sidgate_event WHERE seq > 1; UPDATE sidgate_clock SET seq = 1");
    let resets = || node.resets(ResetReason::HeadBackwards);
    until("a hard reset", async || resets() == 1).await;
    until("a new lease", async || node.sessions.readiness().lease).await;
    assert_eq!(node.sessions.applied_seq(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_wait_all_the_answer_means_that_no_node_admits_it() {
    let site = Site::new().await;
    let (a, b, c) = (site.node().await, site.node().await, site.node().await);
    for _ in 0..5 {
        let created = a.log_in("7").await;
        assert!(b.admits(&created).await && c.admits(&created).await);
        let receipt = a.end(&created, Wait::All).await;
        assert!(
            !a.admits(&created).await && !b.admits(&created).await && !c.admits(&created).await
        );
        assert_eq!((receipt.revoked, receipt.nodes, receipt.acked), (1, 3, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_nothing_delays_the_answer_by_no_more_than_its_lease() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let created = a.log_in("7").await;
    assert!(b.admits(&created).await);
    b.faults.down();
    let receipt = a
        .sessions
        .revoke(Scope::User("7".into()), RevokeReason::Admin, Wait::All)
        .await
        .unwrap();
    assert!(!b.admits(&created).await, "its lease is over");
    assert_eq!((receipt.nodes, receipt.acked), (2, 1));
    assert!(receipt.worst >= LEASE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stopped_is_not_waited_for() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let created = a.log_in("7").await;
    b.sessions.stop().await;
    let receipt = a.end(&created, Wait::All).await;
    assert_eq!((receipt.nodes, receipt.acked), (1, 1));
}

/// What is over is remembered, and nothing is written for it.
#[tokio::test(flavor = "multi_thread")]
async fn ending_what_is_over_reaches_the_store_once() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let created = a.log_in("7").await;
    let end = async |node: &Node| {
        let scope = Scope::Key(created.session.key);
        let ended = node
            .sessions
            .revoke(scope, RevokeReason::Logout, Wait::None);
        ended.await.unwrap().revoked
    };
    assert_eq!(end(&a).await, 1);
    let why = Absence::Ended(Dead::Revoked(Some(RevokeReason::Logout)));
    assert_eq!(b.absence(&created).await, Some(why));

    a.faults.down();
    b.faults.down();

    assert_eq!(end(&a).await, 0, "known where it was ended");
    assert_eq!(end(&b).await, 0, "and where it was looked up");
}

/// Another node may know of a use that is not written yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_is_ended_all_the_same_and_once() {
    let site = Site::new().await;
    let node = site.node().await;
    let created = node.log_in("7").await;
    site.sql("UPDATE sidgate_session SET idle_seconds = 1, last_activity = 1");
    until("idle", async || {
        node.absence(&created).await == Some(Absence::Ended(Dead::Idle))
    })
    .await;
    let end = async || {
        let scope = Scope::Key(created.session.key);
        node.sessions
            .revoke(scope, RevokeReason::Logout, Wait::None)
            .await
    };

    assert_eq!(end().await.unwrap().revoked, 0);

    let why = Absence::Ended(Dead::Revoked(Some(RevokeReason::Logout)));
    assert_eq!(
        node.absence(&created).await,
        Some(why),
        "it cannot come back"
    );
    node.faults.down();
    assert!(end().await.is_ok(), "nothing is left to write");
}

/// However many end their sessions at once, the heartbeat reads for all of them together.
#[tokio::test(flavor = "multi_thread")]
async fn many_changes_at_once_share_heartbeats() {
    const COUNT: usize = 200;
    let site = Site::new().await;
    let node = site.node().await;
    let mut keys = Vec::new();
    for nth in 0..COUNT {
        keys.push(node.log_in(&nth.to_string()).await.session.key);
    }
    let (before, since) = (node.sessions.stats().beats.get(), Instant::now());

    let ends = keys.into_iter().map(|key| {
        let scope = Scope::Key(key);
        node.sessions
            .revoke(scope, RevokeReason::Logout, Wait::None)
    });
    for ended in futures_util::future::join_all(ends).await {
        assert_eq!(ended.unwrap().revoked, 1);
    }

    let beats = u128::from(node.sessions.stats().beats.get() - before);
    // One that is woken, and one that reports what it has read.
    let most = 2 * (since.elapsed().as_nanos() / WAKE_EVERY.as_nanos() + 2);
    assert!(beats <= most, "{beats} heartbeats, at most {most}");
}
