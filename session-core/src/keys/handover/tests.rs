use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::{Keyring, MasterKey};

fn keys(current: u8, previous: &[u8]) -> HandoverKeys {
    let master = |byte: u8| MasterKey::from_bytes([byte; 32]);
    Keyring::new(
        master(current),
        previous.iter().copied().map(master).collect(),
    )
    .handover()
}

fn sealed(keys: &HandoverKeys, what: Sealed) -> Vec<u8> {
    keys.seal(what, b"text", &SystemEntropy).unwrap().unwrap()
}

#[test]
fn it_opens_as_what_it_was_sealed_as() {
    let keys = keys(1, &[]);
    let ticket = sealed(&keys, Sealed::Ticket);
    assert_eq!(
        keys.open(Sealed::Ticket, &ticket).unwrap().as_slice(),
        b"text"
    );
    assert!(keys.open(Sealed::Code, &ticket).is_none());
    assert!(keys.open(Sealed::Ticket, &ticket[1..]).is_none());
}

#[test]
fn rotation_keeps_what_is_under_way() {
    let before = sealed(&keys(1, &[]), Sealed::Code);
    assert!(keys(2, &[1]).open(Sealed::Code, &before).is_some());
    assert!(keys(2, &[3]).open(Sealed::Code, &before).is_none());
}
