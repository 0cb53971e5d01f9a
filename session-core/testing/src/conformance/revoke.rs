//! Ending sessions: which, how many, and with which events.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Revoked, Scope, StoreError};

async fn revoke(f: &impl Fixture, scope: Scope) -> Revoked {
    match f.store().revoke(&scope, RevokeReason::Admin).await {
        Ok(revoked) => revoked,
        Err(error) => panic!("{scope:?}: {error:?}"),
    }
}

fn revoked(sessions: u64, seq: Seq) -> Revoked {
    Revoked { sessions, seq }
}

/// Ended once; ending it again changes nothing, not even the reason.
pub async fn ends_a_key_once(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let scope = Scope::Key(session.key);
    let first = f.store().revoke(&scope, RevokeReason::Logout).await;
    assert_eq!(first.ok(), Some(revoked(1, 1)));
    assert!(!f.is_live(&session.key).await);
    let row = f.row(&session.key).await.session.revoked;
    assert_eq!(row.map(|(_, reason)| reason), Some(RevokeReason::Logout));
    assert_eq!(revoke(f, scope).await, revoked(0, 1));
    assert_eq!(f.row(&session.key).await.session.revoked, row);
    assert_eq!(revoke(f, Scope::Key(some_key())).await, revoked(0, 1));
    let events = f.events_after(0).await;
    assert_eq!(subjects(&events), [Subject::Session(session.key)]);
}

/// A handle is public, so who asks must be its owner.
pub async fn ends_a_handle_of_its_owner_only(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let handle = |user: &str| Scope::Handle {
        id: session.id,
        user_id: Some(user.into()),
        group: None,
    };
    assert_eq!(revoke(f, handle("8")).await, revoked(0, 0));
    assert!(f.is_live(&session.key).await);
    assert_eq!(revoke(f, handle("7")).await, revoked(1, 1));
    assert!(!f.is_live(&session.key).await);
    assert_eq!(revoke(f, handle("7")).await, revoked(0, 1));
}

/// An operator needs no owner.
pub async fn ends_a_handle_for_an_operator(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let handle = |id| Scope::Handle {
        id,
        user_id: None,
        group: None,
    };
    assert_eq!(revoke(f, handle(Uuid::from_u128(1))).await, revoked(0, 0));
    assert_eq!(revoke(f, handle(session.id)).await, revoked(1, 1));
}

/// All of the user's but this one, with one event each.
pub async fn keeps_one_of_the_others(f: &impl Fixture) {
    let keep = f.log_in("7", None).await;
    let others = [f.log_in("7", None).await, f.log_in("7", Some("t1")).await];
    let stranger = f.log_in("8", None).await;
    let scope = Scope::Others {
        user_id: "7".into(),
        keep: keep.key,
        group: None,
    };
    assert_eq!(revoke(f, scope.clone()).await, revoked(2, 2));
    for (key, live) in [
        (keep.key, true),
        (stranger.key, true),
        (others[0].key, false),
        (others[1].key, false),
    ] {
        assert_eq!(f.is_live(&key).await, live);
    }
    let mut heard = subjects(&f.events_after(0).await);
    let mut expected = others.map(|other| Subject::Session(other.key)).to_vec();
    heard.sort_by_key(|subject| format!("{:?}", key_of(subject)));
    expected.sort_by_key(|subject| format!("{:?}", key_of(subject)));
    assert_eq!(heard, expected);
    assert_eq!(revoke(f, scope).await, revoked(0, 2));
}

fn key_of(subject: &Subject) -> Option<[u8; 32]> {
    match subject {
        Subject::Session(key) => Some(*key.as_bytes()),
        _ => None,
    }
}

/// Every session of the user, whatever the tenant, and nobody else's.
pub async fn ends_all_of_a_user(f: &impl Fixture) {
    let ended = [f.log_in("7", None).await, f.log_in("7", Some("t1")).await];
    let spared = f.log_in("8", Some("t1")).await;
    assert_eq!(revoke(f, Scope::User("7".into())).await, revoked(2, 1));
    assert!(!f.is_live(&ended[0].key).await && !f.is_live(&ended[1].key).await);
    assert!(f.is_live(&spared.key).await);
    assert_eq!(
        subjects(&f.events_after(0).await),
        [Subject::User("7".into())]
    );
}

/// Every session of the tenant.
pub async fn ends_all_of_a_tenant(f: &impl Fixture) {
    let ended = [
        f.log_in("7", Some("t1")).await,
        f.log_in("8", Some("t1")).await,
    ];
    let spared = [f.log_in("7", Some("t2")).await, f.log_in("7", None).await];
    assert_eq!(revoke(f, Scope::Tenant("t1".into())).await, revoked(2, 1));
    assert!(!f.is_live(&ended[0].key).await && !f.is_live(&ended[1].key).await);
    assert!(f.is_live(&spared[0].key).await && f.is_live(&spared[1].key).await);
    assert_eq!(
        subjects(&f.events_after(0).await),
        [Subject::Tenant("t1".into())]
    );
}

