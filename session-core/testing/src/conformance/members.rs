//! Ending all sessions of a user within a group: one row and one event, like for a user in all groups.

use super::foreign::heard;
use super::groups::{group, log_in, login_in, ok, revoke};
use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Revoked, Scope, StoreError};

const MINUTE: i64 = 60;

pub(super) fn member(name: &str, user: &str) -> Scope {
    Scope::Member {
        user_id: user.into(),
        group: group(name),
    }
}

/// However many there are, no row is written; and nobody else is concerned: not the user in another group, nor another user
/// whose id looks like it.
pub async fn ends_all_of_a_user_in_a_group(f: &impl Fixture) {
    let mut ended = Vec::new();
    for _ in 0..10 {
        ended.push(log_in(f, "shop", "7").await);
    }
    let spared = [
        log_in(f, "blog", "7").await,
        f.log_in("7", None).await,
        log_in(f, "shop", "8").await,
        log_in(f, "default", "shop:7").await,
    ];
    let expected = Revoked {
        sessions: 10,
        seq: 1,
    };
    assert_eq!(revoke(f, &member("shop", "7")).await, expected);
    assert_eq!(
        subjects(&f.events_after(0).await),
        [Subject::User("7".into())]
    );
    for session in ended {
        let row = f.row(&session.key).await;
        assert_eq!((row.session, row.mass_revoked), (session, Some(1)));
    }
    for session in spared {
        assert!(f.is_live(&session.key).await, "{session:?}");
    }
    assert_eq!(f.store().count_live().await.ok(), Some(4));
    // Whoever logs in afterwards lives.
    let later = log_in(f, "shop", "7").await;
    assert!(f.is_live(&later.key).await);
    assert_eq!(revoke(f, &member("shop", "7")).await.sessions, 1);
}

/// Ids of users may have colons, names of groups have none.
pub async fn knows_the_group_from_the_user(f: &impl Fixture) {
    let odd = log_in(f, "shop", "blog:7").await;
    let plain = log_in(f, "blog", "7").await;
    assert_eq!(revoke(f, &member("shop", "blog:7")).await.sessions, 1);
    assert!(!f.is_live(&odd.key).await && f.is_live(&plain.key).await);
    let events = subjects(&f.events_after(0).await);
    assert_eq!(events, [Subject::User("blog:7".into())]);
}

/// A login that races it is refused, or is dead, or began later (R8).
pub async fn ends_logins_under_way_in_the_group(f: &impl Fixture) {
    for round in 0..20 {
        let user = format!("u{round}");
        let head = f.head().await;
        let [new, elsewhere] = ["shop", "blog"].map(|name| NewSession {
            sampled: head,
            ..login_in(name, &user)
        });
        let scope = member("shop", &user);
        let (inserted, spared, ended) = tokio::join!(
            f.store().insert(&new),
            f.store().insert(&elsewhere),
            f.other_node().revoke(&scope, RevokeReason::Admin)
        );
        assert!(ok(ended).seq > head);
        match inserted {
            Ok(_) | Err(StoreError::RevokedMeanwhile) => {}
            Err(error) => panic!("insert: {error:?}"),
        }
        assert!(!f.is_live(&new.key).await, "round {round}");
        assert!(f.is_live(&ok(spared).key).await, "round {round}");
    }
    let mut late = login_in("shop", "u0");
    let refused = f.store().insert(&late).await;
    assert!(
        matches!(refused, Err(StoreError::RevokedMeanwhile)),
        "{refused:?}"
    );
    late.sampled = f.head().await;
    f.insert(&late).await;
}

