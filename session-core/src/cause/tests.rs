use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, OtherError};

use super::*;

/// What a driver puts around the reason.
#[derive(Debug)]
struct Wrapped<E>(E);

impl<E> fmt::Display for Wrapped<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error connecting to server")
    }
}

impl<E: Error + 'static> Error for Wrapped<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

const DB: Peer<'static> = Peer {
    address: Some("db.internal:5432"),
    authorities: Some("store.ca"),
    certificate: Some("store.client_cert"),
};

fn tls(error: impl Into<rustls::Error>) -> String {
    // As a socket hands it on.
    let error = io::Error::new(ErrorKind::InvalidData, error.into());
    DB.cause(&Wrapped(error))
}

#[test]
fn what_the_operating_system_says_is_told_with_the_place() {
    let refused = Wrapped(io::Error::from_raw_os_error(111));
    assert_eq!(cause(&refused), "connection refused");
    assert_eq!(
        DB.cause(&Wrapped(refused)),
        "connection refused (db.internal:5432)"
    );
    let closed = io::Error::new(ErrorKind::UnexpectedEof, "tls handshake eof");
    assert_eq!(
        DB.cause(&closed),
        "the other side closed the connection (db.internal:5432)"
    );
    let silent = io::Error::from(ErrorKind::TimedOut);
    assert_eq!(cause(&silent), "connection timed out");
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    let unknown =
        io::Error::other("failed to lookup address information: Name or service not known");
    let unknown = Wrapped(unknown);
    assert_eq!(
        DB.cause(&unknown),
        "the name db.internal does not resolve (name or service not known)"
    );
    assert_eq!(
        cause(&unknown),
        "the name does not resolve (name or service not known)"
    );
}

#[test]
fn a_certificate_is_told_with_what_is_wrong_and_where_to_mend_it() {
    let unknown = tls(CertificateError::UnknownIssuer);
    assert_eq!(
        unknown,
        "TLS: the server's certificate is of an unknown authority; see store.ca (db.internal:5432)"
    );
    let namesake = tls(CertificateError::BadSignature);
    assert!(
        namesake
            .contains("of an unknown authority (one of that name has another key); see store.ca"),
        "{namesake}"
    );
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let ended = tls(CertificateError::ExpiredContext {
        time: at(1_700_000_000),
        not_after: at(1_600_000_000),
    });
    assert!(ended.contains("ended 2020-09-13T12:26:40Z"), "{ended}");
    let early = tls(CertificateError::NotValidYetContext {
        time: at(1_600_000_000),
        not_before: at(1_700_000_000),
    });
    assert!(
        early.contains("begins only 2023-11-14T22:13:20Z"),
        "{early}"
    );
    let expected = ServerName::try_from("db.internal").unwrap();
    let other = tls(CertificateError::NotValidForNameContext {
        expected: expected.clone(),
        presented: vec!["DnsName(\"replica.internal\")".to_owned()],
    });
    assert!(
        other.contains("for another name: for replica.internal, not for db.internal"),
        "{other}"
    );
    let nameless = tls(CertificateError::NotValidForNameContext {
        expected,
        presented: vec![],
    });
    assert!(nameless.contains("holds no name"), "{nameless}");
}

#[test]
fn what_the_server_holds_against_us_is_told() {
    let wanted = tls(rustls::Error::AlertReceived(
        AlertDescription::CertificateRequired,
    ));
    assert_eq!(
        wanted,
        "TLS: the server wants a certificate of its clients; see store.client_cert (db.internal:5432)"
    );
    let stranger = tls(rustls::Error::AlertReceived(AlertDescription::UnknownCA));
    assert!(
        stranger.contains("authority of our certificate"),
        "{stranger}"
    );
}

#[test]
fn an_error_that_is_not_understood_speaks_for_itself() {
    let odd = Wrapped(io::Error::other("the moon is in the way"));
    assert_eq!(cause(&odd), "the moon is in the way");
    let odd = tls(rustls::Error::Other(OtherError(Arc::new(
        io::Error::other("the moon"),
    ))));
    assert!(odd.starts_with("TLS: "), "{odd}");
}

#[test]
fn what_is_told_is_one_line_without_secrets() {
    let text = "cannot open postgres://gw:hunter2@db/app\r\nkey \u{1b}[31m0123456789abcdef0123456789abcdef!\0";
    assert_eq!(plain(text), "cannot open *** key [31m***!");
    let sid = "sid 01234567-89ab-cdef-0123-456789abcdef of 127.0.0.1:6379";
    assert_eq!(plain(sid), "sid *** of 127.0.0.1:6379");
    let cut = plain(&"wort ".repeat(1_000));
    assert_eq!(cut.chars().count(), 302, "{cut}");
    let cut = plain(&"ä".repeat(1_000));
    assert_eq!(cut.chars().count(), 302, "{cut}");
}
