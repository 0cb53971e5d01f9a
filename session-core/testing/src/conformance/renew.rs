//! Another key for a session that lives on.

use std::time::Duration;

use super::{Fixture, Steps, login, some_key, subjects};
use session_core::session::{Group, Origin, References, RevokeReason, Session};
use session_core::sid::SessionKey;
use session_core::store::{Change, Renewal, Scope, Subject, Updated};

/// Longer than any case takes.
const GRACE: Duration = Duration::from_secs(60);

async fn renew(f: &impl Fixture, of: SessionKey, grace: Duration) -> Option<Session> {
    let to = some_key();
    let renewal = Renewal {
        of,
        to,
        group: Group::default(),
        grace,
    };
    let renewed = f.store().renew(&renewal).await;
    match renewed {
        Ok(renewed) => renewed.inspect(|session| assert_eq!(session.key, to)),
        Err(error) => panic!("renew: {error:?}"),
    }
}

async fn renewed(f: &impl Fixture, of: SessionKey) -> SessionKey {
    match renew(f, of, GRACE).await {
        Some(session) => session.key,
        None => panic!("nothing was renewed"),
    }
}

/// What `key` leads to, and whether it is a former key.
async fn found(f: &impl Fixture, key: &SessionKey) -> (Option<SessionKey>, bool) {
    match f.store().load(key).await {
        Ok(snapshot) => (snapshot.row.map(|row| row.session.key), snapshot.is_former),
        Err(error) => panic!("load: {error:?}"),
    }
}

/// The session is the same but for its key.
pub async fn keeps_all_but_the_key(f: &impl Fixture) {
    let old = f.log_in("7", Some("t1")).await;
    let before = f.now().await;
    let Some(new) = renew(f, old.key, GRACE).await else {
        panic!("nothing was renewed");
    };
    assert!(
        new.renewed_at
            .is_some_and(|at| at >= before && at == new.sid_since())
    );
    assert_eq!(old.renewed_at, None);
    assert_eq!(old.sid_since(), old.created_at);
    let same = Session {
        key: old.key,
        renewed_at: None,
        last_activity: old.last_activity,
        ..new.clone()
    };
    assert_eq!(same, old);
    assert_eq!(f.row(&new.key).await.session, new);
    let found = f.store().find(old.id).await;
    assert!(found.is_ok_and(|row| row.is_some_and(|row| row.session.key == new.key)));
}

/// Both keys lead to it for a while, and every node hears of both.
pub async fn leads_on_from_the_former_key(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    assert_eq!(found(f, &old.key).await, (Some(old.key), false));
    let new = renewed(f, old.key).await;
    assert_eq!(found(f, &old.key).await, (Some(new), true));
    assert_eq!(found(f, &new).await, (Some(new), false));
    let events = f.events_after(0).await;
    let mut heard = subjects(&events);
    heard.sort_by_key(|subject| *subject != Subject::Session(old.key));
    assert_eq!(heard, [Subject::Session(old.key), Subject::Session(new)]);
}

/// Earlier former keys lead to the session too after a second renewal.
pub async fn leads_on_from_earlier_keys(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let second = renewed(f, old.key).await;
    let third = renewed(f, second).await;
    for key in [old.key, second] {
        assert_eq!(found(f, &key).await, (Some(third), true));
    }
}

/// Then the former key leads nowhere, and is still recognised.
pub async fn ends_the_former_key_after_the_grace(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let Some(new) = renew(f, old.key, Duration::ZERO).await else {
        panic!("nothing was renewed");
    };
    assert_eq!(found(f, &old.key).await, (None, true));
    assert_eq!(found(f, &new.key).await, (Some(new.key), false));
    let scope = Scope::Key(old.key);
    let revoked = f.store().revoke(&scope, RevokeReason::Logout).await;
    assert!(revoked.is_ok_and(|revoked| revoked.sessions == 0));
    assert!(
        f.is_live(&new.key).await,
        "nobody ends it with a key of the past"
    );
}

