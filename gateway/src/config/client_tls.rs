//! Certificates for servers of the house: whom to believe there, and what to show of ourselves.

use std::fmt;
use std::path::PathBuf;

use session_core::trust::{Trust, TrustError};
use zeroize::Zeroizing;

use super::reader::Reader;
use super::secret::Sources;
use crate::config::permissions::OwnGroups;

/// A PEM file and what it held when the configuration was read.
#[derive(Clone, PartialEq, Eq)]
pub struct PemFile {
    path: PathBuf,
    pem: Zeroizing<Vec<u8>>,
}

/// The keys `ca`, `client_cert` and `client_key` of a section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Authorities to believe beside the system's.
    pub ca: Option<PemFile>,
    /// The certificate that is shown, with its chain.
    pub client_cert: Option<PemFile>,
    /// Its private key.
    pub client_key: Option<PemFile>,
}

impl PemFile {
    /// What it held.
    #[must_use]
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// A file that anybody may read and nobody else may exchange.
    pub(super) fn open(path: &str, sources: &Sources<'_>) -> Result<Self, String> {
        let path = sources.path(path)?;
        sources.check_way(&path)?;
        Self::read(path)
    }

    /// A file that nobody else may read, with or without the `file:` of secrets before it.
    pub(super) fn open_private(path: &str, sources: &Sources<'_>) -> Result<Self, String> {
        let path = path.strip_prefix("file:").unwrap_or(path);
        Self::read(sources.private_path(path, OwnGroups::Read)?)
    }

    /// Authorities.
    pub(super) fn open_authorities(path: &str, sources: &Sources<'_>) -> Result<Self, String> {
        let file = Self::open(path, sources)?;
        Trust::default()
            .and_authorities(&file.pem)
            .map_err(|error| file.fault(&error))?;
        Ok(file)
    }

    fn read(path: PathBuf) -> Result<Self, String> {
        match std::fs::read(&path) {
            Ok(pem) => Ok(Self {
                path,
                pem: Zeroizing::new(pem),
            }),
            Err(error) => Err(format!("file {} cannot be read: {error}", path.display())),
        }
    }

    fn fault(&self, error: &TrustError) -> String {
        format!("file {} {error}", self.path.display())
    }
}

impl fmt::Debug for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PemFile({})", self.path.display())
    }
}

impl ClientTls {
    pub(super) fn read(section: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        Self {
            ca: section.text("ca", |path| PemFile::open_authorities(path, sources)),
            client_cert: section.text("client_cert", |path| PemFile::open(path, sources)),
            client_key: section.text("client_key", |path| PemFile::open_private(path, sources)),
        }
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The name of a key that is set.
    pub(super) fn some_key(&self) -> Option<&'static str> {
        let keys = [
            ("ca", &self.ca),
            ("client_cert", &self.client_cert),
            ("client_key", &self.client_key),
        ];
        let set = keys.into_iter().find(|(_, file)| file.is_some());
        set.map(|(key, _)| key)
    }

    /// What is wrong with the files together: the key to change first, and why.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let fault = self.trust().err()?;
        Some(match (&self.client_cert, &self.client_key, &fault) {
            (Some(_), None, _) => ("client_cert", "needs client_key".to_owned()),
            (None, Some(_), _) => ("client_key", "needs client_cert".to_owned()),
            (Some(cert), _, TrustError::NoCertificate | TrustError::Certificate) => {
                ("client_cert", cert.fault(&fault))
            }
            (_, Some(key), TrustError::NoKey | TrustError::EncryptedKey) => {
                ("client_key", key.fault(&fault))
            }
            _ => ("client_key", fault.to_string()),
        })
    }

    /// Whom to believe, and what to show.
    ///
    /// # Errors
    /// When the files cannot be used. A configuration with such files does not load.
    pub fn trust(&self) -> Result<Trust, TrustError> {
        let mut trust = Trust::default();
        if let Some(ca) = &self.ca {
            trust = trust.and_authorities(&ca.pem)?;
        }
        match (&self.client_cert, &self.client_key) {
            (None, None) => Ok(trust),
            (Some(cert), Some(key)) => trust.and_shows(&cert.pem, &key.pem),
            (None, Some(_)) => Err(TrustError::NoCertificate),
            (Some(_), None) => Err(TrustError::NoKey),
        }
    }
}
