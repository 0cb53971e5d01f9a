use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::MasterKey;

fn keyring(current: u8, previous: &[u8]) -> Keyring {
    let master = |byte: &u8| MasterKey::from_bytes([*byte; 32]);
    Keyring::new(master(&current), previous.iter().map(master).collect())
}

fn seal(keys: &ReferenceKeys, session: Uuid, text: &str) -> String {
    let text = SecretString::new(text.to_owned());
    keys.seal(session, &text, &SystemEntropy).unwrap().unwrap()
}

fn open(keys: &ReferenceKeys, session: Uuid, sealed: &str) -> Option<String> {
    let opened = keys.open(session, sealed);
    opened.map(|text| text.expose().to_owned())
}

#[test]
fn opens_beside_its_session_and_for_its_app_alone() {
    let keys = keyring(1, &[]);
    let django = ReferenceKeys::new(&keys, "django");
    let (session, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let sealed = seal(&django, session, "session-key-9");
    assert_eq!(
        open(&django, session, &sealed).as_deref(),
        Some("session-key-9")
    );
    assert_eq!(open(&django, other, &sealed), None);
    assert_eq!(
        open(&ReferenceKeys::new(&keys, "next"), session, &sealed),
        None
    );
    let stranger = ReferenceKeys::new(&keyring(2, &[]), "django");
    assert_eq!(open(&stranger, session, &sealed), None);
    assert!(!sealed.contains("session-key"));
    assert_ne!(seal(&django, session, "session-key-9"), sealed);
}

#[test]
fn what_a_previous_master_sealed_still_opens() {
    let session = Uuid::from_u128(1);
    let sealed = seal(
        &ReferenceKeys::new(&keyring(1, &[]), "django"),
        session,
        "x",
    );
    let rotated = ReferenceKeys::new(&keyring(2, &[1]), "django");
    assert_eq!(open(&rotated, session, &sealed).as_deref(), Some("x"));
    let removed = ReferenceKeys::new(&keyring(2, &[]), "django");
    assert_eq!(open(&removed, session, &sealed), None);
}

#[test]
fn what_somebody_else_wrote_does_not_open() {
    let keys = ReferenceKeys::new(&keyring(1, &[]), "django");
    let session = Uuid::from_u128(1);
    let sealed = seal(&keys, session, "x");
    for forged in ["", "x", "django-session-key", &sealed[1..], &sealed[..8]] {
        assert_eq!(open(&keys, session, forged), None, "{forged}");
    }
}
