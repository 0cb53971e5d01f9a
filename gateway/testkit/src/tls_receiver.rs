//! A server that speaks TLS, with a certificate of an authority that nobody knows but these tests.
//!
//! `tls/authority.pem` has signed `tls/receiver.pem`; its own key is gone.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::client::find;
use super::wait::LONG;

/// Takes requests and answers each with `204`.
pub struct TlsReceiver {
    port: u16,
    received: Arc<Mutex<Vec<String>>>,
}

impl TlsReceiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::<Mutex<Vec<String>>>::default();
        let (config, heads) = (config(), Arc::clone(&received));
        // Ends with the process of the test, which is the test's own.
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                // A handshake that the client breaks off is what one of the tests is about.
                if let Some(head) = serve(socket, Arc::clone(&config)) {
                    heads.lock().unwrap().push(head);
                }
            }
        });
        Self { port, received }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Heads of the requests so far.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

/// The authority's certificate.
pub fn authority() -> PathBuf {
    file("authority.pem")
}

fn file(name: &str) -> PathBuf {
    super::tls::folder().join(name)
}

fn config() -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(file("receiver.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("receiver.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// One request of this connection; `None` when there is none.
fn serve(socket: TcpStream, config: Arc<ServerConfig>) -> Option<String> {
    socket.set_read_timeout(Some(LONG)).unwrap();
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let head = loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
    };
    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    stream.write_all(answer).ok()?;
    Some(head)
}
