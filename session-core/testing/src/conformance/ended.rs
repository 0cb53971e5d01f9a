//! What has ended stays ended, and no life is lengthened, whoever writes (R7).

use super::foreign::heard;
use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Renewal, Scope};

/// Statements that the store refuses, each as a whole.
async fn refused(f: &impl Fixture, statements: &[String]) {
    for sql in statements {
        assert!(f.sql(sql).await.is_err(), "{sql}");
    }
}

async fn revoke(f: &impl Fixture, scope: Scope) {
    let revoked = f.store().revoke(&scope, RevokeReason::Logout).await;
    assert!(revoked.is_ok(), "{revoked:?}");
}

async fn renew(f: &impl Fixture, of: SessionKey) -> Option<Session> {
    let renewal = Renewal {
        of,
        to: some_key(),
        group: Group::default(),
        grace: Duration::from_secs(10),
    };
    match f.store().renew(&renewal).await {
        Ok(renewed) => renewed,
        Err(error) => panic!("renew: {error:?}"),
    }
}

/// Whoever may write sessions may end them; the store itself keeps them ended (R7).
pub async fn an_ended_session_cannot_be_revived(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(session.key), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    for sql in [
        "UPDATE sidgate_session SET revoked_at = NULL, revoke_reason = NULL",
        "UPDATE sidgate_session SET revoked_at = NULL",
    ] {
        assert!(f.sql(sql).await.is_err(), "{sql}");
    }
    assert!(!f.is_live(&session.key).await);
    // Ending it again is what `UPDATE ... WHERE user_id = '7'` does to those that have ended: no fault.
    let now = f.seconds_from_now(0);
    let again = format!("UPDATE sidgate_session SET revoked_at = {now}");
    assert_eq!(heard(f, &again).await, []);
}

/// A mass revocation ends what was there: no column makes a session look younger than it, or somebody else's.
pub async fn a_mass_revocation_cannot_be_dodged(f: &impl Fixture) {
    let someone_else =
        "user_id = '8', identity = '{\"user\": {\"id\": \"8\"}, \"tenant_id\": \"t1\"}'";
    let elsewhere =
        "tenant_id = 't2', identity = '{\"user\": {\"id\": \"7\"}, \"tenant_id\": \"t2\"}'";
    let nowhere = "tenant_id = NULL, identity = '{\"user\": {\"id\": \"7\"}}'";
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        let session = f.log_in("7", Some("t1")).await;
        let revoked = f.store().revoke(&scope, RevokeReason::Admin).await;
        assert!(revoked.is_ok(), "{revoked:?}");
        for column in [
            "created_seq = created_seq + 1",
            "created_seq = 9223372036854775807",
            someone_else,
            elsewhere,
            nowhere,
        ] {
            let sql = format!(
                "UPDATE sidgate_session SET {column} WHERE id = '{}'",
                session.id
            );
            assert!(f.sql(&sql).await.is_err(), "{column}");
        }
        assert!(!f.is_live(&session.key).await);
    }
}

/// A session ends when its login said, at the latest.
pub async fn a_life_cannot_be_lengthened(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let id = session.id;
    let set = |column: String| format!("UPDATE sidgate_session SET {column} WHERE id = '{id}'");
    f.run(&set("idle_seconds = 60".to_owned())).await;
    for column in [
        format!("expires_at = {}", f.seconds_from_now(10 * 365 * 86_400)),
        "idle_seconds = 61".to_owned(),
        "idle_seconds = 0".to_owned(),
    ] {
        assert!(f.sql(&set(column.clone())).await.is_err(), "{column}");
    }
    f.run(&set(format!("expires_at = {}", f.seconds_from_now(-1))))
        .await;
    let revived = set(format!("expires_at = {}", f.seconds_from_now(60)));
    assert!(f.sql(&revived).await.is_err());
    assert!(!f.is_live(&session.key).await);
}

/// A session that claims a login later than the last event would outlive every revocation.
pub async fn a_session_from_the_future_is_not_stored(f: &impl Fixture) {
    let now = f.seconds_from_now(0);
    let later = f.seconds_from_now(60);
    let insert = |seq: i64| {
        format!(
            "INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, \
                 expires_at, created_seq) \
             VALUES ({}, '{}', '7', '{{\"user\": {{\"id\": \"7\"}}}}', {now}, {now}, {now}, {later}, {seq})",
            f.bytes(some_key().as_bytes()),
            Uuid::from_u128(0x1234),
        )
    };
    let head = f.head().await;
    assert!(f.sql(&insert(head + 1)).await.is_err());
    f.run(&insert(head)).await;
}

