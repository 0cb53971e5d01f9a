//! Groups of sites: a session belongs to one, for good, and a user's sessions are counted and listed in each apart.

use std::num::NonZeroU32;

use super::*;
use session_core::session::{OverLimit, RevokeReason, SessionLimit};
use session_core::store::{Renewal, Revoked, Scope, Search, StoreError, StoreResult};

pub(super) fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

pub(super) fn group(name: &str) -> Group {
    Group::named(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn site(name: &str) -> SiteName {
    SiteName::named(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A login of this user on a site of a group.
pub(super) fn login_in(name: &str, user: &str) -> NewSession {
    NewSession {
        group: group(name),
        site: site(&format!("{name}-site")),
        ..login(user, None)
    }
}

/// A session of this user in a group, logged in after everything that has happened.
pub(super) async fn log_in(f: &impl Fixture, name: &str, user: &str) -> Session {
    let mut new = login_in(name, user);
    new.sampled = f.head().await;
    f.insert(&new).await
}

pub(super) async fn revoke(f: &impl Fixture, scope: &Scope) -> Revoked {
    ok(f.store().revoke(scope, RevokeReason::Admin).await)
}

async fn listed(f: &impl Fixture, name: &str) -> Vec<(Uuid, SiteName)> {
    let listed = f.store().list_by_user("7", &group(name), None, 10).await;
    let each = ok(listed).into_iter().map(|one| (one.id, one.site));
    each.collect()
}

async fn found(f: &impl Fixture, search: Search) -> Vec<Uuid> {
    let search = Search {
        limit: 10,
        ..search
    };
    let found = ok(f.store().search(&search).await);
    found.into_iter().map(|session| session.id).collect()
}

/// Whoever reads it, by key or by handle.
pub async fn keeps_group_and_site(f: &impl Fixture) {
    let session = log_in(f, "shop", "7").await;
    assert_eq!(
        (session.group.name(), session.site.as_str()),
        ("shop", "shop-site")
    );
    assert_eq!(f.row(&session.key).await.session, session);
    let by_handle = ok(f.store().find(session.id).await);
    assert_eq!(by_handle.map(|row| row.session), Some(session));
}

/// Each group is a list of its own, which says where each session was made.
pub async fn lists_and_finds_within_a_group(f: &impl Fixture) {
    let shop = log_in(f, "shop", "7").await;
    let blog = log_in(f, "blog", "7").await;
    let plain = f.log_in("7", None).await;
    assert_eq!(listed(f, "shop").await, [(shop.id, site("shop-site"))]);
    assert_eq!(
        listed(f, "default").await,
        [(plain.id, SiteName::default())]
    );
    let of_group = Search {
        group: Some(group("blog")),
        ..Search::default()
    };
    assert_eq!(found(f, of_group).await, [blog.id]);
    let of_site = Search {
        site: Some(site("shop-site")),
        ..Search::default()
    };
    assert_eq!(found(f, of_site.clone()).await, [shop.id]);
    let of_both = Search {
        group: Some(group("blog")),
        ..of_site
    };
    assert!(found(f, of_both).await.is_empty());
    assert_eq!(
        found(f, Search::default()).await,
        [plain.id, blog.id, shop.id]
    );
}

/// What a user has elsewhere neither counts nor gives way.
pub async fn counts_within_the_group(f: &impl Fixture) {
    let limited = |name: &str, over| NewSession {
        limit: Some(SessionLimit {
            max: NonZeroU32::MIN,
            over,
        }),
        ..login_in(name, "7")
    };
    let elsewhere = f.insert(&limited("blog", OverLimit::Deny)).await;
    let first = f.insert(&limited("shop", OverLimit::Deny)).await;
    let denied = f.store().insert(&limited("shop", OverLimit::Deny)).await;
    assert!(
        matches!(denied, Err(StoreError::SessionLimit { sessions: 1 })),
        "{denied:?}"
    );
    let second = f.insert(&limited("shop", OverLimit::EvictOldest)).await;
    assert!(!f.is_live(&first.key).await);
    assert!(f.is_live(&second.key).await && f.is_live(&elsewhere.key).await);
}

/// A handle of another group is none.
pub async fn ends_a_handle_of_its_group_only(f: &impl Fixture) {
    let session = log_in(f, "shop", "7").await;
    let handle = |name: &str| Scope::Handle {
        id: session.id,
        user_id: Some("7".into()),
        group: Some(group(name)),
    };
    assert_eq!(revoke(f, &handle("default")).await.sessions, 0);
    assert!(f.is_live(&session.key).await);
    assert_eq!(revoke(f, &handle("shop")).await.sessions, 1);
    assert!(!f.is_live(&session.key).await);
}

/// All others of the group, or of all groups.
pub async fn keeps_one_of_the_others_in_a_group(f: &impl Fixture) {
    let keep = log_in(f, "shop", "7").await;
    let other = log_in(f, "shop", "7").await;
    let elsewhere = [log_in(f, "blog", "7").await, f.log_in("7", None).await];
    let others = |group| Scope::Others {
        user_id: "7".into(),
        keep: keep.key,
        group,
    };
    assert_eq!(revoke(f, &others(Some(group("shop")))).await.sessions, 1);
    assert!(f.is_live(&keep.key).await && !f.is_live(&other.key).await);
    for session in &elsewhere {
        assert!(f.is_live(&session.key).await);
    }
    assert_eq!(revoke(f, &others(None)).await.sessions, 2);
    assert!(f.is_live(&keep.key).await);
}

/// The new sid is made for a group before anybody has looked at the row.
pub async fn gives_a_new_key_in_its_group_only(f: &impl Fixture) {
    let session = log_in(f, "shop", "7").await;
    let renew = async |name: &str| {
        let renewal = Renewal {
            of: session.key,
            to: some_key(),
            group: group(name),
            grace: Duration::from_secs(10),
        };
        ok(f.store().renew(&renewal).await)
    };
    assert_eq!(renew("default").await, None);
    assert_eq!(renew("blog").await, None);
    let Some(renewed) = renew("shop").await else {
        panic!("nothing was renewed")
    };
    assert_eq!((renewed.group, renewed.site), (session.group, session.site));
}

/// The sid was made for it. Where it was made is for people to see: a correction is heard.
pub async fn stays_in_its_group(f: &impl Fixture) {
    let session = log_in(f, "shop", "7").await;
    for other in ["blog", "default"] {
        let sql = format!("UPDATE sidgate_session SET session_group = '{other}'");
        assert!(f.sql(&sql).await.is_err(), "{other}");
    }
    f.run("UPDATE sidgate_session SET session_group = session_group")
        .await;
    let heard = foreign::heard(f, "UPDATE sidgate_session SET site = 'kiosk'").await;
    assert_eq!(heard, [Subject::Session(session.key)]);
    let row = f.row(&session.key).await.session;
    assert_eq!((row.group, row.site), (session.group, site("kiosk")));
}

/// Names that no configuration can have would make a row unreadable, and one with a colon somebody else's.
pub async fn refuses_what_is_no_name(f: &impl Fixture) {
    f.log_in("7", None).await;
    let long = "x".repeat(33);
    for name in ["", "Shop", "a:b", "a b", &long] {
        let sql = format!("UPDATE sidgate_session SET site = '{name}'");
        assert!(f.sql(&sql).await.is_err(), "site {name:?}");
        let sql = stored_by_sql(f, &[("session_group", &format!("'{name}'"))]);
        assert!(f.sql(&sql).await.is_err(), "group {name:?}");
    }
    f.run(&stored_by_sql(f, &[("session_group", "'a-b_1'")]))
        .await;
}

/// A statement that stores a session of user 7 as programs of version 11 did, with these columns more.
fn stored_by_sql(f: &impl Fixture, more: &[(&str, &str)]) -> String {
    let columns: String = more.iter().map(|(name, _)| format!(", {name}")).collect();
    let values: String = more.iter().map(|(_, value)| format!(", {value}")).collect();
    let (now, later) = (f.seconds_from_now(0), f.seconds_from_now(60));
    format!(
        "INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, \
             expires_at, created_seq{columns}) \
         VALUES ({}, '{}', '7', '{{\"user\": {{\"id\": \"7\"}}}}', {now}, {now}, {now}, {later}, 0{values})",
        f.bytes(some_key().as_bytes()),
        Uuid::from_u128(0x4000 + u128::from(next())),
    )
}

/// Who knows no groups makes sessions of the default one.
pub async fn takes_a_session_without_a_group_for_one_of_the_default(f: &impl Fixture) {
    f.run(&stored_by_sql(f, &[])).await;
    let [(_, site)] = &listed(f, "default").await[..] else {
        panic!("not in the list")
    };
    assert!(site.is_default());
}
