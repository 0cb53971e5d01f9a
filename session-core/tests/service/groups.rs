//! Groups of sites: a session of one is none on the sites of another.

use std::sync::Arc;
use std::time::Duration;

use session_core::cache::Tier;
use session_core::clock::Timestamp;
use session_core::keys::legacy::{Credential, LegacyLogin};
use session_core::service::{
    Absence, Created, Follow, Known, Login, Migrated, Proven, Query, RENEWAL_GRACE, Resolution,
    Wait,
};
use session_core::session::{Group, Groups, RevokeReason, SiteName};
use session_core::store::Scope;
use session_testing::Call;

use crate::support::{Node, Site, login};

fn group(name: &str) -> Group {
    Group::named(name).unwrap()
}

/// The groups of the installation, seen from `own`.
fn seen_from(own: &str) -> Groups {
    Groups::new(group(own), ["default", "shop", "blog"].map(group))
}

/// A login on the site `shop-eu` of the shop.
fn in_shop(user: &str) -> Login {
    Login {
        group: group("shop"),
        site: SiteName::named("shop-eu").unwrap(),
        ..login(user)
    }
}

async fn log_in(node: &Node, login: Login) -> Created {
    let ticket = node.ticket().await;
    node.sessions.create(ticket, login).await.unwrap()
}

async fn on(node: &Node, groups: &Groups, created: &Created) -> Resolution {
    let sid = created.sid.expose();
    let asked = node
        .sessions
        .resolve(sid.as_str().as_bytes(), groups, Query::default());
    asked.await
}

async fn is_admitted_on(node: &Node, own: &str, created: &Created) -> bool {
    let answer = on(node, &seen_from(own), created).await;
    matches!(answer, Resolution::Active(_))
}

