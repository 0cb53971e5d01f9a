//! What is wrong with a TLS handshake.

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Peer;

pub(super) fn words(error: &Error, peer: &Peer<'_>) -> String {
    let words = match error {
        Error::InvalidCertificate(fault) => certificate(fault, peer),
        Error::AlertReceived(alert) => refusal(*alert, peer),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS on this port".to_owned()
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "the server speaks neither TLS 1.2 nor 1.3".to_owned(),
        Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        other => other.to_string(),
    };
    peer.located(&format!("TLS: {words}"))
}

fn certificate(fault: &CertificateError, peer: &Peer<'_>) -> String {
    match fault {
        CertificateError::UnknownIssuer => unknown_authority("", peer),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the server's certificate ended {}", date(*not_after))
        }
        CertificateError::Expired => "the server's certificate has ended".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate begins only {}; is the clock of this machine right?",
            date(*not_before)
        ),
        CertificateError::NotValidYet => "the server's certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => wrong_name(expected, presented),
        CertificateError::NotValidForName => {
            "the server's certificate is for another name".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers (extended key usage)".to_owned()
        }
        CertificateError::BadSignature => unknown_authority(" (one of that name has another key)", peer),
        CertificateError::Revoked => "the server's certificate is revoked".to_owned(),
        other if is_authority(other) => {
            "the server shows the certificate of an authority (CA:TRUE) as its own; it needs one that an authority has issued"
                .to_owned()
        }
        other => format!("the server's certificate is not accepted: {other}"),
    }
}

/// The library has no public type for this one.
fn is_authority(fault: &CertificateError) -> bool {
    format!("{fault:?}").contains("CaUsedAsEndEntity")
}

fn unknown_authority(which: &str, peer: &Peer<'_>) -> String {
    let key = peer.authorities;
    let key = key.map_or_else(String::new, |key| format!("; see {key}"));
    format!("the server's certificate is of an unknown authority{which}{key}")
}

/// The names in the certificate, which anybody who connects is shown.
fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    /// Names that are listed.
    const LISTED: usize = 5;
    let expected = expected.to_str();
    if presented.is_empty() {
        return format!(
            "the server's certificate holds no name (subjectAltName); it must hold {expected}"
        );
    }
    let mut names: Vec<String> = presented
        .iter()
        .take(LISTED)
        .map(|name| bare(name))
        .collect();
    if presented.len() > LISTED {
        names.push("..".to_owned());
    }
    let names = names.join(", ");
    format!("the server's certificate is for another name: for {names}, not for {expected}")
}

/// `DnsName("db.internal")` as `db.internal`.
fn bare(name: &str) -> String {
    let inside = name.split_once('(').map_or(name, |(_, inside)| inside);
    inside.trim_end_matches(')').trim_matches('"').to_owned()
}

/// What the server holds against our own certificate, or against us.
fn refusal(alert: AlertDescription, peer: &Peer<'_>) -> String {
    let key = peer.certificate;
    let key = key.map_or_else(String::new, |key| format!("; see {key}"));
    match alert {
        AlertDescription::CertificateRequired => {
            format!("the server wants a certificate of its clients{key}")
        }
        AlertDescription::UnknownCA => {
            format!("the server does not know the authority of our certificate{key}")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::CertificateRevoked => {
            format!("the server refuses our certificate{key}")
        }
        AlertDescription::CertificateExpired => {
            format!("the server refuses our certificate because it has ended{key}")
        }
        AlertDescription::HandshakeFailure => {
            format!(
                "the server broke the handshake off: it may want a certificate of its clients{key}"
            )
        }
        AlertDescription::UnrecognisedName => "the server does not know the name".to_owned(),
        AlertDescription::ProtocolVersion => "the server speaks neither TLS 1.2 nor 1.3".to_owned(),
        other => format!("the server broke the handshake off ({other:?})"),
    }
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("at unix time {seconds}"))
}
