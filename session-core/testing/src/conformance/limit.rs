//! How many sessions a user may have: never more than the limit, whoever logs in at the same time.

use std::num::NonZeroU32;

use super::*;
use session_core::session::{OverLimit, RevokeReason, SessionLimit};
use session_core::store::StoreError;

fn at_most(max: u32, over: OverLimit) -> Option<SessionLimit> {
    NonZeroU32::new(max).map(|max| SessionLimit { max, over })
}

/// A login of user 7 that is held to a limit.
fn limited(max: u32, over: OverLimit) -> NewSession {
    NewSession {
        limit: at_most(max, over),
        ..login("7", None)
    }
}

/// How many live sessions a user has.
async fn live(f: &impl Fixture, user: &str) -> usize {
    match f
        .store()
        .list_by_user(user, &Group::default(), None, 1_000)
        .await
    {
        Ok(listed) => listed.len(),
        Err(error) => panic!("list: {error:?}"),
    }
}

async fn is_refused(f: &impl Fixture, new: &NewSession) -> u64 {
    match f.store().insert(new).await {
        Err(StoreError::SessionLimit { sessions }) => sessions,
        other => panic!("not refused: {other:?}"),
    }
}

/// The login that is the longest ago gives way, and only that one.
pub async fn evicts_the_oldest(f: &impl Fixture) {
    let limit = || limited(3, OverLimit::EvictOldest);
    let first = f.insert(&limit()).await.key;
    let second = f.insert(&limit()).await.key;
    let third = f.insert(&limit()).await.key;
    assert_eq!(live(f, "7").await, 3);
    f.insert(&limit()).await;
    assert_eq!(live(f, "7").await, 3);
    let oldest = f.row(&first).await.session;
    assert_eq!(
        oldest.revoked.map(|(_, reason)| reason),
        Some(RevokeReason::Evicted)
    );
    assert!(f.is_live(&second).await && f.is_live(&third).await);
    // A limit that was lowered meanwhile takes effect with the next login.
    let last = f.insert(&limited(1, OverLimit::EvictOldest)).await;
    assert_eq!(live(f, "7").await, 1);
    assert!(f.is_live(&last.key).await);
}

/// A session that nobody has used for long is not worth another one's end.
pub async fn evicts_the_idle_first(f: &impl Fixture) {
    let oldest = f.insert(&limited(2, OverLimit::EvictOldest)).await;
    let idle = f.insert(&limited(2, OverLimit::EvictOldest)).await;
    let long_ago = f.seconds_from_now(-1_000);
    f.set(idle.id, &format!("last_activity = {long_ago}")).await;
    f.insert(&limited(2, OverLimit::EvictOldest)).await;
    assert!(f.is_live(&oldest.key).await);
    assert!(f.row(&idle.key).await.session.revoked.is_some());
}

/// A refused login says how many sessions there are, and everything stays as it was.
pub async fn denies_and_changes_nothing(f: &impl Fixture) {
    let first = f.insert(&limited(2, OverLimit::Deny)).await;
    f.insert(&limited(2, OverLimit::Deny)).await;
    let foreign = f.insert(&login("8", None)).await;
    let head = f.head().await;
    let mut third = limited(2, OverLimit::Deny);
    third.sampled = head;
    third.origin = Origin::Login {
        replaces: Some(foreign.key),
    };
    assert_eq!(is_refused(f, &third).await, 2);
    assert_eq!(live(f, "7").await, 2);
    assert!(
        f.is_live(&foreign.key).await,
        "nor is the browser logged out"
    );
    assert_eq!(f.head().await, head);
    f.store()
        .revoke(
            &session_core::store::Scope::Key(first.key),
            RevokeReason::Logout,
        )
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    f.insert(&third).await;
    assert_eq!(live(f, "7").await, 2);
}

/// An idle session ends before a login is denied.
pub async fn gives_up_the_idle_before_it_denies(f: &impl Fixture) {
    let idle = f.insert(&limited(2, OverLimit::Deny)).await;
    f.insert(&limited(2, OverLimit::Deny)).await;
    let long_ago = f.seconds_from_now(-1_000);
    f.set(idle.id, &format!("last_activity = {long_ago}")).await;
    f.insert(&limited(2, OverLimit::Deny)).await;
    assert!(
        f.row(&idle.key).await.session.revoked.is_some(),
        "else a late use could bring the user above the limit"
    );
    assert_eq!(is_refused(f, &limited(2, OverLimit::Deny)).await, 2);
}

