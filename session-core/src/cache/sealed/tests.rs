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