/// Concurrent renewals make one successor.
pub async fn has_one_successor(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let tries = (0..20).map(|_| renew(f, old.key, GRACE));
    let renewed = futures_util::future::join_all(tries).await;
    let successors: Vec<SessionKey> = renewed.into_iter().flatten().map(|new| new.key).collect();
    let [successor] = successors[..] else {
        panic!("{successors:?}");
    };
    assert_eq!(found(f, &old.key).await, (Some(successor), true));
    assert!(
        renew(f, old.key, GRACE).await.is_none(),
        "a former key has no other"
    );
    assert_eq!(
        f.store()
            .list_by_user("7", &Group::default(), None, 10)
            .await
            .map(|list| list.len())
            .ok(),
        Some(1)
    );
}

/// Whichever key is named, and however: it ends under both.
pub async fn ends_under_both_keys(f: &impl Fixture) {
    for which in 0..5 {
        let old = f.log_in("7", None).await;
        let new = renewed(f, old.key).await;
        let scope = match which {
            0 => Scope::Key(old.key),
            1 => Scope::Key(new),
            2 => Scope::Handle {
                id: old.id,
                user_id: None,
                group: None,
            },
            3 => Scope::User("7".into()),
            _ => Scope::All,
        };
        let revoked = f.store().revoke(&scope, RevokeReason::Logout).await;
        assert!(
            revoked.is_ok_and(|revoked| revoked.sessions == 1),
            "{scope:?}"
        );
        assert!(
            !f.is_live(&old.key).await && !f.is_live(&new).await,
            "{scope:?}"
        );
    }
}

/// An end and a renewal at the same time: whichever comes first, it has ended.
pub async fn never_outlives_its_end(f: &impl Fixture) {
    for round in 0..10 {
        let old = f.log_in("7", None).await;
        let scope = match round % 3 {
            0 => Scope::Key(old.key),
            1 => Scope::Handle {
                id: old.id,
                user_id: None,
                group: None,
            },
            _ => Scope::User("7".into()),
        };
        let (renewed, revoked) = futures_util::future::join(
            renew(f, old.key, GRACE),
            f.store().revoke(&scope, RevokeReason::Logout),
        )
        .await;
        assert!(revoked.is_ok(), "{revoked:?}");
        assert!(!f.is_live(&old.key).await, "{scope:?}");
        if let Some(new) = renewed {
            assert!(!f.is_live(&new.key).await, "{scope:?}");
        }
    }
}

/// What is written or replaced by the former key concerns the session.
pub async fn is_meant_by_its_former_key(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let new = renewed(f, old.key).await;
    let change = Change {
        identity: old.identity.clone(),
        references: References::from_stored(Some("django:cart".into())),
    };
    let updated = f.store().update(&old.key, old.version, &change).await;
    assert!(matches!(updated, Ok(Updated::Done)), "{updated:?}");
    assert_eq!(
        f.row(&new).await.session.references,
        References::from_stored(Some("django:cart".into()))
    );

    let scope = Scope::Others {
        user_id: "7".into(),
        keep: old.key,
        group: None,
    };
    let revoked = f
        .store()
        .revoke(&scope, RevokeReason::LogoutEverywhere)
        .await;
    assert!(revoked.is_ok_and(|revoked| revoked.sessions == 0));
    assert!(f.is_live(&new).await, "it is the one that stays");

    let mut login = login("7", None);
    login.origin = Origin::Login {
        replaces: Some(old.key),
    };
    f.insert(&login).await;
    assert!(
        !f.is_live(&new).await,
        "replaced by a login in the same browser"
    );
}

/// What has ended gets no new key.
pub async fn never_renews_the_ended(f: &impl Fixture) {
    let ended = f.log_in("7", None).await;
    let scope = Scope::Key(ended.key);
    let revoked = f.store().revoke(&scope, RevokeReason::Logout).await;
    assert!(revoked.is_ok(), "{revoked:?}");
    assert!(renew(f, ended.key, GRACE).await.is_none());
    let all = f.log_in("8", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::User("8".into()), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    assert!(renew(f, all.key, GRACE).await.is_none());
    assert!(renew(f, some_key(), GRACE).await.is_none());
}
