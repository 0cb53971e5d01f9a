//! Creating a session: never over another one, never past a revocation.

use super::*;
use session_core::session::{IDENTITY_MAX, RevokeReason};
use session_core::store::{Scope, StoreError};

/// What comes back is what was given, with the store's own times, and reading gives the same.
pub async fn answers_what_was_given_and_stamped(f: &impl Fixture) {
    let mut new = login("7", Some("t1"));
    new.references = stored("django:sealed-9");
    new.sampled = f.head().await;
    let before = f.now().await;
    let session = f.insert(&new).await;
    let after = f.now().await;
    assert_eq!(session.key, new.key);
    assert_eq!(session.id, new.id);
    assert_eq!(session.identity, new.identity);
    assert_eq!(session.ip, new.ip);
    assert_eq!(*session.user_agent, *new.user_agent);
    assert_eq!(session.references, new.references);
    assert!((before..=after).contains(&session.created_at));
    assert_eq!(session.last_activity, session.created_at);
    assert_eq!(session.expires_at, session.created_at.plus(new.ttl));
    assert_eq!(session.idle, new.idle);
    assert_eq!(session.revoked, None);
    assert_eq!((session.created_seq, session.version), (new.sampled, 1));
    let row = f.row(&new.key).await;
    assert_eq!(row.session, session, "reading gives what insert answered");
    assert_eq!(row.mass_revoked, None);
}

/// What is optional may be absent, and an address may be of either family.
pub async fn keeps_optional_parts_absent(f: &impl Fixture) {
    let mut new = login("7", None);
    new.ip = None;
    new.user_agent = "".into();
    new.idle = Duration::ZERO;
    let session = f.insert(&new).await;
    assert_eq!(session.ip, None);
    assert_eq!(session.identity.tenant_id(), None);
    assert_eq!(session.references, References::default());
    assert_eq!(session.idle, Duration::ZERO);
    assert_eq!(session.auth_time, session.created_at);
    let mut new = login("7", None);
    new.ip = "2001:db8::ffff:1".parse().ok();
    f.insert(&new).await;
    assert_eq!(f.row(&new.key).await.session.ip, new.ip);
}

/// Text of every script, every JSON type, and as much as an identity may hold.
pub async fn keeps_unicode_and_a_huge_identity(f: &impl Fixture) {
    let mut new = login("7", None);
    let fill = "\u{00fc}\u{1f600}\"\\".repeat((IDENTITY_MAX - 512) / 12);
    new.identity = identity(json!({
        "user": {"id": "7", "name": "Jürgen Müller \u{4f60}\u{597d}", "z": null, "a": [1, -2.5, 1e100, true, {"b": []}]},
        "attributes": {"fill": fill, "": "", "big": 18_446_744_073_709_551_615_u64},
        "needs_onboarding": true,
        "auth_hash": "pbkdf2$x",
    }));
    assert!(new.identity.as_json().len() > IDENTITY_MAX * 3 / 4);
    new.user_agent = "Фирефокс/1".into();
    new.references = stored("r\u{00e9}f");
    let session = f.insert(&new).await;
    assert_eq!(session.identity.to_value(), new.identity.to_value());
    assert_eq!(*session.user_agent, *new.user_agent);
    assert_eq!(session.references, new.references);
}

/// Zero would mean "never idle".
pub async fn rounds_a_short_idle_limit_up(f: &impl Fixture) {
    let mut new = login("7", None);
    new.idle = Duration::from_millis(1);
    assert_eq!(f.insert(&new).await.idle, Duration::from_secs(1));
}

/// A new session is in no cache, so there is nothing to announce.
pub async fn writes_no_event(f: &impl Fixture) {
    f.log_in("7", Some("t1")).await;
    assert_eq!(f.head().await, 0);
    assert_eq!(f.events_after(0).await, []);
}

/// A key that is taken stays with who has it.
pub async fn never_overwrites(f: &impl Fixture) {
    let first = f.log_in("7", None).await;
    let mut second = login("8", None);
    second.key = first.key;
    let refused = f.store().insert(&second).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    assert_eq!(f.row(&first.key).await.session, first);
    assert_eq!(f.head().await, 0, "a refused insert writes no event");
}

/// A handle that is taken stays with its session.
pub async fn never_takes_a_handle_twice(f: &impl Fixture) {
    let first = f.log_in("7", None).await;
    let mut second = login("8", None);
    second.id = first.id;
    let refused = f.store().insert(&second).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    let absent = f.store().load(&second.key).await;
    assert!(absent.is_ok_and(|snapshot| snapshot.row.is_none()));
}

/// A login in a browser that has a session ends that one in the same transaction, with one event.
pub async fn ends_the_replaced_session(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let mut new = login("8", None);
    new.origin = Origin::Login {
        replaces: Some(old.key),
    };
    f.insert(&new).await;
    assert!(f.is_live(&new.key).await);
    let replaced = f.row(&old.key).await.session.revoked;
    let reason = replaced.map(|(_, reason)| reason);
    assert_eq!(reason, Some(RevokeReason::Replaced));
    let events = f.events_after(0).await;
    assert_eq!(subjects(&events), [Subject::Session(old.key)]);
    // Ending what has ended, or never was, is nothing.
    let mut again = login("8", None);
    again.origin = Origin::Login {
        replaces: Some(old.key),
    };
    f.insert(&again).await;
    let mut unknown = login("8", None);
    unknown.origin = Origin::Login {
        replaces: Some(some_key()),
    };
    f.insert(&unknown).await;
    assert_eq!(f.head().await, 1);
}

