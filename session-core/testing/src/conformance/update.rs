//! Changing an identity: compare and set, and never back to life.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Change, Scope, Updated};

fn change(value: Value) -> Change {
    Change {
        identity: identity(value),
        references: References::default(),
    }
}

async fn update(f: &impl Fixture, key: &SessionKey, version: i64, change: &Change) -> Updated {
    match f.store().update(key, version, change).await {
        Ok(updated) => updated,
        Err(error) => panic!("update: {error:?}"),
    }
}

/// Written, counted and announced once; nothing else moves.
pub async fn writes_and_counts(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let new = change(json!({"user": {"id": "7", "email": "a@x"}}));
    assert_eq!(update(f, &session.key, 1, &new).await, Updated::Done);
    let written = f.row(&session.key).await.session;
    let expected = Session {
        identity: new.identity,
        version: 2,
        ..session.clone()
    };
    assert_eq!(written, expected);
    let events = f.events_after(0).await;
    assert_eq!(subjects(&events), [Subject::Session(session.key)]);
}

/// The reference is written whole, too.
pub async fn replaces_and_removes_the_reference(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let mut new = change(json!({"user": {"id": "7"}}));
    new.references = stored("django:r1");
    assert_eq!(update(f, &session.key, 1, &new).await, Updated::Done);
    assert_eq!(f.row(&session.key).await.session.references, new.references);
    new.references = References::default();
    assert_eq!(update(f, &session.key, 2, &new).await, Updated::Done);
    assert_eq!(
        f.row(&session.key).await.session.references,
        References::default()
    );
}

/// Whoever read before somebody else wrote has to read again.
pub async fn refuses_a_stale_version(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let new = change(json!({"user": {"id": "7"}, "attributes": {"n": 1}}));
    assert_eq!(update(f, &session.key, 1, &new).await, Updated::Done);
    assert_eq!(update(f, &session.key, 1, &new).await, Updated::Conflict);
    assert_eq!(update(f, &session.key, 3, &new).await, Updated::Conflict);
    assert_eq!(f.head().await, 1, "a refused update writes no event");
}

/// R7: what has ended, by whatever way, stays as it was.
pub async fn never_revives(f: &impl Fixture) {
    let new = change(json!({"user": {"id": "7"}, "attributes": {"n": 1}}));
    assert_eq!(update(f, &some_key(), 1, &new).await, Updated::Gone);
    let mass = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::User("7".into()), RevokeReason::Admin)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let single = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(single.key), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let expired = f.log_in("7", None).await;
    f.set(
        expired.id,
        &format!("expires_at = {}", f.seconds_from_now(-1)),
    )
    .await;
    let head = f.head().await;
    for dead in [mass, single, expired] {
        let before = f.row(&dead.key).await;
        assert_eq!(update(f, &dead.key, 1, &new).await, Updated::Gone);
        assert_eq!(f.row(&dead.key).await, before);
    }
    assert_eq!(f.head().await, head);
}

/// After a move, it is the new tenant's revocation that counts.
pub async fn moves_to_another_tenant(f: &impl Fixture) {
    let session = f.log_in("7", Some("t1")).await;
    let new = change(json!({"user": {"id": "7"}, "tenant_id": "t2"}));
    assert_eq!(update(f, &session.key, 1, &new).await, Updated::Done);
    assert_eq!(
        f.row(&session.key).await.session.identity.tenant_id(),
        Some("t2")
    );
    for (tenant, ended) in [("t1", 0), ("t2", 1)] {
        let scope = Scope::Tenant(tenant.into());
        let revoked = f.store().revoke(&scope, RevokeReason::Admin).await;
        assert_eq!(revoked.map(|revoked| revoked.sessions).ok(), Some(ended));
    }
    assert!(!f.is_live(&session.key).await);
}

/// Of two who read the same version, one writes.
pub async fn lets_one_of_two_win(f: &impl Fixture) {
    for _ in 0..10 {
        let session = f.log_in("7", None).await;
        let left = change(json!({"user": {"id": "7"}, "attributes": {"by": "left"}}));
        let right = change(json!({"user": {"id": "7"}, "attributes": {"by": "right"}}));
        let (a, b) = tokio::join!(
            f.store().update(&session.key, 1, &left),
            f.other_node().update(&session.key, 1, &right)
        );
        let (a, b) = (a.ok(), b.ok());
        let winner = match (a, b) {
            (Some(Updated::Done), Some(Updated::Conflict)) => left,
            (Some(Updated::Conflict), Some(Updated::Done)) => right,
            other => panic!("{other:?}"),
        };
        let written = f.row(&session.key).await.session;
        assert_eq!((written.identity, written.version), (winner.identity, 2));
    }
}
