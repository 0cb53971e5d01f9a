//! Activity: forward only, silent, and never a way back to life.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Scope, Touch};

fn used(key: SessionKey, seconds_ago: u64) -> Touch {
    Touch {
        key,
        age: Duration::from_secs(seconds_ago),
    }
}

async fn touch(f: &impl Fixture, batch: &[Touch]) -> u64 {
    match f.store().touch(batch).await {
        Ok(moved) => moved,
        Err(error) => panic!("touch: {error:?}"),
    }
}

/// A session that was last used so many seconds ago.
async fn last_used(f: &impl Fixture, seconds_ago: i64) -> Session {
    let session = f.log_in("7", None).await;
    let at = f.seconds_from_now(-seconds_ago);
    f.set(session.id, &format!("last_activity = {at}")).await;
    f.row(&session.key).await.session
}

/// The store's clock, less the age.
pub async fn moves_forward_without_an_event(f: &impl Fixture) {
    let a = last_used(f, 100).await;
    let b = last_used(f, 100).await;
    let before = f.now().await;
    assert_eq!(touch(f, &[used(a.key, 0), used(b.key, 30)]).await, 2);
    let after = f.now().await;
    let a = f.row(&a.key).await.session.last_activity;
    let b = f.row(&b.key).await.session.last_activity;
    assert!((before..=after).contains(&a));
    let seconds = Duration::from_secs(30);
    assert!((before..=after).contains(&b.plus(seconds)));
    assert_eq!(f.head().await, 0, "activity is no change of authority");
    assert_eq!(touch(f, &[]).await, 0);
}

/// An older use says nothing new.
pub async fn never_moves_backwards(f: &impl Fixture) {
    let session = last_used(f, 20).await;
    assert_eq!(touch(f, &[used(session.key, 50)]).await, 0);
    assert_eq!(f.row(&session.key).await.session, session);
}

/// The race that every session store has had: a request in flight writes a session back after its logout.
pub async fn never_creates(f: &impl Fixture) {
    let deleted = f.log_in("7", None).await;
    f.run(&format!(
        "DELETE FROM sidgate_session WHERE id = '{}'",
        deleted.id
    ))
    .await;
    assert_eq!(
        touch(f, &[used(deleted.key, 0), used(some_key(), 0)]).await,
        0
    );
    let loaded = f.store().load(&deleted.key).await;
    assert!(loaded.is_ok_and(|snapshot| snapshot.row.is_none()));
}

/// Neither the revoked nor the expired move.
pub async fn never_revives_the_ended(f: &impl Fixture) {
    let revoked = last_used(f, 100).await;
    let expired = last_used(f, 100).await;
    let ended = f
        .store()
        .revoke(&Scope::Key(revoked.key), RevokeReason::Logout)
        .await;
    assert!(ended.is_ok(), "{ended:?}");
    f.set(
        expired.id,
        &format!("expires_at = {}", f.seconds_from_now(-1)),
    )
    .await;
    for dead in [revoked.key, expired.key] {
        let before = f.row(&dead).await;
        assert_eq!(touch(f, &[used(dead, 0)]).await, 0);
        assert_eq!(f.row(&dead).await, before);
        assert!(!f.is_live(&dead).await);
    }
}

/// A use after the idle end comes too late; one before it, reported late, still counts.
pub async fn never_revives_the_idle(f: &impl Fixture) {
    let session = last_used(f, 700).await;
    assert_eq!(session.idle, Duration::from_secs(600));
    assert_eq!(touch(f, &[used(session.key, 0)]).await, 0);
    assert!(!f.is_live(&session.key).await);
    assert_eq!(touch(f, &[used(session.key, 650)]).await, 1);
    assert!(
        !f.is_live(&session.key).await,
        "it was idle for too long afterwards"
    );
    assert_eq!(touch(f, &[used(session.key, 60)]).await, 1);
    assert!(f.is_live(&session.key).await);
}

/// One session may be in a batch twice.
pub async fn takes_the_latest_of_a_batch(f: &impl Fixture) {
    let session = last_used(f, 100).await;
    let before = f.now().await;
    touch(
        f,
        &[
            used(session.key, 5),
            used(session.key, 0),
            used(session.key, 9),
        ],
    )
    .await;
    assert!(f.row(&session.key).await.session.last_activity >= before);
}
