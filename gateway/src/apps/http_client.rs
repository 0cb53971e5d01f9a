//! What every HTTP client of the gateway has in common: it goes where the configuration says and nowhere else.

use std::path::Path;

use reqwest::{ClientBuilder, redirect};
use rustls::ClientConfig;
use session_core::trust::{Trust, TrustError};

/// A client without proxies and redirects, which verifies certificates by `trust`.
pub(crate) fn builder(trust: &Trust) -> ClientBuilder {
    speaking(trust, &[]).http1_only()
}

/// The same for a server that speaks HTTP/2 alone.
pub(crate) fn http2_builder(trust: &Trust) -> ClientBuilder {
    speaking(trust, &[b"h2"]).http2_prior_knowledge()
}

/// `protocols`: what is offered where TLS is spoken.
fn speaking(trust: &Trust, protocols: &[&[u8]]) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none());
    match tls(trust) {
        Ok(mut tls) => {
            tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            builder.tls_backend_preconfigured(tls)
        }
        // The library speaks no version of TLS. That is a mistake of the build, and the client's own error reports it.
        Err(_) => builder,
    }
}

/// TLS as these clients speak it.
///
/// # Errors
/// When the library supports no version of TLS.
pub(crate) fn tls(trust: &Trust) -> Result<ClientConfig, TrustError> {
    trust.client_config()
}

/// The system's authorities and those in a PEM file.
///
/// # Errors
/// When the file cannot be read, holds no certificate, or holds one that cannot be used.
pub(crate) fn authorities(file: &Path) -> Result<Trust, String> {
    let pem = std::fs::read(file).map_err(|error| error.to_string())?;
    let trust = Trust::default().and_authorities(&pem);
    trust.map_err(|error: TrustError| error.to_string())
}
