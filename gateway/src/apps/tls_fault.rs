//! What is wrong with a TLS handshake with an app: its kind, and a sentence.
//!
//! Pingora keeps no error of the library below, but its text. So the error is made again of the text, and told in the words that
//! every other client of the gateway uses.

use std::io;
use std::time::Duration;

use pingora_core::Error as PingoraError;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use session_core::cause::{Peer, plain};

use crate::config::Upstream;
use crate::telemetry::labels::UpstreamError as Kind;

/// Alerts that say more than that a handshake has failed.
const ALERTS: [AlertDescription; 14] = [
    AlertDescription::CertificateRequired,
    AlertDescription::UnknownCA,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateUnknown,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRevoked,
    AlertDescription::AccessDenied,
    AlertDescription::HandshakeFailure,
    AlertDescription::UnrecognisedName,
    AlertDescription::ProtocolVersion,
    AlertDescription::NoApplicationProtocol,
    AlertDescription::DecryptError,
    AlertDescription::InternalError,
];

/// A handshake that failed.
pub(super) fn of_handshake(error: &PingoraError, upstream: &Upstream) -> (Kind, String) {
    let text = error.to_string();
    match made_again(&text) {
        Some(error) => told(&error, upstream),
        None => {
            let is_closed = text.contains("handshake eof") || text.contains("Connection reset");
            let cause = if is_closed {
                "TLS: the server closed the connection during the handshake".to_owned()
            } else {
                "TLS: the handshake failed".to_owned()
            };
            (Kind::TlsFailed, cause)
        }
    }
}

/// A fault of TLS that showed only when something was read: with TLS 1.3 a server judges our certificate after the handshake.
pub(super) fn of_read(error: &PingoraError, upstream: &Upstream) -> Option<(Kind, String)> {
    let io = error.root_cause().downcast_ref::<io::Error>()?;
    let error = io.get_ref()?.downcast_ref::<Error>()?;
    Some(told(error, upstream))
}

fn told(error: &Error, upstream: &Upstream) -> (Kind, String) {
    let key = |key: &str| format!("upstreams.{}.tls.{key}", upstream.name);
    let (authorities, certificate) = (key("ca"), key("client_cert"));
    let peer = Peer {
        address: None,
        authorities: Some(&authorities),
        certificate: Some(&certificate),
    };
    match error {
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => (
            Kind::NotHttp2,
            "TLS: the server does not agree to HTTP/2".to_owned(),
        ),
        error => (kind(error), peer.cause(error)),
    }
}

fn kind(error: &Error) -> Kind {
    match error {
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Kind::TlsUnknownAuthority
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Kind::TlsExpired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Kind::TlsNotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Kind::TlsWrongName
            }
            _ => Kind::TlsFailed,
        },
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => Kind::NotTls,
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure,
        ) => Kind::TlsClientCertificate,
        _ => Kind::TlsFailed,
    }
}

/// The error of which Pingora shows only the text.
fn made_again(text: &str) -> Option<Error> {
    if let Some((_, alert)) = text.split_once("received fatal alert: ") {
        let is_named = |known: &AlertDescription| {
            let rest = alert.strip_prefix(&format!("{known:?}"));
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        };
        let known = ALERTS.into_iter().find(is_named);
        return Some(known.map_or_else(
            || {
                Error::General(format!(
                    "the server broke the handshake off ({})",
                    plain(word(alert))
                ))
            },
            Error::AlertReceived,
        ));
    }
    if text.contains("received corrupt message of type InvalidContentType") {
        return Some(InvalidMessage::InvalidContentType.into());
    }
    if text.contains("peer sent no certificates") {
        return Some(Error::NoCertificatesPresented);
    }
    let (_, certificate) = text.split_once("invalid peer certificate: ")?;
    Some(Error::InvalidCertificate(certificate_error(certificate)))
}

fn certificate_error(text: &str) -> CertificateError {
    if text.starts_with("certificate expired") {
        return match seconds_after(text, "is not valid after ") {
            Some(not_after) => CertificateError::ExpiredContext {
                time: not_after,
                not_after,
            },
            None => CertificateError::Expired,
        };
    }
    if text.starts_with("certificate not valid yet") {
        return match seconds_after(text, "is not valid before ") {
            Some(not_before) => CertificateError::NotValidYetContext {
                time: not_before,
                not_before,
            },
            None => CertificateError::NotValidYet,
        };
    }
    if let Some(name) = text.strip_prefix("certificate not valid for name ") {
        return wrong_name(name).unwrap_or(CertificateError::NotValidForName);
    }
    match word(text) {
        "UnknownIssuer" => CertificateError::UnknownIssuer,
        "BadSignature" => CertificateError::BadSignature,
        "Revoked" => CertificateError::Revoked,
        _ if text.contains("CaUsedAsEndEntity") => CertificateError::ApplicationVerificationFailure,
        _ if text.contains("extended key usage") => CertificateError::InvalidPurpose,
        _ => CertificateError::BadEncoding,
    }
}

/// `"asked.for"; certificate is only valid for DnsName("a.b") or IpAddress(10.0.0.1), SNI: asked.for`.
fn wrong_name(text: &str) -> Option<CertificateError> {
    let (expected, rest) = text.strip_prefix('"')?.split_once("\";")?;
    let expected = ServerName::try_from(expected.to_owned()).ok()?;
    let names = rest
        .split_once("only valid for ")
        .map_or("", |(_, names)| names);
    let names = names
        .rsplit_once(", SNI: ")
        .map_or(names, |(names, _)| names);
    let names = names.split(" or ").flat_map(|names| names.split(", "));
    Some(CertificateError::NotValidForNameContext {
        expected,
        presented: names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

fn seconds_after(text: &str, words: &str) -> Option<UnixTime> {
    let (_, rest) = text.split_once(words)?;
    let seconds = rest.split(' ').next()?.parse().ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// The first word.
fn word(text: &str) -> &str {
    let end = text.find(|end: char| !end.is_ascii_alphanumeric());
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