/// Every session.
pub async fn ends_everybody(f: &impl Fixture) {
    let ended = [f.log_in("7", Some("t1")).await, f.log_in("8", None).await];
    assert_eq!(revoke(f, Scope::All).await, revoked(2, 1));
    assert!(!f.is_live(&ended[0].key).await && !f.is_live(&ended[1].key).await);
    assert_eq!(subjects(&f.events_after(0).await), [Subject::Flush]);
}

/// O(1): one event, however many sessions, and no row is written.
pub async fn announces_each_mass_revocation_once(f: &impl Fixture) {
    let mut sessions = Vec::new();
    for _ in 0..30 {
        sessions.push(f.log_in("7", Some("t1")).await);
    }
    for (at, scope) in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ]
    .into_iter()
    .enumerate()
    {
        let counted = if at == 0 { 30 } else { 0 };
        let done = revoke(f, scope).await;
        assert_eq!(done.sessions, counted);
        assert_eq!(Ok(done.seq), Seq::try_from(at + 1));
        assert_eq!(f.head().await, done.seq);
    }
    for session in sessions {
        let row = f.row(&session.key).await;
        assert_eq!(row.session, session);
        assert_eq!(row.mass_revoked, Some(3));
    }
}

/// A login of that user may be under way on another node, so even nobody's end is announced, each time.
pub async fn announces_a_mass_revocation_of_nobody(f: &impl Fixture) {
    for seq in 1..=3 {
        assert_eq!(revoke(f, Scope::User("7".into())).await, revoked(0, seq));
    }
    let numbers: Vec<Seq> = f
        .events_after(0)
        .await
        .iter()
        .map(|event| event.seq)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
}

/// The line is drawn at the sample, not at the insert.
pub async fn spares_logins_that_began_later(f: &impl Fixture) {
    let before = f.log_in("7", None).await;
    revoke(f, Scope::User("7".into())).await;
    let after = f.log_in("7", None).await;
    assert!(!f.is_live(&before.key).await);
    assert!(f.is_live(&after.key).await);
    assert_eq!(
        revoke(f, Scope::User("7".into())).await,
        revoked(1, 2),
        "only the later one lived"
    );
    assert!(!f.is_live(&after.key).await);
}

/// The dead are not ended again.
pub async fn counts_only_the_living(f: &impl Fixture) {
    let revoked_before = f.log_in("7", None).await;
    let expired = f.log_in("7", None).await;
    f.log_in("7", None).await;
    revoke(f, Scope::Key(revoked_before.key)).await;
    f.set(
        expired.id,
        &format!("expires_at = {}", f.seconds_from_now(-1)),
    )
    .await;
    let head = f.head().await;
    assert_eq!(revoke(f, Scope::Key(expired.key)).await, revoked(0, head));
    assert_eq!(
        revoke(f, Scope::User("7".into())).await,
        revoked(1, head + 1)
    );
    assert_eq!(revoke(f, Scope::All).await, revoked(0, head + 2));
}

/// A node may know of activity that is not written yet, so for it the idle session lives, and must hear of the end.
pub async fn ends_the_idle_without_counting(f: &impl Fixture) {
    let idle = f.log_in("7", None).await;
    f.set(
        idle.id,
        &format!("last_activity = {}", f.seconds_from_now(-601)),
    )
    .await;
    assert_eq!(revoke(f, Scope::Key(idle.key)).await, revoked(0, 1));
    assert_eq!(
        subjects(&f.events_after(0).await),
        [Subject::Session(idle.key)]
    );
    assert!(f.row(&idle.key).await.session.revoked.is_some());
}

/// A login that races "revoke everything of this user" from another node is refused, or is dead, or began later; it is
/// never alive on an older sample.
pub async fn ends_logins_under_way(f: &impl Fixture) {
    for round in 0..20 {
        let user = format!("u{round}");
        let mut new = login(&user, None);
        new.sampled = f.head().await;
        let scope = Scope::User(user.as_str().into());
        let (inserted, ended) = tokio::join!(
            f.store().insert(&new),
            f.other_node().revoke(&scope, RevokeReason::Admin)
        );
        let ended = ended.unwrap_or_else(|error| panic!("revoke: {error:?}"));
        assert!(ended.seq > new.sampled);
        match inserted {
            Ok(_) | Err(StoreError::RevokedMeanwhile) => {}
            Err(error) => panic!("insert: {error:?}"),
        }
        assert!(!f.is_live(&new.key).await, "round {round}");
    }
}
