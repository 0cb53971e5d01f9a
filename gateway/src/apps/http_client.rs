//! What every HTTP client of the gateway has in common: it goes where the configuration says and nowhere else.

use std::path::Path;
use std::sync::Arc;

use reqwest::{ClientBuilder, redirect};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A client without proxies and redirects, which verifies certificates against the public authorities and those of `also`.
pub(crate) fn builder(also: RootCertStore) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none());
    match tls(also) {
        Ok(tls) => builder.tls_backend_preconfigured(tls),
        // The provider supports no version of TLS. That is a mistake of the build, and the client's own error reports it.
        Err(_) => builder,
    }
}

/// TLS as these clients speak it.
///
/// # Errors
/// When the library supports no version of TLS.
pub(crate) fn tls(also: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let mut roots = also;
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The authorities in a PEM file.
///
/// # Errors
/// When the file cannot be read, holds no certificate, or holds one that cannot be used.
pub(crate) fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    for certificate in found {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("no certificate is in it".to_owned());
    }
    Ok(roots)
}
