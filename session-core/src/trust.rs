//! Whose certificates are believed, and which one is shown: TLS as a client, in one way for every server that the gateway
//! speaks to.
//!
//! - The system's authorities count, and those that the operator adds. Only a system without any gets the ones that are compiled
//!   in.
//! - Chain and name of a server are always verified. Nothing here switches that off.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

pub(crate) use self::watch::Refusal;
use self::watch::Watched;

mod watch;

/// Variables by which an operator names other authorities than the system's. The library reads them.
const NAMED: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Who is believed beside the system's authorities, and what we show of ourselves.
#[derive(Clone, Default)]
pub struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    shown: Option<Arc<Shown>>,
}

/// Our own certificate, with its key.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why certificates or a key cannot be used. Quotes nothing of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrustError {
    /// There is no certificate in PEM.
    #[error("holds no certificate in PEM")]
    NoCertificate,
    /// A certificate cannot be read, or is of a kind that cannot be used.
    #[error("holds a certificate that cannot be used")]
    Certificate,
    /// There is no private key in PEM.
    #[error("holds no private key in PEM")]
    NoKey,
    /// The private key is encrypted.
    #[error("holds a private key that is encrypted; decrypt it (openssl pkey -in FILE -out FILE)")]
    EncryptedKey,
    /// Certificate and key do not belong together, or are of a kind that cannot be used.
    #[error("certificate and key cannot be used together: {0}")]
    Pair(String),
    /// The environment names authorities that cannot be read.
    #[error("SSL_CERT_FILE or SSL_CERT_DIR: {0}")]
    Environment(String),
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up: {0}")]
    Library(String),
}

impl Trust {
    /// Also believes the authorities in `pem`.
    ///
    /// # Errors
    /// When there is none, or one that cannot be used.
    pub fn and_authorities(mut self, pem: &[u8]) -> Result<Self, TrustError> {
        let found = certificates(pem)?;
        let (_added, refused) = RootCertStore::empty().add_parsable_certificates(found.clone());
        if refused > 0 {
            return Err(TrustError::Certificate);
        }
        self.authorities.extend(found);
        Ok(self)
    }

    /// Shows the certificate in `chain`, whose key is in `key`, both PEM.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn and_shows(mut self, chain: &[u8], key: &[u8]) -> Result<Self, TrustError> {
        let chain = certificates(chain)?;
        let key = private_key(key)?;
        // The library compares them.
        builder()?
            .with_root_certificates(RootCertStore::empty())
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|error| TrustError::Pair(error.to_string()))?;
        self.shown = Some(Arc::new(Shown { chain, key }));
        Ok(self)
    }

    /// Who is believed beside the system's authorities.
    #[must_use]
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// The chain that is shown, and its key.
    #[must_use]
    pub fn shown(&self) -> Option<(&[CertificateDer<'static>], &PrivateKeyDer<'static>)> {
        let shown = self.shown.as_deref()?;
        Some((&shown.chain, &shown.key))
    }

    /// Whether nothing was added to what the system believes.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.authorities.is_empty() && self.shown.is_none()
    }

    /// The settings of a client.
    ///
    /// # Errors
    /// When the library refuses. The parts were checked, so this does not happen.
    pub fn client_config(&self) -> Result<ClientConfig, TrustError> {
        let roots = builder()?.with_root_certificates(self.roots());
        match &self.shown {
            Some(shown) => roots
                .with_client_auth_cert(shown.chain.clone(), shown.key.clone_key())
                .map_err(|error| TrustError::Pair(error.to_string())),
            None => Ok(roots.with_no_client_auth()),
        }
    }

    /// The same, for a driver that turns what a certificate is refused for into text: `refusal` keeps it.
    pub(crate) fn watched_client_config(
        &self,
        refusal: &Refusal,
    ) -> Result<ClientConfig, TrustError> {
        let mut config = self.client_config()?;
        if let Some(watched) = Watched::new(self.roots(), provider(), refusal.clone()) {
            config
                .dangerous()
                .set_certificate_verifier(Arc::new(watched));
        }
        Ok(config)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() && !are_named() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots.add_parsable_certificates(self.authorities.clone());
        roots
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust(..)")
    }
}

/// Whether the authorities that the environment names can be read, if it names any. A client without them would refuse everybody.
///
/// # Errors
/// What is wrong with the first one that cannot.
pub fn check_environment() -> Result<(), TrustError> {
    if !are_named() {
        return Ok(());
    }
    match rustls_native_certs::load_native_certs().errors.first() {
        Some(error) => Err(TrustError::Environment(error.to_string())),
        None => Ok(()),
    }
}

fn are_named() -> bool {
    NAMED.iter().any(|name| std::env::var_os(name).is_some())
}

/// Settings of a client that never speaks TLS but has to have some. Building them reads no files.
pub(crate) fn nobody() -> Result<ClientConfig, TrustError> {
    Ok(builder()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TrustError> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Library(error.to_string()))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_error| TrustError::Certificate)?;
    if found.is_empty() {
        return Err(TrustError::NoCertificate);
    }
    Ok(found)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TrustError> {
    /// How the two forms of an encrypted key are marked.
    const ENCRYPTED: [&str; 2] = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];
    let text = String::from_utf8_lossy(pem);
    if ENCRYPTED.iter().any(|mark| text.contains(mark)) {
        return Err(TrustError::EncryptedKey);
    }
    // What the parser says may quote the file.
    PrivateKeyDer::from_pem_slice(pem).map_err(|_error| TrustError::NoKey)
}

#[cfg(test)]
mod tests;