/// A browser that logs in again does not need a second place.
pub async fn does_not_count_the_replaced(f: &impl Fixture) {
    let stays = f.insert(&limited(2, OverLimit::EvictOldest)).await;
    let before = f.insert(&limited(2, OverLimit::EvictOldest)).await;
    for over in [OverLimit::EvictOldest, OverLimit::Deny] {
        let mut again = limited(2, over);
        again.sampled = f.head().await;
        again.origin = Origin::Login {
            replaces: Some(before.key),
        };
        if over == OverLimit::Deny {
            assert_eq!(
                is_refused(f, &again).await,
                2,
                "the replaced one has ended already"
            );
        } else {
            f.insert(&again).await;
        }
    }
    assert!(f.is_live(&stays.key).await);
    let replaced = f.row(&before.key).await.session.revoked;
    assert_eq!(
        replaced.map(|(_, reason)| reason),
        Some(RevokeReason::Replaced)
    );
}

/// Others are not concerned, and without a limit neither is the user.
pub async fn counts_one_user_only(f: &impl Fixture) {
    for _ in 0..3 {
        f.log_in("8", None).await;
    }
    f.insert(&limited(1, OverLimit::Deny)).await;
    assert_eq!((live(f, "7").await, live(f, "8").await), (1, 3));
    f.log_in("7", None).await;
    assert_eq!(live(f, "7").await, 2);
}

/// Nodes hear of what was evicted as of any other end.
pub async fn announces_the_evicted(f: &impl Fixture) {
    let first = f.insert(&limited(1, OverLimit::EvictOldest)).await;
    f.insert(&limited(1, OverLimit::EvictOldest)).await;
    let events = f.events_after(0).await;
    assert_eq!(subjects(&events), [Subject::Session(first.key)]);
}

/// Twenty at once, on two nodes.
pub async fn holds_against_parallel_logins(f: &impl Fixture) {
    for over in [OverLimit::EvictOldest, OverLimit::Deny] {
        let user = if over == OverLimit::Deny { "8" } else { "9" };
        let logins: Vec<_> = (0..20)
            .map(|_| NewSession {
                limit: at_most(3, over),
                ..login(user, None)
            })
            .collect();
        let attempts = logins.iter().enumerate().map(|(n, new)| {
            let node = if n % 2 == 0 {
                f.store()
            } else {
                f.other_node()
            };
            node.insert(new)
        });
        let mut made = 0;
        for attempt in futures_util::future::join_all(attempts).await {
            match attempt {
                Ok(_) => made += 1,
                Err(StoreError::SessionLimit { sessions: 3 }) => {}
                Err(StoreError::Timeout(_)) => panic!("logins wait for each other too long"),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(live(f, user).await, 3);
        assert_eq!(made, if over == OverLimit::Deny { 3 } else { 20 });
    }
}

/// A rotation is not counted twice, and not overlooked.
pub async fn holds_against_rotations(f: &impl Fixture) {
    let mut current = f.insert(&limited(2, OverLimit::EvictOldest)).await;
    for _ in 0..10 {
        let rotated = NewSession {
            sampled: f.head().await,
            origin: Origin::Rotation {
                of: current.key,
                version: current.version,
                auth_time: current.auth_time,
            },
            ..login("7", None)
        };
        let logins = [(); 2].map(|()| NewSession {
            sampled: 0,
            ..limited(2, OverLimit::EvictOldest)
        });
        let (store, other) = (f.store(), f.other_node());
        let [one, two] = &logins;
        let (a, b, rotation) = futures_util::future::join3(
            store.insert(one),
            other.insert(two),
            other.insert(&rotated),
        )
        .await;
        assert_eq!((a.is_ok(), live(f, "7").await), (true, 2));
        current = match (b, rotation) {
            (Ok(session), Err(StoreError::RevokedMeanwhile) | Ok(_)) => session,
            other => panic!("{other:?}"),
        };
    }
}
