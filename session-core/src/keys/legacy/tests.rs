use super::*;
use crate::keys::Keyring;
use crate::keys::MasterKey;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

fn ring(current: u8, previous: &[u8]) -> Keyring {
    Keyring::new(
        master(current),
        previous.iter().copied().map(master).collect(),
    )
}

const A: Credential<'static> = Credential {
    name: "dott_auth_session",
    value: b"eyJ1c2VyIjo3fQ",
};
const B: Credential<'static> = Credential {
    name: "session_token",
    value: b"0123456789abcdef",
};

#[test]
fn every_node_derives_the_same_genuine_sid() {
    let (one, other) = (ring(1, &[]), ring(1, &[]));
    let (first, second) = (one.legacy(A), other.legacy(A));
    assert!(first.sid() == second.sid());
    assert_eq!(one.recognise(&first.sid()), Some(first.session_key()));
    assert_eq!(first.rows(&first.sid()), second.rows(&second.sid()));
}

#[test]
fn another_value_name_or_master_is_another_login() {
    let one = ring(1, &[]);
    let login = one.legacy(A);
    let other_value = Credential { value: b"x", ..A };
    // The same bytes, cut elsewhere between name and value.
    let shifted = Credential {
        name: "dott_auth_sessio",
        value: b"neyJ1c2VyIjo3fQ",
    };
    for other in [other_value, shifted, Credential { name: "other", ..A }] {
        let other = one.legacy(other);
        assert!(other.sid() != login.sid());
        assert_ne!(other.keys(), login.keys());
        assert_ne!(other.digest(), login.digest());
    }
    assert!(ring(2, &[]).legacy(A).sid() != login.sid());
}

#[test]
fn each_credential_alone_opens_the_sid() {
    let ring = ring(1, &[]);
    let (a, b) = (ring.legacy(A), ring.legacy(B));
    for login in [&a, &b] {
        let rows = login.rows(&a.sid());
        let sid = login.unwrap_sid(&rows[0]).unwrap();
        assert_eq!(ring.recognise(&sid), Some(a.session_key()));
    }
}

#[test]
fn a_row_of_another_credential_opens_nothing() {
    let ring = ring(1, &[]);
    let (a, b) = (ring.legacy(A), ring.legacy(B));
    let of_b = b.rows(&b.sid()).remove(0);
    assert!(a.unwrap_sid(&of_b).is_none());
    // Somebody who can write to the store puts one login's sid beside another one's digest.
    let mixed = LegacyRow {
        key: a.keys()[0],
        wrapped_sid: of_b.wrapped_sid,
    };
    let sid = a.unwrap_sid(&mixed).unwrap();
    assert_ne!(ring.recognise(&sid), Some(b.session_key()));
}

#[test]
fn rotated_masters_know_each_other() {
    let (old, both, new) = (ring(1, &[]), ring(2, &[1]), ring(3, &[2]));
    let keys = |ring: &Keyring| ring.legacy(A).keys();
    let shared = |a: &[LegacyKey], b: &[LegacyKey]| a.iter().filter(|key| b.contains(key)).count();
    assert_eq!(shared(&keys(&old), &keys(&both)), 1);
    assert_eq!(shared(&keys(&both), &keys(&new)), 1);
    assert_eq!(shared(&keys(&old), &keys(&new)), 0);
    // What the node with the old master stored, the one with both opens.
    let (stored, login) = (old.legacy(A), both.legacy(A));
    let row = stored.rows(&stored.sid()).remove(0);
    let sid = login.unwrap_sid(&row).unwrap();
    assert_eq!(both.recognise(&sid), Some(stored.session_key()));
}

#[test]
fn nothing_of_it_is_printed() {
    let login = ring(1, &[]).legacy(A);
    let rows = login.rows(&login.sid());
    let printed = format!("{login:?} {:?} {rows:?} {A:?}", login.keys());
    assert_eq!(
        printed,
        "LegacyLogin(1 keys) [LegacyKey(..)] [LegacyRow(..)] Credential(dott_auth_session, ..)"
    );
}
