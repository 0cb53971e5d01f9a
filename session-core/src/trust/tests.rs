use super::*;

#[test]
fn what_holds_no_certificate_or_key_is_refused_without_quoting_it() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, why) in [
        (&b""[..], TrustError::NoCertificate),
        (b"hunter2", TrustError::NoCertificate),
        (broken, TrustError::Certificate),
    ] {
        assert_eq!(Trust::default().and_authorities(pem).unwrap_err(), why);
    }
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n";
    assert_eq!(private_key(encrypted), Err(TrustError::EncryptedKey));
    assert_eq!(private_key(b"hunter2"), Err(TrustError::NoKey));
}

#[test]
fn nothing_added_is_plain_and_can_be_used() {
    let trust = Trust::default();
    assert!(trust.is_plain());
    assert!(!trust.roots().is_empty(), "somebody is believed");
    trust.client_config().unwrap();
    let refusal = Refusal::default();
    trust.watched_client_config(&refusal).unwrap();
    assert_eq!(refusal.take(), None);
}
