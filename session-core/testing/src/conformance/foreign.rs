//! Changes by SQL are announced like those of Sidgate.

use super::*;
use session_core::session::RevokeReason;
use session_core::store::{Scope, StoreError};

/// Runs SQL and answers with what was announced.
pub(super) async fn heard(f: &impl Fixture, sql: &str) -> Vec<Subject> {
    let head = f.head().await;
    f.run(sql).await;
    let events = f.events_after(head).await;
    assert_eq!(
        events.last().map_or(head, |event| event.seq),
        f.head().await,
        "the log reaches the head"
    );
    subjects(&events)
}

/// `UPDATE ... SET revoked_at`, with a reason of one's own or without.
pub async fn revoking_is_heard(f: &impl Fixture) {
    for reason in ["'compromised'", "NULL"] {
        let session = f.log_in("7", None).await;
        let now = f.seconds_from_now(0);
        let sql = format!(
            "UPDATE sidgate_session SET revoked_at = {now}, revoke_reason = {reason} WHERE id = '{}'",
            session.id
        );
        assert_eq!(heard(f, &sql).await, [Subject::Session(session.key)]);
        let revoked = f.row(&session.key).await.session.revoked;
        assert_eq!(
            revoked.map(|(_, reason)| reason),
            Some(RevokeReason::External)
        );
    }
}

/// `Session.objects.filter(user=u).delete()`.
pub async fn deleting_is_heard(f: &impl Fixture) {
    let a = f.log_in("7", None).await;
    let b = f.log_in("7", None).await;
    f.log_in("8", None).await;
    let announced = heard(f, "DELETE FROM sidgate_session WHERE user_id = '7'").await;
    assert_eq!(announced.len(), 2);
    for gone in [a, b] {
        assert!(announced.contains(&Subject::Session(gone.key)));
        assert!(!f.is_live(&gone.key).await);
    }
}

/// Housekeeping: the end of a revoked session has been announced, also when it was revoked with many.
pub async fn deleting_the_dead_is_silent(f: &impl Fixture) {
    let mass = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::User("7".into()), RevokeReason::Admin)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let single = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(single.key), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    // Marking the rows of a mass revocation later is silent, too.
    let now = f.seconds_from_now(0);
    let mark = format!(
        "UPDATE sidgate_session SET revoked_at = {now} WHERE id = '{}'",
        mass.id
    );
    assert_eq!(heard(f, &mark).await, []);
    assert_eq!(heard(f, "DELETE FROM sidgate_session").await, []);
}

/// An edit of the document.
pub async fn editing_the_identity_is_heard(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let sql = format!(
        "UPDATE sidgate_session SET identity = '{{\"user\": {{\"id\": \"7\", \"name\": \"new\"}}}}' WHERE id = '{}'",
        session.id
    );
    assert_eq!(heard(f, &sql).await, [Subject::Session(session.key)]);
    let written = f.row(&session.key).await.session.identity.to_value();
    assert_eq!(written.pointer("/user/name"), Some(&json!("new")));
}

/// The rule is "all but one", so that a column is never forgotten.
pub async fn every_column_but_last_activity_is_heard(f: &impl Fixture) {
    let columns = [
        "user_id = '8', identity = '{\"user\": {\"id\": \"8\"}}'".to_owned(),
        "tenant_id = 't1', identity = '{\"user\": {\"id\": \"7\"}, \"tenant_id\": \"t1\"}'"
            .to_owned(),
        "ip = '10.1.2.3'".to_owned(),
        "ip = NULL".to_owned(),
        "user_agent = 'x'".to_owned(),
        format!("created_at = {}", f.seconds_from_now(-9)),
        format!("auth_time = {}", f.seconds_from_now(-9)),
        format!("expires_at = {}", f.seconds_from_now(99)),
        "idle_seconds = 7".to_owned(),
        format!("revoked_at = {}", f.seconds_from_now(-9)),
        "revoke_reason = 'x'".to_owned(),
        "ref = 'x'".to_owned(),
        "created_seq = created_seq - 1".to_owned(),
        "version = version + 1".to_owned(),
    ];
    for column in columns {
        let session = f.log_in("7", None).await;
        let id = session.id;
        let sql = format!("UPDATE sidgate_session SET {column} WHERE id = '{id}'");
        assert_eq!(
            heard(f, &sql).await,
            [Subject::Session(session.key)],
            "{column}"
        );
        f.run("DELETE FROM sidgate_session").await;
    }
}

/// An ORM that saves a whole object writes every column; what did not change is not news.
pub async fn activity_is_silent(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let at = f.seconds_from_now(0);
    let sql = format!(
        "UPDATE sidgate_session SET last_activity = {at}, identity = identity, user_id = user_id, version = version \
         WHERE id = '{}'",
        session.id
    );
    assert_eq!(heard(f, &sql).await, []);
    assert!(f.row(&session.key).await.session.last_activity > session.last_activity);
}

