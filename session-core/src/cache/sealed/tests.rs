use std::net::Ipv6Addr;

use serde_json::json;

use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::MasterKey;

fn ring(current: u8, previous: &[u8]) -> Keyring {
    let master = |byte: u8| MasterKey::from_bytes([byte; 32]);
    Keyring::new(
        master(current),
        previous.iter().map(|&byte| master(byte)).collect(),
    )
}

fn value() -> Value {
    let (identity, _) =
        Identity::from_value(json!({"user": {"id": "7", "name": "Jürgen"}, "tenant_id": "t"}))
            .unwrap();
    let session = Session {
        key: SessionKey::from_bytes([9; 32]),
        id: Uuid::from_u128(77),
        group: Group::default(),
        site: SiteName::default(),
        identity,
        ip: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        user_agent: "UA".into(),
        created_at: Timestamp::from_micros(1),
        auth_time: Timestamp::from_micros(2),
        last_activity: Timestamp::from_micros(3),
        expires_at: Timestamp::from_micros(4),
        idle: Duration::from_secs(5),
        revoked: None,
        references: References::from_stored(Some("django:ref".into())),
        created_seq: 6,
        version: 7,
        renewed_at: None,
    };
    Value {
        session,
        as_of: 8,
        incarnation: Uuid::from_u128(99),
    }
}

fn value_of(group: &str, site: &str) -> Value {
    let mut value = value();
    value.session.group = Group::named(group).unwrap();
    value.session.site = SiteName::named(site).unwrap();
    value
}

fn sealed() -> Vec<u8> {
    Sealer::new(&ring(1, &[]))
        .seal(&value(), &SystemEntropy)
        .unwrap()
        .unwrap()
}

#[test]
fn what_was_sealed_opens_also_after_rotation() {
    for ring in [ring(1, &[]), ring(2, &[1])] {
        assert_eq!(
            Sealer::new(&ring).open(&value().session.key, &sealed()),
            Ok(value())
        );
    }
}

#[test]
fn another_installation_cannot_open_it() {
    assert_eq!(
        Sealer::new(&ring(2, &[])).open(&value().session.key, &sealed()),
        Err(SharedReject::Forged)
    );
}

#[test]
fn a_value_moved_to_another_key_does_not_open() {
    let other = SessionKey::from_bytes([8; 32]);
    assert_eq!(
        Sealer::new(&ring(1, &[])).open(&other, &sealed()),
        Err(SharedReject::Forged)
    );
}

#[test]
fn no_changed_byte_and_no_garbage_opens() {
    let (sealer, key, sealed) = (Sealer::new(&ring(1, &[])), value().session.key, sealed());
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(sealer.open(&key, &altered).is_err(), "byte {at}");
        assert!(sealer.open(&key, &sealed[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(sealer.open(&key, b""), Err(SharedReject::Format));
    assert_eq!(sealer.open(&key, &[0xff; 200]), Err(SharedReject::Format));
}

#[test]
fn nothing_of_the_session_can_be_read_from_it() {
    let sealed = sealed();
    for secret in ["rgen", "\"7\"", "ref", "UA"] {
        assert!(
            !sealed
                .windows(secret.len())
                .any(|part| part == secret.as_bytes()),
            "{secret} is readable"
        );
    }
}

#[test]
fn group_and_site_are_kept_and_programs_that_know_none_take_them_for_a_miss() {
    let sealer = Sealer::new(&ring(1, &[]));
    for (group, site, format) in [
        ("default", "default", 3),
        ("shop", "shop-eu", 4),
        ("shop", "default", 4),
        ("default", "shop-eu", 4),
    ] {
        let value = value_of(group, site);
        let sealed = sealer.seal(&value, &SystemEntropy).unwrap().unwrap();
        assert_eq!(sealed[0], format, "{group} {site}");
        assert_eq!(sealer.open(&value.session.key, &sealed), Ok(value));
    }
}

/// Programs that know no groups read and write exactly this.
#[test]
fn a_session_of_no_group_is_written_as_before_there_were_groups() {
    let body = serde_json::to_string(&Body::of(&value())).unwrap();
    let before = r#"{"as_of":8,"incarnation":99,"id":77,"identity":"{\"user\":{\"id\":\"7\",\"name\":\"Jürgen\"},\"tenant_id\":\"t\",\"needs_onboarding\":false,\"attributes\":{}}","ip":"::1","user_agent":"UA","created_at":1,"auth_time":2,"last_activity":3,"expires_at":4,"idle_micros":5000000,"references":"django:ref","created_seq":6,"version":7,"renewed_at":null}"#;
    assert_eq!(body, before);
}
