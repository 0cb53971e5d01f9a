//! A verifier that does what the library's own does, and remembers what it refused.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What the last server certificate was refused for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<Error>>>);

impl Refusal {
    /// The refusal since the last call.
    pub(crate) fn take(&self) -> Option<Error> {
        self.0.lock().take()
    }

    /// Whether there is one that nobody has taken.
    pub(crate) fn is_there(&self) -> bool {
        self.0.lock().is_some()
    }

    pub(crate) fn keep(&self, error: &Error) {
        *self.0.lock() = Some(error.clone());
    }
}

/// The library's verifier, watched.
#[derive(Debug)]
pub(super) struct Watched {
    verifier: Arc<WebPkiServerVerifier>,
    refusal: Refusal,
}

impl Watched {
    /// `None` without any authority: then the library refuses every certificate by itself.
    pub(super) fn new(
        roots: RootCertStore,
        provider: Arc<CryptoProvider>,
        refusal: Refusal,
    ) -> Option<Self> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = builder.build().ok()?;
        Some(Self { verifier, refusal })
    }
}

impl ServerCertVerifier for Watched {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        verdict.inspect_err(|error| self.refusal.keep(error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
