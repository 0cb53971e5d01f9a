//! Logins of the old system, when answers get lost and sessions end.

use std::sync::Arc;

use session_core::clock::Timestamp;
use session_core::keys::legacy::{Credential, LegacyLogin};
use session_core::service::{Created, Known, Migrated, Proven, SessionsError, Wait};
use session_core::session::{Group, RevokeReason};
use session_core::store::{Scope, StoreError};
use session_testing::Call;

use crate::support::{Node, Site, login};

fn legacy(node: &Node, value: &str) -> Arc<LegacyLogin> {
    let credential = Credential {
        name: "session_token",
        value: value.as_bytes(),
    };
    Arc::new(node.sessions.legacy(credential, &Group::default()))
}

async fn recall(node: &Node, legacy: &Arc<LegacyLogin>) -> Result<Known, SessionsError> {
    let known = node.sessions.recall(&[Arc::clone(legacy)]).await?;
    Ok(known.into_iter().next().unwrap())
}

/// What the app has accepted, without a word about when its user logged in.
fn accepted(legacy: &Arc<LegacyLogin>) -> Proven {
    Proven {
        login: Arc::clone(legacy),
        proved: Timestamp::default(),
    }
}

async fn migrate(
    node: &Node,
    legacy: &Arc<LegacyLogin>,
    kept: Option<&[u8]>,
) -> Result<Migrated, SessionsError> {
    let ticket = node.ticket().await;
    node.sessions
        .migrate(ticket, &[accepted(legacy)], login("7"), kept)
        .await
}

async fn made(node: &Node, legacy: &Arc<LegacyLogin>, kept: Option<&[u8]>) -> Created {
    match migrate(node, legacy, kept).await.unwrap() {
        Migrated::Made(created) => *created,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_costs_no_session_and_makes_no_second_one() {
    let node = Site::new().await.node().await;
    let old = legacy(&node, "a");
    node.faults.lose_answers(Call::adopt);
    let lost = migrate(&node, &old, None).await;
    assert!(
        matches!(lost, Err(SessionsError::Store(StoreError::Timeout(_)))),
        "{lost:?}"
    );
    node.faults.up();
    let Known::Live(found) = recall(&node, &old).await.unwrap() else {
        panic!("it was stored")
    };
    assert!(node.admits(&found).await);
    let again = migrate(&node, &old, None).await;
    assert!(matches!(again, Ok(Migrated::Changed)), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_says_nothing_about_a_login() {
    let node = Site::new().await.node().await;
    let old = legacy(&node, "a");
    made(&node, &old, None).await;
    node.faults.down_only(Call::recall);
    assert!(recall(&node, &old).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_has_ended_stays_ended_even_when_somebody_forgets_it() {
    let site = Site::new().await;
    let node = site.node().await;
    let old = legacy(&node, "a");
    let created = made(&node, &old, None).await;
    let scope = Scope::Key(created.session.key);
    let revoked = node
        .sessions
        .revoke(scope, RevokeReason::Logout, Wait::None);
    revoked.await.unwrap();
    let ended = recall(&node, &old).await.unwrap();
    assert!(matches!(ended, Known::Ended(Some(id)) if id == created.session.id));
    assert!(matches!(
        migrate(&node, &old, None).await,
        Ok(Migrated::Changed)
    ));
    // By hand, and in spite of the warning: as long as the session's own row is there, nothing is made over it.
    site.sql("DELETE FROM sidgate_legacy");
    assert!(matches!(
        migrate(&node, &old, None).await,
        Ok(Migrated::Ended)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_tampered_with_opens_no_session() {
    let site = Site::new().await;
    let node = site.node().await;
    let (alice, mallory) = (legacy(&node, "a"), legacy(&node, "m"));
    made(&node, &alice, None).await;
    made(&node, &mallory, None).await;
    // Mallory's login is made to point to the session of Alice.
    site.sql("UPDATE sidgate_legacy SET session_key = (SELECT session_key FROM sidgate_session ORDER BY created_at LIMIT 1)");
    assert!(matches!(recall(&node, &mallory).await, Ok(Known::Ended(_))));
    assert!(matches!(recall(&node, &alice).await, Ok(Known::Live(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_cookies_are_kept_sealed_beside_their_own_session_only() {
    let site = Site::new().await;
    let node = site.node().await;
    let (a, b) = (legacy(&node, "a"), legacy(&node, "b"));
    let (first, second) = (
        made(&node, &a, Some(b"token=secret")).await,
        made(&node, &b, None).await,
    );
    let kept = async |key| {
        node.sessions
            .kept(key)
            .await
            .unwrap()
            .map(|kept| kept.to_vec())
    };
    assert_eq!(
        kept(first.session.key).await.as_deref(),
        Some(&b"token=secret"[..])
    );
    assert_eq!(kept(second.session.key).await, None);
    let file = std::fs::read(site.file()).unwrap();
    assert!(!file.windows(6).any(|bytes| bytes == b"secret"));
    // Moved to another session it does not open.
    site.sql("UPDATE sidgate_legacy SET kept = (SELECT max(kept) FROM sidgate_legacy)");
    assert_eq!(kept(second.session.key).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_credentials_of_one_login_lead_to_one_session() {
    let node = Site::new().await.node().await;
    let (a, b, c) = (legacy(&node, "a"), legacy(&node, "b"), legacy(&node, "c"));
    let ticket = node.ticket().await;
    let both = [accepted(&a), accepted(&b)];
    let migrated = node.sessions.migrate(ticket, &both, login("7"), None).await;
    let Migrated::Made(first) = migrated.unwrap() else {
        panic!("nobody has come before")
    };
    let joined = node.sessions.attach(&[accepted(&c)], None, &first).await;
    assert!(joined.unwrap());
    let known = node.sessions.recall(&[a, legacy(&node, "d"), b, c]).await;
    let known = known.unwrap();
    assert!(matches!(known[1], Known::Never), "{known:?}");
    for place in [0, 2, 3] {
        let Known::Live(found) = &known[place] else {
            panic!("{known:?}")
        };
        assert!(found.sid == first.sid && node.admits(found).await);
    }
}