/// Nobody used it in time: a use that somebody writes down afterwards changes nothing.
pub async fn an_idle_end_is_an_end(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let at = |seconds| {
        let at = f.seconds_from_now(seconds);
        format!("UPDATE sidgate_session SET last_activity = {at}")
    };
    refused(f, &[at(100_000)]).await;
    f.run(&at(-9_000)).await;
    assert!(!f.is_live(&session.key).await);
    refused(f, &[at(0), at(-600)]).await;
    assert_eq!(renew(f, session.key).await, None);
    assert!(!f.is_live(&session.key).await);
}

/// Only a login proves who somebody is, and says when.
pub async fn a_login_keeps_its_time_and_handle(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let set = |column: String| format!("UPDATE sidgate_session SET {column}");
    let later = f.seconds_from_now(60);
    refused(
        f,
        &[
            set(format!("auth_time = {later}")),
            set(format!("created_at = {later}")),
            set(format!("renewed_at = {later}")),
            set("id = '00000000-0000-7000-8000-000000000001'".to_owned()),
        ],
    )
    .await;
    assert_eq!(f.row(&session.key).await.session, session);
}

/// The sid of a session that has ended opens no other one.
pub async fn a_key_that_has_ended_opens_nothing(f: &impl Fixture) {
    let (dead, live) = (f.log_in("7", None).await, f.log_in("8", None).await);
    revoke(f, Scope::Key(dead.key)).await;
    let [dead_key, live_key, other] =
        [&dead.key, &live.key, &some_key()].map(|key| f.bytes(key.as_bytes()));
    let soon = f.seconds_from_now(60);
    refused(
        f,
        &[
            format!("UPDATE sidgate_session SET session_key = {other} WHERE session_key = {dead_key}"),
            format!("UPDATE sidgate_session SET session_key = {dead_key} WHERE session_key = {live_key}"),
            format!(
                "INSERT INTO sidgate_former_key (session_key, successor, until) VALUES ({dead_key}, {live_key}, {soon})"
            ),
        ],
    )
    .await;
    assert!(!f.is_live(&dead.key).await && f.is_live(&live.key).await);
}

/// A sid from before leads to its own session, and for no longer than it was given.
pub async fn a_former_key_leads_nowhere_else(f: &impl Fixture) {
    let (before, other) = (f.log_in("7", None).await, f.log_in("8", None).await);
    assert!(renew(f, before.key).await.is_some());
    let [former, other_key] = [&before.key, &other.key].map(|key| f.bytes(key.as_bytes()));
    let (now, later) = (f.seconds_from_now(0), f.seconds_from_now(3_600));
    refused(
        f,
        &[
            format!("UPDATE sidgate_former_key SET successor = {other_key}"),
            format!("UPDATE sidgate_former_key SET until = {later}"),
            format!("UPDATE sidgate_session SET session_key = {former} WHERE session_key = {other_key}"),
            format!(
                "INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, \
                     expires_at, created_seq) \
                 VALUES ({former}, '{}', '8', '{{\"user\": {{\"id\": \"8\"}}}}', {now}, {now}, {now}, {later}, 0)",
                Uuid::from_u128(0x4321)
            ),
        ],
    )
    .await;
    f.run("UPDATE sidgate_former_key SET until = until").await;
}

/// The tombstone of an old login says so for as long as it is there.
pub async fn an_old_login_stays_ended(f: &impl Fixture) {
    let live = f.log_in("7", None).await;
    let [login, other, live_key] =
        [&some_key(), &some_key(), &live.key].map(|key| f.bytes(key.as_bytes()));
    let now = f.seconds_from_now(0);
    f.run(&format!(
        "INSERT INTO sidgate_legacy (legacy_key, session_key, ended_at) VALUES ({login}, {other}, {now})"
    ))
    .await;
    refused(
        f,
        &[
            "UPDATE sidgate_legacy SET ended_at = NULL".to_owned(),
            format!("UPDATE sidgate_legacy SET session_key = {live_key}"),
            format!("UPDATE sidgate_legacy SET legacy_key = {other}"),
        ],
    )
    .await;
}
