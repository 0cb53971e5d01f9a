//! A client that speaks TLS with a gateway that has the certificate of these tests.
//!
//! `tls/localhost.pem` and its key are for tests alone: nobody else trusts them.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use super::builder::write_secret;
use super::http::{Response, parse_head};
use super::places;

/// Certificate and key of the listener.
pub fn files() -> (PathBuf, PathBuf) {
    (folder().join("localhost.pem"), private_key("localhost.key"))
}

/// Another certificate for the same name, and its key: what the listener gets when it is renewed.
pub fn renewed() -> (PathBuf, PathBuf) {
    (folder().join("renewed.pem"), folder().join("renewed.key"))
}

/// A key in a file that nobody else can read, which is more than a checkout gives.
pub fn private_key(name: &str) -> PathBuf {
    let place = places::left_behind();
    let flat = name.replace('/', "-");
    let (new, copy) = (
        place.join(format!("{flat}.{}", process::id())),
        place.join(&flat),
    );
    write_secret(&new, &fs::read_to_string(folder().join(name)).unwrap());
    // Another test may be doing the same.
    fs::rename(&new, &copy).unwrap();
    copy
}

pub(crate) fn folder() -> PathBuf {
    places::gateway().join("testkit/tls")
}

/// Sends a request that must say `Connection: close`, and returns the response.
pub fn send(port: u16, request: &[u8]) -> Response {
    send_over(
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap(),
        request,
    )
}

/// The same on a connection that is open already.
pub fn send_over(socket: TcpStream, request: &[u8]) -> Response {
    socket
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let ours = CertificateDer::from_pem_file(files().0).unwrap();
    let connection = ClientConnection::new(Arc::new(client_config(Some(ours))), name).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(request).unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}"),
    }
    let end = super::client::find(&bytes, b"\r\n\r\n").expect("a response") + 4;
    let (status_line, headers) = parse_head(&bytes[..end]);
    Response {
        status: status_line[9..12].parse().unwrap(),
        headers,
        body: bytes.split_off(end),
    }
}

/// A client that takes whatever certificate it is shown, speaks these versions, and shows `own` where it is asked for one.
pub fn client(
    own: Option<(&Path, &Path)>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        provider: Arc::clone(&provider),
        only: None,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match own {
        Some((cert, key)) => {
            let chain = CertificateDer::pem_file_iter(cert).unwrap();
            let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    }
}

/// A client that takes the certificate `only`, or without one whatever it is shown, if the server has its key.
pub(crate) fn client_config(only: Option<CertificateDer<'static>>) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        provider: Arc::clone(&provider),
        only,
    };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    only: Option<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(only) = &self.only {
            assert_eq!(end_entity, only, "the configured certificate");
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
