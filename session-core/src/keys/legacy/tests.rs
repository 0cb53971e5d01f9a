use super::*;
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
    let (first, second) = (one.legacy(&[A, B]).unwrap(), other.legacy(&[A, B]).unwrap());
    assert!(first.sid() == second.sid());
    assert_eq!(one.recognise(&first.sid()), Some(first.session_key()));
    assert_eq!(first.rows(), second.rows());
    assert!(one.legacy(&[]).is_none());
}

#[test]
fn another_value_name_or_master_is_another_login() {
    let one = ring(1, &[]);
    let login = one.legacy(&[A]).unwrap();
    let other_value = Credential { value: b"x", ..A };
    // The same bytes, cut elsewhere between name and value.
    let shifted = Credential {
        name: "dott_auth_sessio",
        value: b"neyJ1c2VyIjo3fQ",
    };
    for other in [other_value, shifted, Credential { name: "other", ..A }] {
        let other = one.legacy(&[other]).unwrap();
        assert!(other.sid() != login.sid());
        assert_ne!(other.keys(), login.keys());
        assert_ne!(other.digest(), login.digest());
    }
    assert!(ring(2, &[]).legacy(&[A]).unwrap().sid() != login.sid());
}

#[test]
fn each_credential_alone_opens_the_sid() {
    let ring = ring(1, &[]);
    let both = ring.legacy(&[A, B]).unwrap();
    assert_eq!(both.rows().len(), 2);
    for alone in [A, B] {
        let login = ring.legacy(&[alone]).unwrap();
        let rows = both.rows();
        let row = rows.iter().find(|row| login.keys().contains(&row.key));
        let sid = login.unwrap_sid(row.unwrap()).unwrap();
        assert_eq!(ring.recognise(&sid), Some(both.session_key()));
    }
}

#[test]
fn a_row_of_another_credential_opens_nothing() {
    let ring = ring(1, &[]);
    let (a, b) = (ring.legacy(&[A]).unwrap(), ring.legacy(&[B]).unwrap());
    assert!(a.unwrap_sid(&b.rows()[0]).is_none());
    // Somebody who can write to the store puts one login's sid beside another one's digest.
    let mixed = LegacyRow {
        key: a.keys()[0],
        wrapped_sid: b.rows()[0].wrapped_sid,
    };
    let sid = a.unwrap_sid(&mixed).unwrap();
    assert_ne!(ring.recognise(&sid), Some(b.session_key()));
}

#[test]
fn rotated_masters_know_each_other() {
    let (old, both, new) = (ring(1, &[]), ring(2, &[1]), ring(3, &[2]));
    let keys = |ring: &Keyring| ring.legacy(&[A, B]).unwrap().keys();
    let shared = |a: &[LegacyKey], b: &[LegacyKey]| a.iter().filter(|key| b.contains(key)).count();
    assert_eq!(shared(&keys(&old), &keys(&both)), 2);
    assert_eq!(shared(&keys(&both), &keys(&new)), 2);
    assert_eq!(shared(&keys(&old), &keys(&new)), 0);
    // What the node with the old master stored, the one with both opens.
    let (stored, login) = (old.legacy(&[A]).unwrap(), both.legacy(&[A]).unwrap());
    let sid = login.unwrap_sid(&stored.rows()[0]).unwrap();
    assert_eq!(both.recognise(&sid), Some(stored.session_key()));
}

#[test]
fn nothing_of_it_is_printed() {
    let login = ring(1, &[]).legacy(&[A]).unwrap();
    let printed = format!("{login:?} {:?} {:?} {A:?}", login.keys(), login.rows());
    assert_eq!(
        printed,
        "LegacyLogin(1 keys) [LegacyKey(..)] [LegacyRow(..)] Credential(dott_auth_session, ..)"
    );
}