/// A rotation keeps the time of the login.
pub async fn rotates_the_living(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let auth_time = Timestamp::from_micros(1_767_225_600_123_457);
    let mut new = login("7", None);
    new.origin = Origin::Rotation {
        of: old.key,
        version: old.version,
        auth_time,
    };
    let session = f.insert(&new).await;
    assert_eq!(session.auth_time, auth_time);
    assert!(f.is_live(&new.key).await);
    assert!(!f.is_live(&old.key).await);
}

/// A successor must not outlive the revocation of its predecessor, nor lose a change of it.
pub async fn never_rotates_the_ended(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let revoked = f
        .store()
        .revoke(&Scope::Key(old.key), RevokeReason::Logout)
        .await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let changed = f.log_in("7", None).await;
    for (of, version) in [
        (old.key, old.version),
        (some_key(), 1),
        (changed.key, changed.version + 1),
    ] {
        let mut new = login("7", None);
        new.origin = Origin::Rotation {
            of,
            version,
            auth_time: old.auth_time,
        };
        let refused = f.store().insert(&new).await;
        assert!(
            matches!(refused, Err(StoreError::RevokedMeanwhile)),
            "{refused:?}"
        );
        assert!(!f.is_live(&new.key).await);
    }
}

/// A sample that the store has not reached yet comes from a history that it has lost.
pub async fn fails_with_a_sample_from_elsewhere(f: &impl Fixture) {
    let mut new = login("7", None);
    new.sampled = f.head().await + 1;
    let refused = f.store().insert(&new).await;
    assert!(
        matches!(refused, Err(StoreError::RevokedMeanwhile)),
        "{refused:?}"
    );
}

/// The new session is stored and the old one ends, or neither happens.
pub async fn keeps_the_replaced_session_when_it_fails(f: &impl Fixture) {
    let old = f.log_in("7", None).await;
    let taken = f.log_in("7", None).await;
    let mut new = login("7", None);
    new.key = taken.key;
    new.origin = Origin::Login {
        replaces: Some(old.key),
    };
    assert!(f.store().insert(&new).await.is_err());
    assert!(f.is_live(&old.key).await);
    assert_eq!(f.head().await, 0);
}

/// R8: credentials that were checked before a mass revocation do not make a session after it.
pub async fn fails_after_a_mass_revocation(f: &impl Fixture) {
    let scopes = [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ];
    for scope in scopes {
        let mut new = login("7", Some("t1"));
        new.sampled = f.head().await;
        let revoked = f.store().revoke(&scope, RevokeReason::Admin).await;
        assert!(revoked.is_ok(), "{revoked:?}");
        let refused = f.store().insert(&new).await;
        assert!(
            matches!(refused, Err(StoreError::RevokedMeanwhile)),
            "{scope:?}: {refused:?}"
        );
        let absent = f.store().load(&new.key).await;
        assert!(absent.is_ok_and(|snapshot| snapshot.row.is_none()));
    }
}

/// R8 holds whichever node it was.
pub async fn fails_after_a_mass_revocation_by_another_node(f: &impl Fixture) {
    let new = login("7", None);
    let scope = Scope::User("7".into());
    let revoked = f.other_node().revoke(&scope, RevokeReason::Admin).await;
    assert!(revoked.is_ok(), "{revoked:?}");
    let refused = f.store().insert(&new).await;
    assert!(
        matches!(refused, Err(StoreError::RevokedMeanwhile)),
        "{refused:?}"
    );
    // The refusal leaves the store as usable as before.
    let retried = f.log_in("7", None).await;
    assert!(f.is_live(&retried.key).await);
}

/// A login that began after the revocation counts.
pub async fn survives_an_earlier_mass_revocation(f: &impl Fixture) {
    for scope in [
        Scope::User("7".into()),
        Scope::Tenant("t1".into()),
        Scope::All,
    ] {
        let revoked = f.store().revoke(&scope, RevokeReason::Admin).await;
        assert!(revoked.is_ok(), "{revoked:?}");
        let session = f.log_in("7", Some("t1")).await;
        assert!(f.is_live(&session.key).await, "{scope:?}");
    }
}

/// Revocations of others do not concern it.
pub async fn ignores_mass_revocations_of_others(f: &impl Fixture) {
    let new = login("7", Some("t1"));
    // A user and a tenant may have the same id, and ids are compared exactly.
    for scope in [
        Scope::User("t1".into()),
        Scope::Tenant("7".into()),
        Scope::User("77".into()),
    ] {
        let revoked = f.store().revoke(&scope, RevokeReason::Admin).await;
        assert!(revoked.is_ok(), "{revoked:?}");
    }
    f.insert(&new).await;
    assert!(f.is_live(&new.key).await);
}
