//! What every HTTP client of the gateway has in common: it goes where the configuration says and nowhere else.

use std::sync::Arc;

use reqwest::{ClientBuilder, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// A client without proxies and redirects, which verifies certificates against the public authorities.
pub(crate) fn builder() -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none());
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    match ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(tls) => builder
            .tls_backend_preconfigured(tls.with_root_certificates(roots).with_no_client_auth()),
        // The provider knows no version of TLS: a mistake of the build, and the client will say so.
        Err(_) => builder,
    }
}