/// What an app writes for a group. A number counts only if an event bears it that says the same, group and user.
pub async fn is_numbered_and_announced_whoever_writes(f: &impl Fixture) {
    let session = log_in(f, "shop", "7").await;
    let sql = "INSERT INTO sidgate_revocation (kind, subject) VALUES ('member', 'shop:7')";
    assert_eq!(heard(f, sql).await, [Subject::User("7".into())]);
    assert_eq!(f.row(&session.key).await.mass_revoked, Some(1));
    assert!(!f.is_live(&session.key).await);
    // Event 1 is about user 7 in the shop. It announces no other revocation.
    for (kind, subject, user) in [
        ("member", "blog:7", "7"),
        ("user", "7", "7"),
        ("member", "shop:8", "8"),
        ("user", "shop:7", "shop:7"),
    ] {
        let sql = format!(
            "INSERT INTO sidgate_revocation (kind, subject, seq) VALUES ('{kind}', '{subject}', 1)"
        );
        let head = f.head().await;
        assert_eq!(heard(f, &sql).await, [Subject::User(user.into())], "{sql}");
        assert_eq!(f.head().await, head + 1);
    }
    // The event of a user is none of a member, though it looks like it.
    let head = f.head().await;
    let sql = format!(
        "UPDATE sidgate_revocation SET seq = {head} WHERE kind = 'member' AND subject = 'shop:7'"
    );
    assert_eq!(heard(f, &sql).await, [Subject::User("7".into())]);
    let again = format!(
        "UPDATE sidgate_revocation SET seq = {} WHERE subject = 'shop:7' AND kind = 'member'",
        head + 1
    );
    assert_eq!(heard(f, &again).await, [], "its own");
    for subject in ["", "7", ":7", "shop:", "Shop:7"] {
        let sql = format!(
            "INSERT INTO sidgate_revocation (kind, subject) VALUES ('member', '{subject}')"
        );
        assert!(f.sql(&sql).await.is_err(), "{subject:?}");
    }
}

/// Neither by removing it, nor by changing the session.
pub async fn cannot_be_taken_back(f: &impl Fixture) {
    let session = log_in(f, "shop", "7").await;
    for _ in 0..2 {
        revoke(f, &member("shop", "7")).await;
    }
    for sql in [
        "DELETE FROM sidgate_revocation",
        "UPDATE sidgate_revocation SET seq = 1",
        "UPDATE sidgate_revocation SET subject = 'blog:7'",
        "UPDATE sidgate_session SET user_id = '8', identity = '{\"user\": {\"id\": \"8\"}}'",
        "UPDATE sidgate_session SET session_group = 'blog'",
    ] {
        assert!(f.sql(sql).await.is_err(), "{sql}");
    }
    // Its event is gone, and yet there is a session that it ends: refused, or passed over.
    drop(
        f.sql("DELETE FROM sidgate_event; DELETE FROM sidgate_revocation")
            .await,
    );
    assert_eq!(f.row(&session.key).await.mass_revoked, Some(2));
    assert!(!f.is_live(&session.key).await);
}

/// The row is marked when nothing can be under way any more, without an event; then the revocation goes.
pub async fn goes_when_all_are_marked(f: &impl Fixture) {
    let ended = log_in(f, "shop", "7").await;
    let spared = [log_in(f, "blog", "7").await, log_in(f, "shop", "8").await];
    revoke(f, &member("shop", "7")).await;
    revoke(f, &Scope::User("somebody-else".into())).await;
    let then = f.seconds_from_now(-41 * MINUTE);
    f.run(&format!("UPDATE sidgate_event SET at = {then}"))
        .await;
    let later = log_in(f, "shop", "7").await;
    let head = f.head().await;
    let mut done = Vec::new();
    for _ in 0..4 {
        let kept = ok(f.store().housekeep(100).await);
        done.push((kept.events > 0, kept.marked, kept.revocations));
        assert!(!f.is_live(&ended.key).await);
    }
    let nothing = (false, 0, 0);
    assert_eq!(done, [(true, 0, 0), (false, 1, 0), (false, 0, 1), nothing]);
    let row = f.row(&ended.key).await;
    assert!(row.session.revoked.is_some() && row.mass_revoked.is_none());
    for session in spared.iter().chain([&later]) {
        assert!(f.is_live(&session.key).await);
    }
    assert_eq!(f.head().await, head);
}

/// What it has ended is announced once: removing the row later is no news.
pub async fn leaves_nothing_to_be_told(f: &impl Fixture) {
    let ended = log_in(f, "shop", "7").await;
    let live = log_in(f, "blog", "7").await;
    revoke(f, &member("shop", "7")).await;
    let sql =
        |session: &Session| format!("DELETE FROM sidgate_session WHERE id = '{}'", session.id);
    assert_eq!(heard(f, &sql(&ended)).await, []);
    assert_eq!(heard(f, &sql(&live)).await, [Subject::Session(live.key)]);
}
