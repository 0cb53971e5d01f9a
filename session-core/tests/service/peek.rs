//! Looking at a session leaves no trace.

use std::time::Duration;

use session_core::cache::Tier;
use session_core::service::{Absence, Query, Resolution, Unknown, Wait};
use session_core::session::{Dead, Group, RevokeReason};
use session_testing::Call;

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_is_neither_cached_nor_used() {
    let site = Site::new().await;
    let (writer, node) = (site.node().await, site.node().await);
    let created = writer.log_in("7").await;
    let key = created.session.key;

    for times in 1..=3 {
        let Resolution::Active(active) = node
            .sessions
            .peek(key, &Group::default(), Query::default())
            .await
        else {
            panic!("not active")
        };
        assert_eq!(active.tier, Tier::Store);
        assert_eq!(active.entry.session().id, created.session.id);
        assert_eq!(node.faults.calls(Call::load), times, "nothing was kept");
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(node.faults.calls(Call::touch), 0);

    // What this process serves is what it shows.
    let Resolution::Active(served) = node.resolve(&created).await else {
        panic!("not active")
    };
    let Resolution::Active(seen) = node
        .sessions
        .peek(key, &Group::default(), Query::default())
        .await
    else {
        panic!("not active")
    };
    assert_eq!(seen.tier, Tier::Local);
    assert_eq!(seen.entry.last_activity(), served.entry.last_activity());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_or_never_was_is_told_apart() {
    let node = Site::new().await.node().await;
    let (created, other) = (node.log_in("7").await, node.log_in("8").await);
    node.end(&created, Wait::All).await;

    let group = Group::default();
    let key = created.session.key;
    let seen = node.sessions.peek(key, &group, Query::default());
    let Resolution::Absent(why) = seen.await else {
        panic!("not absent")
    };
    let logout = Dead::Revoked(Some(RevokeReason::Logout));
    assert_eq!(why, Absence::Ended(logout));

    let (_, never) = session_core::keys::Keyring::new(
        session_core::keys::MasterKey::from_bytes([8; 32]),
        vec![],
    )
    .mint([1; session_core::sid::SID_RANDOM_LEN], &group);
    let seen = node.sessions.peek(never, &group, Query::default()).await;
    assert!(matches!(seen, Resolution::Absent(Absence::NoSuch)));

    node.faults.down_only(Call::load);
    let key = other.session.key;
    let seen = node.sessions.peek(key, &group, Query::default());
    assert!(matches!(seen.await, Resolution::Unknown(Unknown::Store(_))));
}
