use proptest::prelude::*;

use super::*;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

#[test]
fn a_minted_sid_is_recognised_under_the_same_key() {
    let ring = Keyring::new(master(1), vec![]);
    let (sid, key) = ring.mint([7; SID_RANDOM_LEN]);
    assert_eq!(ring.recognise(&sid), Some(key));
}

#[test]
fn rotation_keeps_old_sids_under_their_old_key_and_mints_under_the_new_one() {
    let before = Keyring::new(master(1), vec![]);
    let after = Keyring::new(master(2), vec![master(1)]);
    let (old, old_key) = before.mint([7; SID_RANDOM_LEN]);
    assert_eq!(after.recognise(&old), Some(old_key));
    let (new, _) = after.mint([7; SID_RANDOM_LEN]);
    assert_eq!(before.recognise(&new), None);
    assert_eq!(
        Keyring::new(master(2), vec![]).recognise(&old),
        None,
        "a removed master ends its sids"
    );
}

#[test]
fn no_two_purposes_share_a_key() {
    let ring = Keyring::new(master(1), vec![]);
    let (django, next) = (ring.upstream("django"), ring.upstream("next"));
    assert_ne!(django, next);
    assert_ne!(django.first(), Some(&ring.current.store));
    assert_ne!(ring.current.shared, ring.current.store);
}

#[test]
fn debug_shows_no_key() {
    let shown = format!(
        "{:?} {:?}",
        master(0xab),
        Keyring::new(master(0xab), vec![master(1)])
    );
    assert_eq!(shown, "MasterKey(..) Keyring(1 current, 1 previous)");
}

/// Pinned: a change of a context or of the construction would silently end every session of every installation.
#[test]
fn derivation_is_stable() {
    let ring = Keyring::new(master(1), vec![]);
    let (sid, key) = ring.mint([7; SID_RANDOM_LEN]);
    assert_eq!(
        sid.expose().as_str(),
        "5a52e2a5-4c35-f553-11f3-9501bdc8a0df"
    );
    assert_eq!(
        blake3::hash(key.as_bytes()).to_hex().as_str(),
        "e0ae494f099bafecfbf82f743bf2c9f9307bf780dc3be0c74ac26bf5ad3295d5"
    );
}

proptest! {
    #[test]
    fn random_values_are_forged(bytes: [u8; 16]) {
        // A false alarm has probability 2^-32 a case.
        let ring = Keyring::new(master(1), vec![master(2)]);
        prop_assert_eq!(ring.recognise(&Sid::from_bytes(bytes)), None);
    }

    #[test]
    fn flipping_a_bit_breaks_the_seal(random: [u8; SID_RANDOM_LEN], bit in 0_usize..128) {
        let ring = Keyring::new(master(1), vec![]);
        let (sid, _) = ring.mint(random);
        let mut bytes = *sid.bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(ring.recognise(&Sid::from_bytes(bytes)), None);
    }
}
