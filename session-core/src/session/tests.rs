use serde_json::json;

use super::*;
use crate::secret::SecretString;

fn session(created_seq: Seq) -> Session {
    let (identity, _) = Identity::from_value(json!({"user": {"id": "7"}})).unwrap();
    Session {
        key: SessionKey::from_bytes([0; 32]),
        id: Uuid::nil(),
        identity,
        ip: None,
        user_agent: "".into(),
        created_at: Timestamp::from_micros(0),
        auth_time: Timestamp::from_micros(0),
        last_activity: Timestamp::from_micros(1_000_000),
        expires_at: Timestamp::from_micros(100_000_000),
        idle: Duration::from_secs(10),
        revoked: None,
        references: References::default(),
        created_seq,
        version: 1,
        renewed_at: None,
    }
}

#[test]
fn a_session_is_dead_at_the_very_instant_of_its_end() {
    let mut session = session(0);
    session.idle = Duration::ZERO;
    assert_eq!(
        session.verdict(Timestamp::from_micros(99_999_999), None),
        Ok(())
    );
    assert_eq!(
        session.verdict(Timestamp::from_micros(100_000_000), None),
        Err(Dead::Expired)
    );
}

#[test]
fn idle_counts_from_the_last_activity_and_zero_means_never() {
    let mut session = session(0);
    assert_eq!(
        session.verdict(Timestamp::from_micros(10_999_999), None),
        Ok(())
    );
    assert_eq!(
        session.verdict(Timestamp::from_micros(11_000_000), None),
        Err(Dead::Idle)
    );
    session.idle = Duration::ZERO;
    assert_eq!(
        session.verdict(Timestamp::from_micros(11_000_000), None),
        Ok(())
    );
}

#[test]
fn a_mass_revocation_ends_what_was_sampled_before_it_and_nothing_later() {
    let now = Timestamp::from_micros(2_000_000);
    assert_eq!(session(4).verdict(now, Some(5)), Err(Dead::Revoked(None)));
    assert_eq!(session(5).verdict(now, Some(5)), Ok(()));
    assert_eq!(session(6).verdict(now, Some(5)), Ok(()));
}

#[test]
fn revoked_wins_over_everything() {
    let mut session = session(9);
    session.revoked = Some((Timestamp::from_micros(1), RevokeReason::Logout));
    assert_eq!(
        session.verdict(Timestamp::from_micros(2_000_000), None),
        Err(Dead::Revoked(Some(RevokeReason::Logout)))
    );
}

#[test]
fn an_identity_must_have_the_documented_shape() {
    let refused = [
        json!(null),
        json!({}),
        json!({"user": {}}),
        json!({"user": {"id": 7}}),
        json!({"user": {"id": ""}}),
        json!({"user": {"id": "jürgen"}}),
        json!({"user": {"id": "7 or 8"}}),
        json!({"user": {"id": "x".repeat(129)}}),
        json!({"user": {"id": "7"}, "tenantid": "t"}),
        json!({"user": {"id": "7"}, "tenant_id": 3}),
        json!({"user": {"id": "7"}, "needs_onboarding": "yes"}),
        json!({"user": {"id": "7", "bio": "x".repeat(17_000)}}),
        json!({"user": {"id": "7", "name": "a\u{0}b"}}),
        json!({"user": {"id": "7"}, "ref": "a\nb"}),
        json!({"user": {"id": "7"}, "ref": "x".repeat(513)}),
    ];
    for value in refused {
        assert!(
            Identity::from_value(value.clone()).is_err(),
            "accepted {value}"
        );
    }
}

#[test]
fn an_identity_survives_storage_and_keeps_its_reference_apart() {
    let value = json!({"user": {"id": "7", "email": "a@x", "name": "Jürgen"}, "tenant_id": "t1",
        "needs_onboarding": true, "attributes": {"plan": "pro"}, "auth_hash": "h", "ref": "r"});
    let (identity, reference) = Identity::from_value(value).unwrap();
    assert_eq!(reference.as_ref().map(SecretString::expose), Some("r"));
    assert_eq!(
        (identity.user_id(), identity.tenant_id()),
        ("7", Some("t1"))
    );
    assert!(!identity.as_json().contains("\"ref\""));
    assert_eq!(Identity::from_stored(identity.as_json()).unwrap(), identity);
}

#[test]
fn a_patch_merges_by_key_and_null_deletes() {
    let (identity, _) = Identity::from_value(
        json!({"user": {"id": "7", "name": "A"}, "tenant_id": "t", "attributes": {"a": 1, "b": 2}}),
    )
    .unwrap();
    let patch: IdentityPatch = serde_json::from_value(
        json!({"user": {"name": "B"}, "tenant_id": null, "attributes": {"a": null, "c": 3}, "ref": null}),
    )
    .unwrap();
    assert_eq!(patch.reference(), Some(None));
    let merged = identity.merged(&patch).unwrap().to_value();
    assert_eq!(merged["user"], json!({"id": "7", "name": "B"}));
    assert_eq!(merged["attributes"], json!({"b": 2, "c": 3}));
    assert_eq!(merged.get("tenant_id"), None);
}

#[test]
fn a_patch_cannot_turn_one_user_into_another() {
    let (identity, _) = Identity::from_value(json!({"user": {"id": "7"}})).unwrap();
    for user in [json!({"id": "8"}), json!({"id": null})] {
        let patch: IdentityPatch = serde_json::from_value(json!({ "user": user })).unwrap();
        assert!(identity.merged(&patch).is_err());
    }
    assert!(serde_json::from_value::<IdentityPatch>(json!({"usr": {}})).is_err());
}

#[test]
fn a_user_agent_is_clipped_at_a_character_and_loses_control_characters() {
    assert_eq!(&*clip_user_agent("a\r\nb\u{7f}c"), "abc");
    let long = clip_user_agent(&"ü".repeat(300));
    assert_eq!(long.len(), USER_AGENT_MAX);
}
