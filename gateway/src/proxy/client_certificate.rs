//! Who a client's certificate says that it is, from the handshake to the app.

use http::header::HeaderValue;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use rustls::pki_types::CertificateDer;
use sidgate_policy::edge::distinguished_name::{Attribute, Value, text};
use sidgate_policy::edge::identity_headers::CLIENT_SUBJECT;
use x509_parser::der_parser::asn1_rs::ToDer as _;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The subject of the certificate that a client has shown, as apps are told.
struct Subject(HeaderValue);

/// A certificate whose subject cannot be told.
#[derive(Debug)]
pub(super) struct Unreadable;

/// What a connection carries of the certificate that was shown on it, and verified. `None`: none was asked for, or it has no
/// subject.
///
/// # Errors
/// When its subject cannot be read, or is too long.
pub(super) fn of(shown: Option<&[CertificateDer<'_>]>) -> Result<Option<ProxyDigest>, Unreadable> {
    let Some(der) = shown.and_then(<[_]>::first) else {
        return Ok(None);
    };
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der).map_err(|_malformed| Unreadable)?;
    let subject = subject(certificate.subject()).ok_or(Unreadable)?;
    if subject.is_empty() {
        return Ok(None);
    }
    let subject = HeaderValue::try_from(subject).map_err(|_odd| Unreadable)?;
    // The way by which Pingora hands anything on from a connection to its requests.
    let unused = ResponseHeader::build(200, None).map_err(|_never| Unreadable)?;
    let data = Box::new(Subject(subject));
    Ok(Some(ProxyDigest::new(Box::new(unused), Some(data))))
}

/// Tells the app whose certificate the client has shown.
pub(super) fn tell(session: &Session, request: &mut RequestHeader) -> Result<()> {
    let digest = session.digest();
    let digest = digest.and_then(|digest| digest.proxy_digest.as_ref());
    let data = digest.and_then(|digest| digest.user_data.as_ref());
    let Some(Subject(subject)) = data.and_then(|data| data.downcast_ref()) else {
        return Ok(());
    };
    request
        .insert_header(CLIENT_SUBJECT, subject.clone())
        .map_err(|error| Error::because(ErrorType::InternalError, "subject not told", error))
}

/// The subject as text; `None` when it cannot be told.
fn subject(name: &X509Name<'_>) -> Option<String> {
    let parts = name
        .iter()
        .map(|part| part.iter().map(Read::of).collect::<Option<Vec<_>>>())
        .collect::<Option<Vec<_>>>()?;
    let parts: Vec<Vec<Attribute<'_>>> = parts
        .iter()
        .map(|part| part.iter().map(Read::attribute).collect())
        .collect();
    text(&parts)
}

/// One attribute, read.
struct Read<'a> {
    kind: String,
    /// Its text, or else how it is encoded.
    value: Result<&'a str, Vec<u8>>,
}

impl<'a> Read<'a> {
    fn of(attribute: &'a AttributeTypeAndValue<'_>) -> Option<Self> {
        let value = match attribute.as_str() {
            Ok(text) => Ok(text),
            Err(_no_text) => Err(attribute.attr_value().to_der_vec().ok()?),
        };
        let kind = attribute_kind(attribute);
        Some(Self { kind, value })
    }

    fn attribute(&self) -> Attribute<'_> {
        let value = match &self.value {
            Ok(text) => Value::Text(text),
            Err(bytes) => Value::Encoded(bytes),
        };
        Attribute {
            kind: &self.kind,
            value,
        }
    }
}

/// The short name of an attribute's type, or its number.
fn attribute_kind(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    oid2abbrev(kind, oid_registry()).map_or_else(|_unknown| kind.to_id_string(), str::to_owned)
}
