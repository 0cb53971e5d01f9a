use rustls::CertificateError;

use super::*;
use crate::trust::Refusal;

fn place() -> Place {
    Place::new(vec![Server::new("cache", 6379)], Refusal::default())
}

fn cause(kind: ErrorKind, details: &'static str) -> String {
    place().cause(&Error::new(kind, details))
}

#[test]
fn what_the_server_says_is_told_as_it_is() {
    for (details, words) in [
        (
            "WRONGPASS invalid username-password pair or user is disabled.",
            "WRONGPASS invalid username-password pair or user is disabled",
        ),
        (
            "NOAUTH Authentication required.",
            "NOAUTH Authentication required: give a password in cache.redis_url or cache.password",
        ),
        (
            "LOADING Redis is loading the dataset in memory",
            "LOADING Redis is loading the dataset in memory",
        ),
        (
            "NOPERM No permissions to access sidgate:1:0123456789abcdef0123456789abcdef",
            "NOPERM No permissions to access sidgate:1:***",
        ),
    ] {
        assert_eq!(cause(ErrorKind::Unknown, details), words);
    }
}

#[test]
fn errors_that_were_made_text_are_told_like_others() {
    let os = io::Error::from_raw_os_error(111);
    let os = place().cause(&Error::from(os));
    assert_eq!(os, "connection refused (cache:6379)");
    let unknown = io::Error::other(format!("{NO_ADDRESS}Name or service not known"));
    let unknown = place().cause(&Error::from(unknown));
    assert_eq!(
        unknown,
        "the name cache does not resolve (name or service not known)"
    );
    let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
    let alert = io::Error::new(io::ErrorKind::InvalidData, alert);
    let alert = place().cause(&Error::from(alert));
    assert!(
        alert.contains("wants a certificate of its clients; see cache.client_cert"),
        "{alert}"
    );
    let no_tls = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
    let no_tls = io::Error::new(io::ErrorKind::InvalidData, no_tls);
    let no_tls = place().cause(&Error::from(no_tls));
    assert!(
        no_tls.contains("does not speak TLS on this port"),
        "{no_tls}"
    );
    let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
    let closed = place().cause(&Error::from(closed));
    assert!(closed.contains("closed the connection"), "{closed}");
}

#[test]
fn a_refused_certificate_is_told_by_what_refused_it() {
    let refusal = Refusal::default();
    let place = Place::new(vec![Server::new("cache", 6379)], refusal.clone());
    let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    refusal.keep(&unknown);
    let told = Error::from(io::Error::new(io::ErrorKind::InvalidData, unknown));
    assert_eq!(
        place.cause(&told),
        "TLS: the server's certificate is of an unknown authority; see cache.ca (cache:6379)"
    );
}