fn is_elsewhere(answer: &Resolution) -> bool {
    matches!(answer, Resolution::Absent(Absence::OtherGroup))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_is_told_from_those_of_other_groups_without_a_question() {
    let site = Site::new().await;
    let (maker, node) = (site.node().await, site.node().await);
    let (shop, plain) = (log_in(&maker, in_shop("7")).await, maker.log_in("7").await);
    for own in ["default", "blog"] {
        let answer = on(&node, &seen_from(own), &shop).await;
        assert!(is_elsewhere(&answer), "{answer:?}");
    }
    let answer = on(&node, &seen_from("shop"), &plain).await;
    assert!(is_elsewhere(&answer), "{answer:?}");
    let answer = on(&node, &Groups::default(), &shop).await;
    assert!(
        matches!(answer, Resolution::Absent(Absence::Forged)),
        "an installation without groups: {answer:?}"
    );
    assert_eq!(node.faults.calls(Call::load), 0);

    let Resolution::Active(active) = on(&node, &seen_from("shop"), &shop).await else {
        panic!("not active")
    };
    let session = active.entry.session();
    assert_eq!(
        (&session.group, session.site.as_str()),
        (&group("shop"), "shop-eu")
    );
    assert_eq!(*session, shop.session);
    assert!(node.admits(&plain).await);
}

/// Whoever asks by key passes no seal: the row itself says where it belongs.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_no_session_of_another_group() {
    let node = Site::new().await.node().await;
    let created = log_in(&node, in_shop("7")).await;
    let (key, blog, query) = (created.session.key, group("blog"), Query::default());
    let sessions = &node.sessions;
    // From the store, then from this process.
    for _ in 0..2 {
        assert!(is_elsewhere(&sessions.peek(key, &blog, query).await));
        assert!(is_elsewhere(&sessions.resolve_key(key, &blog, query).await));
    }
    let at_hand = sessions.at_hand(&key, &blog, query);
    assert!(at_hand.is_some_and(|answer| is_elsewhere(&answer)));
    let followed = sessions.follow(&key, &blog, None).await;
    assert!(matches!(followed, Follow::Ended(Absence::OtherGroup)));

    let found = sessions.resolve_key(key, &group("shop"), query).await;
    let Resolution::Active(active) = found else {
        panic!("{found:?}")
    };
    assert_eq!(active.tier, Tier::Local, "it is a session all the same");
    // Whoever ends it need not know its group.
    node.end(&created, Wait::All).await;
    assert!(!is_admitted_on(&node, "shop", &created).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_store_shows_nobody_a_session_of_another_group() {
    let node = Site::new().await.node().await;
    let created = log_in(&node, in_shop("7")).await;
    assert!(is_admitted_on(&node, "shop", &created).await);
    node.faults.down();
    let key = created.session.key;
    let query = Query {
        max_stale: Duration::from_secs(60),
        ..Query::default()
    };
    crate::support::until("the lease is over", async || {
        !node.sessions.readiness().lease
    })
    .await;
    let stale = node.sessions.resolve_key(key, &group("shop"), query).await;
    assert!(matches!(stale, Resolution::Active(_)), "{stale:?}");
    let other = node.sessions.resolve_key(key, &group("blog"), query).await;
    assert!(is_elsewhere(&other), "{other:?}");
}

/// Somebody with all rights on the tables switches the guard off.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_moved_to_another_group_is_a_session_nowhere() {
    let site = Site::new().await;
    let node = site.node().await;
    let created = log_in(&node, in_shop("7")).await;
    assert!(is_admitted_on(&node, "shop", &created).await);
    site.sql(
        "DROP TRIGGER sidgate_session_kept; UPDATE sidgate_session SET session_group = 'blog'",
    );
    crate::support::until("the node has heard of it", async || {
        !is_admitted_on(&node, "shop", &created).await
    })
    .await;
    for own in ["default", "shop", "blog"] {
        let answer = on(&node, &seen_from(own), &created).await;
        assert!(is_elsewhere(&answer), "{own}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sid_is_of_the_same_group() {
    let node = Site::new().await.node().await;
    let created = log_in(&node, in_shop("7")).await;
    let key = created.session.key;
    let elsewhere = node
        .sessions
        .renew(key, &group("blog"), RENEWAL_GRACE)
        .await
        .unwrap();
    assert!(elsewhere.is_none(), "a sid that no site would accept");
    assert!(is_admitted_on(&node, "shop", &created).await);

    let renewed = node
        .sessions
        .renew(key, &group("shop"), RENEWAL_GRACE)
        .await
        .unwrap();
    let renewed = renewed.unwrap();
    let (rotated, _) = node
        .sessions
        .rotate(renewed.session.key)
        .await
        .unwrap()
        .unwrap();
    for next in [&renewed, &rotated] {
        assert_eq!(next.session.group, created.session.group);
        assert_eq!(next.session.site, created.session.site);
        let answer = on(&node, &seen_from("default"), next).await;
        assert!(is_elsewhere(&answer), "{answer:?}");
    }
    assert!(is_admitted_on(&node, "shop", &rotated).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_out_of_one_group_on_every_node() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let (shop, plain) = (log_in(&a, in_shop("7")).await, a.log_in("7").await);
    let stranger = log_in(&a, in_shop("8")).await;
    for node in [&a, &b] {
        assert!(is_admitted_on(node, "shop", &shop).await && node.admits(&plain).await);
    }
    let listed = a
        .sessions
        .list("7", &group("shop"), None, 10)
        .await
        .unwrap()
        .0;
    let listed: Vec<_> = listed
        .iter()
        .map(|one| (one.id, one.site.as_str()))
        .collect();
    assert_eq!(listed, [(shop.session.id, "shop-eu")]);

    let scope = Scope::Member {
        user_id: "7".into(),
        group: group("shop"),
    };
    let revoked = a
        .sessions
        .revoke(scope, RevokeReason::LogoutEverywhere, Wait::All);
    let receipt = revoked.await.unwrap();

    assert_eq!((receipt.revoked, receipt.acked), (1, 2));
    for node in [&a, &b] {
        assert!(!is_admitted_on(node, "shop", &shop).await);
        assert!(is_admitted_on(node, "shop", &stranger).await && node.admits(&plain).await);
    }
}

fn legacy(node: &Node, value: &str, group: &Group) -> Arc<LegacyLogin> {
    let credential = Credential {
        name: "session_token",
        value: value.as_bytes(),
    };
    Arc::new(node.sessions.legacy(credential, group))
}

fn accepted(login: &Arc<LegacyLogin>) -> Proven {
    Proven {
        login: Arc::clone(login),
        proved: Timestamp::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_cookie_becomes_one_session_in_each_group() {
    let node = Site::new().await.node().await;
    let (plain, shop) = (
        legacy(&node, "a", &group("default")),
        legacy(&node, "a", &group("shop")),
    );
    let migrate = async |old, login| {
        let ticket = node.ticket().await;
        let proven = [accepted(old)];
        let migrated = node.sessions.migrate(ticket, &proven, login, None);
        migrated.await.unwrap()
    };
    let Migrated::Made(first) = migrate(&plain, login("7")).await else {
        panic!("nobody has come before")
    };
    assert!(
        matches!(migrate(&shop, login("7")).await, Migrated::Changed),
        "its sid would be of another group than its session"
    );
    let Migrated::Made(second) = migrate(&shop, in_shop("7")).await else {
        panic!("nobody has come to the shop before")
    };
    assert_eq!(second.session.site.as_str(), "shop-eu");
    assert!(node.admits(&first).await && is_admitted_on(&node, "shop", &second).await);
    assert!(!is_admitted_on(&node, "shop", &first).await);

    let both = [Arc::clone(&plain), Arc::clone(&shop)];
    let recalled = node.sessions.recall(&both).await.unwrap();
    for (known, made) in recalled.iter().zip([&first, &second]) {
        let Known::Live(found) = known else {
            panic!("{known:?}")
        };
        assert!(found.sid == made.sid);
    }
    let more = [accepted(&legacy(&node, "b", &group("blog")))];
    let attached = node.sessions.attach(&more, None, &second);
    assert!(!attached.await.unwrap(), "of another group");
}
