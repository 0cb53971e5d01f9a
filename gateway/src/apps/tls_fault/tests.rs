use std::io;
use std::sync::Arc;

use pingora_core::ErrorType;
use rustls::PeerIncompatible;

use super::*;
use crate::apps::address::Address;
use crate::apps::testing;
use crate::apps::upstream_fault::UpstreamFault;

/// As Pingora tells of a handshake that ended with `error`.
fn told_by_pingora(error: &Error) -> Box<PingoraError> {
    let inner = io::Error::new(io::ErrorKind::InvalidData, error.clone());
    let inner = PingoraError::because(ErrorType::TLSHandshakeFailure, "tls connect error", inner);
    let context = format!("TLS connect() failed: {inner}, SNI: app.internal");
    PingoraError::explain(ErrorType::TLSHandshakeFailure, context)
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a table, with an entry for each cause"
)]
fn what_pingora_says_of_a_handshake_is_told_by_name() {
    let name = |text: &str| ServerName::try_from(text.to_owned()).unwrap();
    let wrong_name = CertificateError::NotValidForNameContext {
        expected: name("app.internal"),
        presented: vec![
            "DnsName(\"a.test\")".to_owned(),
            "DnsName(\"b.test\")".to_owned(),
            "IpAddress(10.0.0.1)".to_owned(),
        ],
    };
    let expired = CertificateError::ExpiredContext {
        time: at(1_800_000_000),
        not_after: at(1_700_000_000),
    };
    let early = CertificateError::NotValidYetContext {
        time: at(1_700_000_000),
        not_before: at(1_800_000_000),
    };
    let alert = Error::AlertReceived;
    for (error, kind, words) in [
        (
            CertificateError::UnknownIssuer.into(),
            Kind::TlsUnknownAuthority,
            "TLS: the server's certificate is of an unknown authority; see upstreams.app.tls.ca",
        ),
        (
            CertificateError::BadSignature.into(),
            Kind::TlsUnknownAuthority,
            "TLS: the server's certificate is of an unknown authority (one of that name has another key); see upstreams.app.tls.ca",
        ),
        (
            expired.into(),
            Kind::TlsExpired,
            "TLS: the server's certificate ended 2023-11-14T22:13:20Z",
        ),
        (
            early.into(),
            Kind::TlsNotYetValid,
            "TLS: the server's certificate begins only 2027-01-15T08:00:00Z; is the clock of this machine right?",
        ),
        (
            wrong_name.into(),
            Kind::TlsWrongName,
            "TLS: the server's certificate is for another name: for a.test, b.test, 10.0.0.1, not for app.internal",
        ),
        (
            alert(AlertDescription::CertificateRequired),
            Kind::TlsClientCertificate,
            "TLS: the server wants a certificate of its clients; see upstreams.app.tls.client_cert",
        ),
        (
            alert(AlertDescription::UnknownCA),
            Kind::TlsClientCertificate,
            "TLS: the server does not know the authority of our certificate; see upstreams.app.tls.client_cert",
        ),
        (
            alert(AlertDescription::NoApplicationProtocol),
            Kind::NotHttp2,
            "TLS: the server does not agree to HTTP/2",
        ),
        (
            alert(AlertDescription::ProtocolVersion),
            Kind::TlsFailed,
            "TLS: the server speaks neither TLS 1.2 nor 1.3",
        ),
        (
            InvalidMessage::InvalidContentType.into(),
            Kind::NotTls,
            "TLS: the server does not speak TLS on this port",
        ),
        (
            Error::NoCertificatesPresented,
            Kind::TlsFailed,
            "TLS: the server shows no certificate",
        ),
        (
            PeerIncompatible::ServerDoesNotSupportTls12Or13.into(),
            Kind::TlsFailed,
            "TLS: the handshake failed",
        ),
    ] {
        let upstream = testing::upstream("https://app.internal:443");
        let told = of_handshake(&told_by_pingora(&error), &upstream);
        assert_eq!((told.0, told.1.as_str()), (kind, words), "{error}");
    }
}

#[test]
fn a_refusal_of_our_certificate_that_is_read_later_is_the_same() {
    let upstream = testing::upstream("https://app.internal:443");
    let alert = Error::AlertReceived(AlertDescription::CertificateRequired);
    let io = io::Error::new(io::ErrorKind::InvalidData, alert);
    let error = PingoraError::because(ErrorType::ReadError, "while reading", io);
    let told = of_read(&error, &upstream).unwrap();
    assert_eq!(told.0, Kind::TlsClientCertificate);
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let error = PingoraError::because(ErrorType::ReadError, "while reading", reset);
    assert!(of_read(&error, &upstream).is_none());
}

#[test]
fn a_handshake_and_a_connection_that_take_too_long_are_two_things() {
    let upstream = testing::upstream("https://app.internal:443");
    let address = Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], 443)));
    for (context, kind) in [
        (
            "connecting to server addr: 127.0.0.1:443, timeout 2s",
            Kind::TlsTimeout,
        ),
        (
            "timeout 2s connecting to server addr: 127.0.0.1:443",
            Kind::ConnectTimeout,
        ),
    ] {
        let error = PingoraError::explain(ErrorType::ConnectTimedout, context);
        let told = UpstreamFault::of_connect(&error, &upstream, &address);
        assert_eq!(told.kind, kind, "{context}");
    }
    let socket = Address::Unix(Arc::from(std::path::Path::new("/run/app.sock")));
    let error = PingoraError::explain(ErrorType::ConnectRefused, "");
    let told = UpstreamFault::of_connect(&error, &upstream, &socket);
    assert!(
        told.cause.contains("nobody listens at it"),
        "{}",
        told.cause
    );
}
