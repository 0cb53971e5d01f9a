use std::time::Duration;

use serde_json::json;
use session_core::clock::Timestamp;
use session_core::secret::SecretKey;
use session_core::session::{Group, Identity, References, SiteName};
use session_core::sid::SessionKey;
use uuid::Uuid;

use super::*;

fn session(identity: Value) -> Session {
    let (identity, _reference) = Identity::from_value(identity).unwrap();
    Session {
        group: Group::default(),
        site: SiteName::default(),
        key: SessionKey::from_bytes([1; 32]),
        id: Uuid::from_u128(7),
        identity,
        ip: None,
        user_agent: "".into(),
        created_at: Timestamp::from_micros(0),
        auth_time: Timestamp::from_micros(5_000_000),
        last_activity: Timestamp::from_micros(0),
        expires_at: Timestamp::from_micros(9_999_999),
        idle: Duration::ZERO,
        revoked: None,
        references: References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    }
}

fn keys(byte: u8) -> AppKeys {
    AppKeys::new("app", &[SecretKey::new([byte; 32])])
}

fn badge(session: &Session, headers: &[(HeaderName, IdentityField)], now: i64) -> Badge {
    Badge::new(
        session,
        headers,
        (&keys(1), Confided::default()),
        RequestFacts::default(),
        now,
    )
    .unwrap()
}

fn header(name: &'static str, field: IdentityField) -> (HeaderName, IdentityField) {
    (HeaderName::from_static(name), field)
}

fn user(path: &str) -> IdentityField {
    IdentityField::User(path.split('.').map(str::to_owned).collect())
}

#[test]
fn a_badge_holds_ascii_values_and_leaves_out_what_is_unfit() {
    let session = session(json!({
        "user": {"id": "7", "email": "a@x", "name": "Jürgen", "long": "x".repeat(1_025), "line": "a\r\nX-Evil: 1",
                 "padded": " a", "plan": {"tier": 2}, "nothing": null},
        "tenant_id": "t1", "needs_onboarding": true,
    }));
    let headers = [
        header("x-session-email", user("email")),
        header("x-session-name", user("name")),
        header("x-session-long", user("long")),
        header("x-session-line", user("line")),
        header("x-session-padded", user("padded")),
        header("x-session-tier", user("plan.tier")),
        header("x-session-nothing", user("nothing")),
        header("x-session-absent", user("absent.deep")),
        header("x-session-onboarding", IdentityField::NeedsOnboarding),
    ];
    let badge = badge(&session, &headers, 0);
    let shown: Vec<_> = badge
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("x-session-id", "00000000-0000-0000-0000-000000000007"),
            ("x-session-user-id", "7"),
            ("x-session-tenant-id", "t1"),
            ("x-session-expires-at", "9"),
            ("x-session-email", "a@x"),
            ("x-session-tier", "2"),
            ("x-session-onboarding", "true")
        ]
    );
    assert_eq!(badge.omitted, 4);
}

#[test]
fn a_session_that_is_served_without_a_lease_says_so() {
    let session = session(json!({"user": {"id": "7"}}));
    let confided = Confided::default();
    let late = RequestFacts {
        stale: Some(3),
        ..RequestFacts::default()
    };
    let badge = Badge::new(&session, &[], (&keys(1), confided), late, 0).unwrap();
    let stale = badge.fields.iter().find(|(name, _)| *name == STALE);
    assert_eq!(stale.unwrap().1, "3");
}

#[test]
fn a_badge_is_shown_until_three_quarters_of_the_life_of_its_assertion() {
    let badge = badge(&session(json!({"user": {"id": "7"}})), &[], 1_000);
    for (now, may) in [(1_000, true), (1_044, true), (1_045, false), (999, false)] {
        assert_eq!(badge.may_be_shown(now), may, "{now}");
    }
}

#[test]
fn assertions_are_sensitive_and_those_of_two_apps_differ() {
    let session = session(json!({"user": {"id": "7"}}));
    let of = |byte| {
        let confided = Confided::default();
        Badge::new(
            &session,
            &[],
            (&keys(byte), confided),
            RequestFacts::default(),
            0,
        )
        .unwrap()
    };
    assert!(of(1).assertion.is_sensitive());
    assert_ne!(of(1).assertion, of(2).assertion);
}

#[test]
fn claims_say_what_the_contract_lists() {
    let session = session(json!({
        "user": {"id": "7", "email": "a@x"}, "tenant_id": "t1", "attributes": {"plan": "pro"},
        "auth_hash": "h",
    }));
    let identity = || session.identity.to_value();
    let confided = Confided {
        reference: Some(SecretString::new("r".to_owned())),
        auth_hash: true,
    };
    let late = RequestFacts {
        site: Some("shop".into()),
        stale: Some(3),
    };
    let told = serde_json::to_value(claims_of(&session, identity(), confided, late)).unwrap();
    assert_eq!(
        told,
        json!({"sid": "00000000-0000-0000-0000-000000000007", "sub": "7", "tid": "t1", "email": "a@x",
            "attrs": {"plan": "pro"}, "auth_time": 5, "ah": "h", "ref": "r", "stale": 3, "site": "shop"})
    );
    let other = claims_of(
        &session,
        identity(),
        Confided::default(),
        RequestFacts::default(),
    );
    assert_eq!((other.ah, other.reference), (None, None));
}

/// A long biography must not lock its user out of an app whose server refuses long headers.
#[test]
fn a_claim_that_is_too_long_is_left_out_and_counted() {
    let long = "x".repeat(CLAIM_MAX);
    let session = session(json!({
        "user": {"id": "7", "email": "a@x"}, "attributes": {"bio": long}, "auth_hash": "h",
    }));
    let confided = Confided {
        auth_hash: true,
        ..Confided::default()
    };
    let claims = claims_of(
        &session,
        session.identity.to_value(),
        confided,
        RequestFacts::default(),
    );
    assert_eq!(claims.attrs, None);
    assert_eq!(claims.email, Some(json!("a@x")));
    assert_eq!(claims.ah, Some(json!("h")));
    assert_eq!(badge(&session, &[], 0).omitted, 1);
}
