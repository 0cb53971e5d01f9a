//! A certificate and its key: two files that mean something only together.
//!
//! They are read whole, by the library that will use them, and count only as a pair. Whoever renews a certificate writes two
//! files, and between the first and the second they do not belong together.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use super::pem;
use super::permissions::{self, OwnGroups};

/// Far above any chain; a wrong path must not be read into memory whole.
const FILE_MAX: u64 = 1024 * 1024;
/// Names of a certificate that are told.
const NAMES_MAX: usize = 8;

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Certificate chain, PEM; the certificate of the server first.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Whether others may be able to write to the folders on the way to the key.
    pub(super) in_shared_folder: bool,
    /// The table of the configuration that names them.
    pub(super) table: String,
}

/// A certificate with its key, ready for use.
pub struct Certificate {
    /// What TLS uses.
    pub certified: Arc<CertifiedKey>,
    /// What can be told about it.
    pub facts: CertificateFacts,
    /// The names of sites that it is for, in lower case.
    sites: Vec<String>,
    digest: [u8; 32],
}

/// What a certificate says of itself. Public: everybody who connects can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The names that it is for; the first of them, and how many there are beside.
    pub names: String,
    /// Its number at whoever has issued it, in hexadecimal.
    pub serial: String,
    /// The first half of its SHA-256, in hexadecimal.
    pub fingerprint: String,
    /// When the chain begins to be valid: the last beginning of its certificates, in unix seconds.
    pub not_before: i64,
    /// When the chain ends: the first end of its certificates, in unix seconds.
    pub not_after: i64,
}

/// Why files are no certificate with its key. Never says what is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadCertificate {
    /// The file of the certificate.
    #[error("{0}")]
    Cert(String),
    /// The file of the key.
    #[error("{0}")]
    Key(String),
    /// Both are good, but not together.
    #[error("cannot be used with the certificate beside it: {0}")]
    Pair(String),
}

impl CertificateFiles {
    /// Where they are named: `server.tls`, or `server.tls.certificates[1]`.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Reads both files.
    ///
    /// # Errors
    /// Why they are no certificate with its key.
    pub fn read(&self) -> Result<Certificate, BadCertificate> {
        let (cert, chain) = chain_in(&self.cert).map_err(BadCertificate::Cert)?;
        let facts = CertificateFacts::of(&chain, &self.cert).map_err(BadCertificate::Cert)?;
        let sites = sites_of(&chain);
        if !self.in_shared_folder {
            permissions::check_way(&self.key)
                .map_err(|exposed| BadCertificate::Key(exposed.to_string()))?;
        }
        let (key, private) = key_in(&self.key).map_err(BadCertificate::Key)?;
        let digest = Sha256::new()
            .chain_update(Sha256::digest(&cert))
            .chain_update(Sha256::digest(&*key))
            .finalize();
        let certified = CertifiedKey::from_der(chain, private, &ring::default_provider())
            .map_err(|error| BadCertificate::Pair(error.to_string()))?;
        Ok(Certificate {
            certified: Arc::new(certified),
            facts,
            sites,
            digest: digest.into(),
        })
    }
}

impl Certificate {
    /// Whether it is for the site of this name. `*` stands for one label (RFC 6125, 6.4.3).
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        self.sites.iter().any(|site| is_covered(name, site))
    }

    /// Whether both come from the same bytes.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// The key is a secret.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl CertificateFacts {
    fn of(chain: &[CertificateDer<'_>], path: &Path) -> Result<Self, String> {
        let unreadable = |error: &dyn fmt::Display| format!("file {}: {error}", path.display());
        let mut parsed = Vec::with_capacity(chain.len());
        for der in chain {
            let (_, certificate) =
                x509_parser::parse_x509_certificate(der).map_err(|error| unreadable(&error))?;
            parsed.push((der, certificate));
        }
        let valid = || parsed.iter().map(|(_, certificate)| certificate.validity());
        let bounds = (
            valid().map(|it| it.not_before.timestamp()).max(),
            valid().map(|it| it.not_after.timestamp()).min(),
        );
        let (Some((der, first)), (Some(not_before), Some(not_after))) = (parsed.first(), bounds)
        else {
            return Err(unreadable(&"holds no certificate"));
        };
        let digest = Sha256::digest(der);
        let (half, _) = digest.split_at(digest.len() / 2);
        Ok(Self {
            names: names_of(first),
            serial: hex(&first.serial.to_bytes_be()),
            fingerprint: hex(half),
            not_before,
            not_after,
        })
    }
}

/// The names of sites of the first certificate of a chain.
fn sites_of(chain: &[CertificateDer<'_>]) -> Vec<String> {
    let first = chain
        .first()
        .and_then(|der| x509_parser::parse_x509_certificate(der).ok());
    let alternative = first
        .as_ref()
        .and_then(|(_, first)| first.subject_alternative_name().ok().flatten());
    let names = alternative.map(|names| &names.value.general_names);
    names
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn is_covered(name: &str, site: &str) -> bool {
    match site.strip_prefix("*.") {
        Some(parent) => name
            .split_once('.')
            .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => name.eq_ignore_ascii_case(site),
    }
}

/// The names of the alternative name, or else the subject.
fn names_of(certificate: &X509Certificate<'_>) -> String {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<String> = alternative
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(printable(name)),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return printable(&certificate.subject().to_string());
    }
    let told: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    match names.len() - told.len() {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or_else(|_| v6()).ok().map(|ip| ip.to_string())
}

/// A name as a log line may carry it.
fn printable(text: &str) -> String {
    let told = text.chars().take(253);
    told.map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn chain_in(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Vec<CertificateDer<'static>>), String> {
    let bytes = bytes_of(path, |_| Ok(()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok((bytes, chain)),
        _ => Err(format!(
            "file {} holds no certificate in PEM",
            path.display()
        )),
    }
}

/// Whether the file holds a chain.
///
/// # Errors
/// Why not.
pub(super) fn check_cert(path: &Path) -> Result<(), String> {
    let (_, chain) = chain_in(path)?;
    CertificateFacts::of(&chain, path).map(drop)
}

/// Whether the file holds a key, and nobody else can read it.
///
/// # Errors
/// Why not.
pub(super) fn check_key(path: &Path) -> Result<(), String> {
    key_in(path).map(drop)
}

fn key_in(path: &Path) -> Result<(Zeroizing<Vec<u8>>, PrivateKeyDer<'static>), String> {
    let bytes = bytes_of(path, |file| {
        permissions::check_private(file, path, OwnGroups::Read)
            .map_err(|exposed| exposed.to_string())
    })?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Ok((bytes, key)),
        // What the parser says may quote the file.
        Err(_error) => Err(pem::no_private_key(path)),
    }
}

/// The content of a file that `check` accepts once it is open, so that the file that is checked is the file that is read.
fn bytes_of(
    path: &Path,
    check: impl FnOnce(&File) -> Result<(), String>,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let shown = path.display();
    let unopened = |error: io::Error| format!("file {shown} cannot be opened: {error}");
    // A pipe would keep whoever opens it waiting.
    let metadata = std::fs::metadata(path).map_err(unopened)?;
    if !metadata.is_file() {
        return Err(format!("file {shown} is not a plain file"));
    }
    let file = File::open(path).map_err(unopened)?;
    check(&file)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("file {shown} cannot be read: {error}"))?;
    match bytes.len() as u64 {
        0 => Err(format!("file {shown} is empty")),
        length if length > FILE_MAX => Err(format!("file {shown} is too large")),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;
