use super::*;
use crate::keys::Keyring;
use crate::keys::MasterKey;
use crate::sid::Groups;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

fn ring(current: u8, previous: &[u8]) -> Keyring {
    Keyring::new(
        master(current),
        previous.iter().copied().map(master).collect(),
    )
}

fn default() -> Group {
    Group::default()
}

/// The key of a sid of the default group.
fn key_of(ring: &Keyring, sid: &Sid) -> Option<SessionKey> {
    ring.recognise(sid, &Groups::default()).ok()
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
    let (first, second) = (one.legacy(A, &default()), other.legacy(A, &default()));
    assert!(first.sid() == second.sid());
    assert_eq!(key_of(&one, &first.sid()), Some(first.session_key()));
    assert_eq!(first.rows(&first.sid()), second.rows(&second.sid()));
}

#[test]
fn another_value_name_or_master_is_another_login() {
    let one = ring(1, &[]);
    let login = one.legacy(A, &default());
    let other_value = Credential { value: b"x", ..A };
    // The same bytes, cut elsewhere between name and value.
    let shifted = Credential {
        name: "dott_auth_sessio",
        value: b"neyJ1c2VyIjo3fQ",
    };
    for other in [other_value, shifted, Credential { name: "other", ..A }] {
        let other = one.legacy(other, &default());
        assert!(other.sid() != login.sid());
        assert_ne!(other.keys(), login.keys());
        assert_ne!(other.digest(), login.digest());
    }
    assert!(ring(2, &[]).legacy(A, &default()).sid() != login.sid());
}

/// The same cookie on sites of several groups is a login in each.
#[test]
fn another_group_is_another_login_with_a_sid_of_its_own() {
    let ring = ring(1, &[]);
    let [shop, blog] = ["shop", "blog"].map(|name| Group::named(name).unwrap());
    let logins = [default(), shop, blog].map(|group| ring.legacy(A, &group));
    for (at, login) in logins.iter().enumerate() {
        let own = Groups::from(login.group().clone());
        let key = ring.recognise(&login.sid(), &own);
        assert_eq!(key, Ok(login.session_key()));
        for other in &logins[..at] {
            assert!(login.sid() != other.sid());
            assert_ne!(login.keys(), other.keys());
            assert_ne!(login.digest(), other.digest());
            let rows = other.rows(&other.sid());
            assert!(login.unwrap_sid(&rows[0]).is_none());
        }
    }
}

/// Pinned: what was stored before there were groups must be found again.
#[test]
fn the_default_group_changes_nothing() {
    let login = ring(1, &[]).legacy(A, &default());
    let [key] = login.keys()[..] else {
        panic!("one master")
    };
    let wrapped = login.rows(&login.sid())[0].wrapped_sid;
    let all = [
        key.as_bytes().as_slice(),
        login.session_key().as_bytes(),
        &wrapped,
    ]
    .concat();
    assert_eq!(
        blake3::hash(&all).to_hex().as_str(),
        "05239121698e56d1e2c92f9641ba9b060e528508aa614617e20cfb7735a34134"
    );
}

#[test]
fn each_credential_alone_opens_the_sid() {
    let ring = ring(1, &[]);
    let (a, b) = (ring.legacy(A, &default()), ring.legacy(B, &default()));
    for login in [&a, &b] {
        let rows = login.rows(&a.sid());
        let sid = login.unwrap_sid(&rows[0]).unwrap();
        assert_eq!(key_of(&ring, &sid), Some(a.session_key()));
    }
}

#[test]
fn a_row_of_another_credential_opens_nothing() {
    let ring = ring(1, &[]);
    let (a, b) = (ring.legacy(A, &default()), ring.legacy(B, &default()));
    let of_b = b.rows(&b.sid()).remove(0);
    assert!(a.unwrap_sid(&of_b).is_none());
    // Somebody who can write to the store puts one login's sid beside another one's digest.
    let mixed = LegacyRow {
        key: a.keys()[0],
        wrapped_sid: of_b.wrapped_sid,
    };
    let sid = a.unwrap_sid(&mixed).unwrap();
    assert_ne!(key_of(&ring, &sid), Some(b.session_key()));
}

#[test]
fn rotated_masters_know_each_other() {
    let (old, both, new) = (ring(1, &[]), ring(2, &[1]), ring(3, &[2]));
    let keys = |ring: &Keyring| ring.legacy(A, &default()).keys();
    let shared = |a: &[LegacyKey], b: &[LegacyKey]| a.iter().filter(|key| b.contains(key)).count();
    assert_eq!(shared(&keys(&old), &keys(&both)), 1);
    assert_eq!(shared(&keys(&both), &keys(&new)), 1);
    assert_eq!(shared(&keys(&old), &keys(&new)), 0);
    // What the node with the old master stored, the one with both opens.
    let (stored, login) = (old.legacy(A, &default()), both.legacy(A, &default()));
    let row = stored.rows(&stored.sid()).remove(0);
    let sid = login.unwrap_sid(&row).unwrap();
    assert_eq!(key_of(&both, &sid), Some(stored.session_key()));
}

#[test]
fn nothing_of_it_is_printed() {
    let login = ring(1, &[]).legacy(A, &default());
    let rows = login.rows(&login.sid());
    let printed = format!("{login:?} {:?} {rows:?} {A:?}", login.keys());
    assert_eq!(
        printed,
        "LegacyLogin(1 keys) [LegacyKey(..)] [LegacyRow(..)] Credential(dott_auth_session, ..)"
    );
}