/// A shortened life takes effect at once.
pub async fn shortening_the_life_is_heard(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let past = f.seconds_from_now(-1);
    let sql = format!("UPDATE sidgate_session SET expires_at = {past}");
    assert_eq!(heard(f, &sql).await, [Subject::Session(session.key)]);
    assert!(!f.is_live(&session.key).await);
}

/// The old key is what caches know.
pub async fn a_new_key_is_heard_under_both(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let new = some_key();
    let literal = f.bytes(new.as_bytes());
    let sql = format!("UPDATE sidgate_session SET session_key = {literal}");
    let expected = [Subject::Session(session.key), Subject::Session(new)];
    assert_eq!(heard(f, &sql).await, expected);
    assert!(!f.is_live(&session.key).await);
    assert!(f.is_live(&new).await);
}

/// What an app's own "log out everywhere" writes: the number is filled in.
pub async fn a_mass_revocation_is_numbered(f: &impl Fixture) {
    for (kind, subject, announced) in [
        ("user", "7", Subject::User("7".into())),
        ("tenant", "t1", Subject::Tenant("t1".into())),
        ("all", "", Subject::Flush),
    ] {
        for _ in 0..2 {
            let session = f.log_in("7", Some("t1")).await;
            let sql = format!(
                "INSERT INTO sidgate_revocation (kind, subject) VALUES ('{kind}', '{subject}') \
                 ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL"
            );
            assert_eq!(heard(f, &sql).await, std::slice::from_ref(&announced));
            assert_eq!(f.row(&session.key).await.mass_revoked, Some(f.head().await));
            assert!(!f.is_live(&session.key).await);
        }
    }
}

/// A number without an event would never be announced.
pub async fn a_number_made_up_is_replaced(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let sql = "INSERT INTO sidgate_revocation (kind, subject, seq) VALUES ('user', '7', 4711)";
    assert_eq!(heard(f, sql).await, [Subject::User("7".into())]);
    assert_eq!(f.row(&session.key).await.mass_revoked, Some(1));
    let sql = "UPDATE sidgate_revocation SET seq = 4711";
    assert_eq!(heard(f, sql).await, [Subject::User("7".into())]);
    assert_eq!(f.row(&session.key).await.mass_revoked, Some(2));
    // One that is borne out changes nothing.
    assert_eq!(heard(f, "UPDATE sidgate_revocation SET seq = 2").await, []);
}

/// Removing a revocation would revive sessions without an event.
pub async fn a_revocation_cannot_be_taken_back(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    for _ in 0..2 {
        let revoked = f
            .store()
            .revoke(&Scope::User("7".into()), RevokeReason::Admin)
            .await;
        assert!(revoked.is_ok(), "{revoked:?}");
    }
    for sql in [
        "DELETE FROM sidgate_revocation",
        "UPDATE sidgate_revocation SET seq = 1",
        "UPDATE sidgate_revocation SET subject = '8'",
        // Its event is gone, and yet there is a session that it ends.
        "DELETE FROM sidgate_event; DELETE FROM sidgate_revocation",
    ] {
        assert!(f.sql(sql).await.is_err(), "{sql}");
    }
    assert!(!f.is_live(&session.key).await);
}

/// When nothing depends on it any more, housekeeping may remove it.
pub async fn a_pointless_revocation_can_go(f: &impl Fixture) {
    f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::User("7".into()), RevokeReason::Admin)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    f.log_in("7", None).await;
    f.run("DELETE FROM sidgate_session WHERE created_seq = 0; DELETE FROM sidgate_event")
        .await;
    assert_eq!(heard(f, "DELETE FROM sidgate_revocation").await, []);
}

/// Revocations go by the columns, apps by the document.
pub async fn columns_and_identity_must_agree(f: &impl Fixture) {
    f.log_in("7", Some("t1")).await;
    for column in [
        "user_id = '8'",
        "tenant_id = 't2'",
        "tenant_id = NULL",
        "identity = '{\"user\": {\"id\": \"8\"}, \"tenant_id\": \"t1\"}'",
        "identity = '{\"user\": {\"id\": \"7\"}}'",
        "identity = '{}'",
    ] {
        let sql = format!("UPDATE sidgate_session SET {column}");
        assert!(f.sql(&sql).await.is_err(), "{column}");
    }
    assert_eq!(f.head().await, 0);
}

/// Unknown is not absent.
pub async fn an_unreadable_row_is_corrupt_and_not_absent(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    f.set(
        session.id,
        "identity = '{\"user\": {\"id\": \"7\"}, \"bogus\": 1}'",
    )
    .await;
    let loaded = f.store().load(&session.key).await;
    assert!(
        matches!(loaded, Err(StoreError::Corrupt("identity"))),
        "{loaded:?}"
    );
}
