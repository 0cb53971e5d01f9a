use proptest::prelude::*;

use super::*;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

/// The groups of an installation, seen from each of them.
fn three() -> (Groups, Groups, Groups) {
    let [shop, blog] = ["shop", "blog"].map(|name| Group::named(name).unwrap());
    let all = || [Group::default(), shop.clone(), blog.clone()];
    let seen = |own: &Group| Groups::new(own.clone(), all());
    (seen(&Group::default()), seen(&shop), seen(&blog))
}

#[test]
fn a_minted_sid_is_recognised_under_the_same_key() {
    let ring = Keyring::new(master(1), vec![]);
    let (sid, key) = ring.mint([7; SID_RANDOM_LEN], &Group::default());
    assert_eq!(ring.recognise(&sid, &Groups::default()), Ok(key));
}

#[test]
fn rotation_keeps_old_sids_under_their_old_key_and_mints_under_the_new_one() {
    let before = Keyring::new(master(1), vec![]);
    let after = Keyring::new(master(2), vec![master(1)]);
    let (old, old_key) = before.mint([7; SID_RANDOM_LEN], &Group::default());
    assert_eq!(after.recognise(&old, &Groups::default()), Ok(old_key));
    let (new, _) = after.mint([7; SID_RANDOM_LEN], &Group::default());
    assert_eq!(
        before.recognise(&new, &Groups::default()),
        Err(NotOurs::Forged)
    );
    assert_eq!(
        Keyring::new(master(2), vec![]).recognise(&old, &Groups::default()),
        Err(NotOurs::Forged),
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
    let (sid, key) = ring.mint([7; SID_RANDOM_LEN], &Group::default());
    assert_eq!(
        sid.expose().as_str(),
        "5a52e2a5-4c35-f553-11f3-9501bdc8a0df"
    );
    assert_eq!(
        blake3::hash(key.as_bytes()).to_hex().as_str(),
        "e0ae494f099bafecfbf82f743bf2c9f9307bf780dc3be0c74ac26bf5ad3295d5"
    );
}

/// Under every master in use.
#[test]
fn a_sid_is_accepted_in_its_own_group_only() {
    let before = Keyring::new(master(1), vec![]);
    let after = Keyring::new(master(2), vec![master(1)]);
    let (default, shop, blog) = three();
    for own in [&default, &shop, &blog] {
        for ring in [&before, &after] {
            let (sid, key) = ring.mint([7; SID_RANDOM_LEN], own.own());
            assert_eq!(ring.recognise(&sid, own), Ok(key));
            assert_eq!(after.recognise(&sid, own), Ok(key));
            for other in [&default, &shop, &blog] {
                if other != own {
                    assert_eq!(after.recognise(&sid, other), Err(NotOurs::OtherGroup));
                }
                // Whoever is not told of the group has not made it.
                if other.own() != own.own() {
                    let alone = Groups::from(other.own().clone());
                    assert_eq!(ring.recognise(&sid, &alone), Err(NotOurs::Forged));
                }
            }
        }
    }
}

/// What programs that know no groups ask: whether the last four bytes are zero.
#[test]
fn programs_without_groups_take_the_sids_of_groups_for_forged() {
    let ring = Keyring::new(master(1), vec![]);
    let (default, shop, _) = three();
    let ends_with_zeros = |group: &Group| {
        let (sid, _) = ring.mint([7; SID_RANDOM_LEN], group);
        ring.current.tag(&sid) == [0; 4]
    };
    assert!(ends_with_zeros(default.own()));
    assert!(!ends_with_zeros(shop.own()));
}

/// Pinned, as above.
#[test]
fn derivation_of_groups_is_stable() {
    let ring = Keyring::new(master(1), vec![]);
    let (sid, _) = ring.mint([7; SID_RANDOM_LEN], three().1.own());
    assert_eq!(
        sid.expose().as_str(),
        "0348823f-f3e2-8991-2921-4f4641ef940e"
    );
}

proptest! {
    #[test]
    fn random_values_are_forged(bytes: [u8; 16]) {
        // A false alarm has probability 2^-32 a case.
        let ring = Keyring::new(master(1), vec![master(2)]);
        prop_assert_eq!(ring.recognise(&Sid::from_bytes(bytes), &three().0), Err(NotOurs::Forged));
    }

    #[test]
    fn flipping_a_bit_breaks_the_seal(random: [u8; SID_RANDOM_LEN], bit in 0_usize..128) {
        let ring = Keyring::new(master(1), vec![]);
        let (sid, _) = ring.mint(random, &Group::default());
        let mut bytes = *sid.bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(ring.recognise(&Sid::from_bytes(bytes), &three().0), Err(NotOurs::Forged));
    }
}
