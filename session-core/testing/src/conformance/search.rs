//! What operators ask for.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Scope, Search};

async fn found(f: &impl Fixture, search: Search) -> Vec<Uuid> {
    match f.store().search(&search).await {
        Ok(sessions) => sessions.into_iter().map(|session| session.id).collect(),
        Err(error) => panic!("search: {error:?}"),
    }
}

fn all() -> Search {
    Search {
        limit: 100,
        ..Search::default()
    }
}

/// By user, by tenant, by address, together or not at all; the latest login first.
pub async fn finds_what_was_asked_for(f: &impl Fixture) {
    let one = f.log_in("7", Some("t1")).await;
    let two = f.log_in("7", Some("t2")).await;
    let mut from_elsewhere = login("8", Some("t1"));
    from_elsewhere.ip = "2001:db8::1".parse().ok();
    let three = f.insert(&from_elsewhere).await;
    assert_eq!(found(f, all()).await, [three.id, two.id, one.id]);
    let of_user = Search {
        user_id: Some("7".into()),
        ..all()
    };
    assert_eq!(found(f, of_user.clone()).await, [two.id, one.id]);
    let of_tenant = Search {
        tenant_id: Some("t1".into()),
        ..all()
    };
    assert_eq!(found(f, of_tenant).await, [three.id, one.id]);
    let of_both = Search {
        tenant_id: Some("t1".into()),
        ..of_user
    };
    assert_eq!(found(f, of_both).await, [one.id]);
    let of_address = Search {
        ip: from_elsewhere.ip,
        ..all()
    };
    assert_eq!(found(f, of_address).await, [three.id]);
    let of_nobody = Search {
        user_id: Some("' OR 1=1 --".into()),
        ..all()
    };
    assert!(found(f, of_nobody).await.is_empty());
}

/// Page after page, nothing twice and nothing left out.
pub async fn goes_on_after_the_last(f: &impl Fixture) {
    let mut ids = vec![];
    for _ in 0..5 {
        ids.insert(0, f.log_in("7", None).await.id);
    }
    let mut pages = vec![];
    let mut after = None;
    loop {
        let page = Search {
            after,
            limit: 2,
            ..Search::default()
        };
        let page = found(f, page).await;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        pages.extend(page);
    }
    assert_eq!(pages, ids);
}

/// Ended ones are for [`SessionStore::find`].
pub async fn finds_and_counts_only_the_living(f: &impl Fixture) {
    let live = f.log_in("7", None).await;
    let [revoked, expired, idle] = [
        f.log_in("7", None).await,
        f.log_in("7", None).await,
        f.log_in("7", None).await,
    ];
    f.log_in("8", Some("t1")).await;
    f.log_in("9", None).await;
    let at = f.seconds_from_now(-1);
    f.set(expired.id, &format!("expires_at = {at}")).await;
    let at = f.seconds_from_now(-601);
    f.set(idle.id, &format!("last_activity = {at}")).await;
    let of_one = [
        Scope::Key(revoked.key),
        Scope::Tenant("t1".into()),
        Scope::User("9".into()),
    ];
    for scope in of_one {
        let done = f.store().revoke(&scope, RevokeReason::Admin).await;
        assert!(done.is_ok(), "{done:?}");
    }
    assert_eq!(found(f, all()).await, [live.id]);
    assert_eq!(f.store().count_live().await.ok(), Some(1));
    // Who logs in after a revocation lives.
    f.log_in("9", None).await;
    assert_eq!(f.store().count_live().await.ok(), Some(2));
    let done = f.store().revoke(&Scope::All, RevokeReason::Admin).await;
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(f.store().count_live().await.ok(), Some(0));
    let last = f.log_in("9", Some("t1")).await;
    assert_eq!(found(f, all()).await, [last.id]);
    assert_eq!(f.store().count_live().await.ok(), Some(1));
}
