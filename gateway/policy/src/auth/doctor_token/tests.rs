use session_core::keys::{Keyring, MasterKey};

use super::*;

const NOW: i64 = 1_800_000_000;

fn keys(master: u8, previous: &[u8]) -> DoctorKeys {
    let previous = previous
        .iter()
        .map(|&byte| MasterKey::from_bytes([byte; 32]));
    let ring = Keyring::new(MasterKey::from_bytes([master; 32]), previous.collect());
    DoctorKeys::new(&ring.doctor())
}

#[test]
fn holders_of_the_master_key_prove_it() {
    let proof = keys(1, &[]).prove(NOW).unwrap();

    assert!(keys(1, &[]).accepts(proof.as_bytes(), NOW));
    assert!(
        keys(2, &[1]).accepts(proof.as_bytes(), NOW),
        "while keys rotate"
    );
    assert!(!keys(2, &[]).accepts(proof.as_bytes(), NOW));
    for wrong in ["", "a.b.c", &proof[1..], &format!("{proof}=")] {
        assert!(!keys(1, &[]).accepts(wrong.as_bytes(), NOW), "{wrong}");
    }
}

#[test]
fn a_proof_is_of_its_moment() {
    let ours = keys(1, &[]);
    let proof = ours.prove(NOW).unwrap();

    for (now, is_good) in [
        (NOW - LEEWAY - 1, false),
        (NOW - LEEWAY, true),
        (NOW + LIFE + LEEWAY - 1, true),
        (NOW + LIFE + LEEWAY, false),
    ] {
        assert_eq!(ours.accepts(proof.as_bytes(), now), is_good, "{now}");
    }
}

#[test]
fn what_an_app_can_sign_is_no_proof() {
    use crate::auth::token::{AppKeys, SessionClaims};

    let ring = Keyring::new(MasterKey::from_bytes([1; 32]), Vec::new());
    let app = AppKeys::new("sidgate", &ring.upstream("sidgate"));
    let claims = SessionClaims::default();
    for token in [
        app.assertion("active", &claims, NOW).unwrap(),
        app.backend_request(b"{}", NOW).unwrap(),
    ] {
        assert!(!keys(1, &[]).accepts(token.as_bytes(), NOW));
    }
}
