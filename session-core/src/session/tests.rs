use serde_json::{Value, json};

use super::*;
use crate::secret::SecretString;

fn session(created_seq: Seq) -> Session {
    let (identity, _) = Identity::from_value(json!({"user": {"id": "7"}})).unwrap();
    Session {
        key: SessionKey::from_bytes([0; 32]),
        id: Uuid::nil(),
        group: Group::default(),
        site: SiteName::default(),
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
fn an_identity_must_have_the_documented_shape_and_what_has_not_is_named() {
    const ID: &str = "must be 1 to 128 visible ASCII characters";
    const REF: &str =
        "identity.ref must be a string of at most 512 bytes without control characters, or null";
    let with = |name: &str, value: Value| json!({"user": {"id": "7"}, name: value});
    let refused = [
        (json!(null), "identity must be an object"),
        (json!("s3cret"), "identity must be an object"),
        (json!({}), "identity.user is missing"),
        (json!({"user": "s3cret"}), "identity.user must be an object"),
        (json!({"user": {}}), "identity.user.id is missing"),
        (
            json!({"user": {"id": 7}}),
            "identity.user.id must be a string",
        ),
        (
            json!({"user": {"id": ""}}),
            &format!("identity.user.id {ID}"),
        ),
        (
            json!({"user": {"id": "jürgen"}}),
            &format!("identity.user.id {ID}"),
        ),
        (
            json!({"user": {"id": "7 or 8"}}),
            &format!("identity.user.id {ID}"),
        ),
        (
            json!({"user": {"id": "x".repeat(129)}}),
            &format!("identity.user.id {ID}"),
        ),
        (
            with("tenantid", json!("t")),
            "identity.tenantid is not a documented member",
        ),
        (
            with("tenant_id", json!(3)),
            "identity.tenant_id must be a string or null",
        ),
        (
            with("tenant_id", json!("")),
            &format!("identity.tenant_id {ID}"),
        ),
        (
            with("needs_onboarding", json!("yes")),
            "identity.needs_onboarding must be true or false",
        ),
        (
            with("attributes", json!(["s3cret"])),
            "identity.attributes must be an object",
        ),
        (
            with("auth_hash", json!(1)),
            "identity.auth_hash must be a string or null",
        ),
        (
            json!({"user": {"id": "7", "bio": "x".repeat(17_000)}}),
            "identity has more than 16384 bytes of JSON",
        ),
        (
            json!({"user": {"id": "7", "name": "a\u{0}b"}}),
            "identity holds a text with the character U+0000",
        ),
        (with("ref", json!("a\nb")), REF),
        (with("ref", json!("x".repeat(513))), REF),
    ];
    for (value, why) in refused {
        let refused = Identity::from_value(value.clone()).unwrap_err();
        assert_eq!(refused.to_string(), why, "{value}");
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
        let patch = IdentityPatch::from_value(json!({ "user": user })).unwrap();
        let refused = identity.merged(&patch).unwrap_err();
        assert_eq!(refused.path(), "identity.user.id");
    }
    let refused = IdentityPatch::from_value(json!({"usr": {}})).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "identity.usr is not a documented member"
    );
}

#[test]
fn a_user_agent_is_clipped_at_a_character_and_loses_control_characters() {
    assert_eq!(&*clip_user_agent("a\r\nb\u{7f}c"), "abc");
    let long = clip_user_agent(&"ü".repeat(300));
    assert_eq!(long.len(), USER_AGENT_MAX);
}
