//! Login, use, change, logout.

use std::time::Duration;

use serde_json::json;
use session_core::cache::Tier;
use session_core::service::{Absence, Follow, Query, Resolution, Wait};
use session_core::session::{Dead, Group, Groups, IdentityPatch, Owner, RevokeReason};
use session_core::store::Scope;
use session_testing::Call;

use tokio::runtime::Handle;

use crate::support::{APP, Site, login, referred, until};

fn patch(value: serde_json::Value) -> IdentityPatch {
    serde_json::from_value(value).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_read_once_and_then_served_from_memory() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    for expected in [Tier::Store, Tier::Local, Tier::Local] {
        let Resolution::Active(active) = node.resolve(&created).await else {
            panic!("not active")
        };
        assert_eq!(active.tier, expected);
        assert_eq!(active.entry.session().identity.user_id(), "7");
    }
    assert_eq!(node.faults.calls(Call::load), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_ours_costs_no_look_up() {
    let node = Site::new().await.node().await;
    let cases: [(&[u8], Absence); 4] = [
        (b"", Absence::Malformed),
        (b"not-a-sid", Absence::Malformed),
        (b"0123456f-89ab-cdef-0123-456789abcdef", Absence::Forged),
        (b"0123456F-89AB-CDEF-0123-456789ABCDEF", Absence::Malformed),
    ];
    for (cookie, why) in cases {
        let Resolution::Absent(absence) = node
            .sessions
            .resolve(cookie, &Groups::default(), Query::default())
            .await
        else {
            panic!()
        };
        assert_eq!(absence, why);
    }
    assert_eq!(node.faults.calls(Call::load), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sid_of_ours_without_a_session_is_asked_for_once() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    node.end(&created, Wait::None).await;
    assert_eq!(
        node.absence(&created).await,
        Some(Absence::Ended(Dead::Revoked(Some(RevokeReason::Logout))))
    );
    let before = node.faults.calls(Call::load);
    for _ in 0..10 {
        assert!(node.absence(&created).await.is_some());
    }
    assert_eq!(
        node.faults.calls(Call::load),
        before,
        "the negative answer is remembered"
    );
}

/// For log lines, which must not cost a read of their own.
#[tokio::test(flavor = "multi_thread")]
async fn whose_a_session_was_is_known_from_the_read_that_found_its_end() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let created = a.log_in("7").await;
    let (key, owner) = (created.session.key, Owner::of(&created.session));
    assert_eq!(b.sessions.owner(&key), None, "never heard of");
    a.end(&created, Wait::All).await;
    assert!(b.absence(&created).await.is_some());
    let reads = [&a, &b].map(|node| node.faults.calls(Call::load));
    for node in [&a, &b] {
        assert_eq!(node.sessions.owner(&key).as_deref(), Some(&owner));
    }
    assert_eq!([&a, &b].map(|node| node.faults.calls(Call::load)), reads);
    assert_eq!(reads, [1, 1], "one to end it, one to find that it is over");
}

#[tokio::test]
async fn a_thousand_requests_for_one_sid_are_one_read() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    let hold = node.faults.hold_loads();
    let requests: Vec<_> = (0..1_000)
        .map(|_| {
            let (sessions, sid) = (node.sessions.clone(), created.sid.clone());
            Handle::current().spawn(async move {
                matches!(
                    sessions
                        .resolve(
                            sid.expose().as_str().as_bytes(),
                            &Groups::default(),
                            Query::default(),
                        )
                        .await,
                    Resolution::Active(_)
                )
            })
        })
        .collect();
    hold.until_one_has_read().await;
    hold.release();
    let mut admitted = 0;
    for request in requests {
        admitted += usize::from(request.await.unwrap());
    }
    assert_eq!((admitted, node.faults.calls(Call::load)), (1_000, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_the_session_it_replaces() {
    let node = Site::new().await.node().await;
    let old = node.log_in("7").await;
    assert!(node.admits(&old).await);
    let ticket = node.ticket().await;
    let again = session_core::service::Login {
        replaces: Some(old.session.key),
        ..login("7")
    };
    let new = node.sessions.create(ticket, again).await.unwrap();
    assert_ne!(new.session.key, old.session.key);
    assert!(node.admits(&new).await);
    assert_eq!(
        node.absence(&old).await,
        Some(Absence::Ended(Dead::Revoked(Some(RevokeReason::Replaced))))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_seen_by_whoever_made_it_and_by_the_other_node() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let created = a.log_in("7").await;
    assert!(a.admits(&created).await && b.admits(&created).await);
    let change = patch(json!({"attributes": {"plan": "pro"}, "ref": "r1"}));
    assert!(
        a.sessions
            .update(created.session.key, APP, change)
            .await
            .unwrap()
            .is_some()
    );
    let plan = async |node: &crate::support::Node| {
        let Resolution::Active(active) = node.resolve(&created).await else {
            panic!("not active")
        };
        let session = active.entry.session();
        (
            session.identity.to_value()["attributes"]["plan"].clone(),
            referred(session, APP),
        )
    };
    assert_eq!(plan(&a).await, (json!("pro"), Some("r1".to_owned())));
    until("the other node sees it", async || {
        plan(&b).await.0 == json!("pro")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_stay_with_their_apps_through_every_change() {
    let node = Site::new().await.node().await;
    let created = node.log_in("7").await;
    let key = created.session.key;
    for (app, text) in [(APP, "key-of-django"), ("next", "key-of-next")] {
        let change = patch(json!({ "ref": text }));
        let owner = node.sessions.update(key, app, change).await.unwrap();
        assert_eq!(owner.unwrap(), Owner::of(&created.session));
    }
    let change = patch(json!({"attributes": {"plan": "pro"}}));
    let changed = node.sessions.update(key, "other", change).await.unwrap();
    assert!(changed.is_some());
    let (rotated, _before) = node.sessions.rotate(key).await.unwrap().unwrap();
    let rotated = rotated.session;
    let told = |app| referred(&rotated, app);
    assert_eq!(told(APP).as_deref(), Some("key-of-django"));
    assert_eq!(told("next").as_deref(), Some("key-of-next"));
    assert_eq!(told("other"), None);
    let stored = rotated.references.as_stored().unwrap();
    assert!(!stored.contains("key-of"), "sealed: {stored}");
    let gone = patch(json!({ "ref": null }));
    let changed = node.sessions.update(rotated.key, APP, gone).await.unwrap();
    assert!(changed.is_some());
    let Resolution::Active(active) = node
        .sessions
        .resolve_key(rotated.key, &Group::default(), Query::default())
        .await
    else {
        panic!("not active")
    };
    let session = active.entry.session();
    assert_eq!(referred(session, APP), None);
    assert_eq!(referred(session, "next").as_deref(), Some("key-of-next"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_gives_a_new_sid_and_keeps_everything_else() {
    let node = Site::new().await.node().await;
    let old = node.log_in("7").await;
    let rotated = node.sessions.rotate(old.session.key).await.unwrap();
    let (new, before) = rotated.unwrap();
    assert_eq!(before, old.session.id);
    assert!(node.admits(&new).await);
    assert!(node.absence(&old).await.is_some());
    assert_eq!(new.session.identity, old.session.identity);
    assert_eq!(new.session.auth_time, old.session.auth_time);
    let drift = new
        .session
        .expires_at
        .as_micros()
        .abs_diff(old.session.expires_at.as_micros());
    assert!(drift < 2_000_000, "rotation must not extend a session");
    assert!(
        node.sessions
            .rotate(old.session.key)
            .await
            .unwrap()
            .is_none(),
        "a dead session does not rotate"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn others_of_a_user_end_and_this_one_stays() {
    let node = Site::new().await.node().await;
    let (kept, other, stranger) = (
        node.log_in("7").await,
        node.log_in("7").await,
        node.log_in("8").await,
    );
    assert!(node.admits(&other).await);
    let scope = Scope::Others {
        user_id: "7".into(),
        keep: kept.session.key,
        group: None,
    };
    let revoked = node
        .sessions
        .revoke(scope, RevokeReason::LogoutEverywhere, Wait::None)
        .await
        .unwrap();
    assert_eq!(revoked.revoked, 1);
    assert!(node.admits(&kept).await && node.admits(&stranger).await);
    assert!(node.absence(&other).await.is_some());
    let group = Group::default();
    let listed = node.sessions.list("7", &group, None, 10).await;
    assert_eq!(listed.unwrap().0.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_on_another_node_keeps_a_session_from_going_idle() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let ticket = a.ticket().await;
    let short = session_core::service::Login {
        idle: Duration::from_secs(4),
        ..login("7")
    };
    let created = a.sessions.create(ticket, short).await.unwrap();
    assert!(b.admits(&created).await);
    for _ in 0..11 {
        assert!(a.admits(&created).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(
        b.admits(&created).await,
        "b saw nobody for five seconds, but the store knows better"
    );
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    assert_eq!(b.absence(&created).await, Some(Absence::Ended(Dead::Idle)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_on_to_a_session_hears_of_its_end_and_why() {
    let site = Site::new().await;
    let (a, b) = (site.node().await, site.node().await);
    let idle = session_core::service::Login {
        idle: Duration::from_secs(1),
        ..login("7")
    };
    let idle = a.sessions.create(a.ticket().await, idle).await.unwrap();
    let revoked = a.log_in("8").await;
    let [idle, held] =
        [a.resolve(&idle).await, a.resolve(&revoked).await].map(|resolution| match resolution {
            Resolution::Active(active) => active.entry,
            other => panic!("{other:?}"),
        });
    let mut news = a.sessions.news();
    b.sessions
        .revoke(
            Scope::Key(revoked.session.key),
            RevokeReason::Device,
            Wait::All,
        )
        .await
        .unwrap();
    assert!(
        news.has_changed().unwrap(),
        "the other node's change is news"
    );
    news.mark_unchanged();
    let Follow::Ended(why) = a
        .sessions
        .follow(&held.session().key, &Group::default(), Some(&held))
        .await
    else {
        panic!("it has ended")
    };
    let device = Dead::Revoked(Some(RevokeReason::Device));
    assert_eq!(why, Absence::Ended(device));
    assert_eq!(
        a.absence(&revoked).await,
        Some(Absence::Ended(device)),
        "what is remembered of it says why, too"
    );
    until("the idle end", async || {
        matches!(
            a.sessions
                .follow(&idle.session().key, &Group::default(), Some(&idle))
                .await,
            Follow::Ended(Absence::Ended(Dead::Idle))
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_is_written_at_the_end_and_never_revives() {
    let site = Site::new().await;
    let node = site.node().await;
    let ticket = node.ticket().await;
    let short = session_core::service::Login {
        idle: Duration::from_secs(2),
        ..login("7")
    };
    let created = node.sessions.create(ticket, short).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(node.admits(&created).await);
    node.sessions.stop().await;
    let row = site
        .store
        .find(created.session.id)
        .await
        .unwrap()
        .unwrap()
        .session;
    assert!(
        row.last_activity > created.session.last_activity,
        "flushed at shutdown"
    );
    assert_eq!(row.revoked, None);
}
