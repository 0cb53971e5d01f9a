//! `[server.tls]`: certificate and key of the TLS listeners.
//!
//! Both are read here, by the library that will use them. Otherwise a fault would show only when the listener is opened.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::host::socket_addr;
use super::reader::Reader;
use super::secret::Sources;
use crate::config::permissions::OwnGroups;

/// `[server.tls]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// TLS listeners, HTTP/1.1 and h2. Never empty.
    pub listen: Vec<SocketAddr>,
    /// Certificate chain, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

impl TlsConfig {
    pub(super) fn read(server: &mut Reader<'_>, sources: &Sources<'_>) -> Option<Self> {
        server.section("tls", |tls| {
            let listen = tls.texts("listen", socket_addr);
            let cert = tls.text("cert", |path| certificates(sources.path(path)?));
            let key = tls.text("key", |path| {
                private_key(sources.private_path(path, OwnGroups::Read)?)
            });
            if !tls.is_present() {
                return None;
            }
            tls.require("cert");
            tls.require("key");
            let listen = listen.unwrap_or_else(|| vec![(Ipv4Addr::UNSPECIFIED, 8443).into()]);
            if listen.is_empty() {
                let message = "is empty; leave [server.tls] out for no TLS";
                tls.document()
                    .contradiction(&["server.tls.listen"], message);
            }
            let ((cert, chain), (key, secret)) = (cert?, key?);
            if let Err(message) = match_up(chain, secret) {
                tls.document()
                    .contradiction(&["server.tls.key", "server.tls.cert"], message);
            }
            Some(Self { listen, cert, key })
        })
    }
}

impl TlsConfig {
    /// When the chain in the file ends: the first end of its certificates, in unix seconds.
    ///
    /// # Errors
    /// When the file cannot be read any more, or holds something that is not a certificate.
    pub fn not_after(&self) -> Result<i64, String> {
        let (_, chain) = certificates(self.cert.clone())?;
        let mut ends = Vec::with_capacity(chain.len());
        for certificate in &chain {
            let (_, certificate) = x509_parser::parse_x509_certificate(certificate)
                .map_err(|error| format!("file {}: {error}", self.cert.display()))?;
            ends.push(certificate.validity().not_after.timestamp());
        }
        let first = ends.into_iter().min();
        first.ok_or_else(|| format!("file {} holds no certificate", self.cert.display()))
    }
}

type Chain = Vec<CertificateDer<'static>>;

fn certificates(path: PathBuf) -> Result<(PathBuf, Chain), String> {
    readable(&path)?;
    let chain =
        CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Chain, _>>);
    match chain {
        Ok(chain) if !chain.is_empty() => Ok((path, chain)),
        _ => Err(format!(
            "file {} holds no certificate in PEM",
            path.display()
        )),
    }
}

fn private_key(path: PathBuf) -> Result<(PathBuf, PrivateKeyDer<'static>), String> {
    readable(&path)?;
    match PrivateKeyDer::from_pem_file(&path) {
        Ok(key) => Ok((path, key)),
        // What the parser says may quote the file.
        Err(_error) => Err(format!(
            "file {} holds no private key in PEM",
            path.display()
        )),
    }
}

/// Whether they are of a kind that TLS can use, and belong together.
fn match_up(chain: Chain, key: PrivateKeyDer<'static>) -> Result<(), String> {
    rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map(drop)
        .map_err(|error| format!("cannot be used with server.tls.cert: {error}"))
}

fn readable(path: &Path) -> Result<(), String> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("file {} cannot be opened: {error}", path.display())),
    }
}
