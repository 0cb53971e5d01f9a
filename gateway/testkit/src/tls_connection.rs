//! A TLS connection that stays open, to whatever certificate it is shown.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::client::find;
use super::tls::client_config;

/// A connection to the TLS listener of a gateway.
pub struct TlsConnection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// The certificate that the gateway has shown.
    pub shown: Vec<u8>,
}

impl TlsConnection {
    /// Connects. The gateway has to prove that it has the key of what it shows.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn open(port: u16) -> io::Result<Self> {
        Self::open_for(port, "localhost", client_config(None))
    }

    /// The same as a client of this kind that asks for the site `name`.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn open_for(port: u16, name: &'static str, config: ClientConfig) -> io::Result<Self> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(Duration::from_secs(15)))?;
        let name = ServerName::try_from(name).unwrap();
        let mut connection =
            ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        let chain = connection.peer_certificates().unwrap_or_default();
        let shown = chain.first().expect("a certificate").to_vec();
        let stream = StreamOwned::new(connection, socket);
        Ok(Self { stream, shown })
    }

    /// Sends a request whose answer has a length, and returns the status.
    ///
    /// # Errors
    /// When the gateway has closed the connection.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request)?;
        let (mut bytes, mut block) = (Vec::new(), [0; 4096]);
        loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                if bytes.len() >= end + 4 + length {
                    return Ok(head[9..12].parse().unwrap());
                }
            }
            match self.stream.read(&mut block)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => bytes.extend_from_slice(&block[..read]),
            }
        }
    }
}

/// The first certificate in a PEM file.
pub fn certificate_in(file: &Path) -> Vec<u8> {
    let pem = fs::read(file).unwrap();
    CertificateDer::from_pem_slice(&pem).unwrap().to_vec()
}
