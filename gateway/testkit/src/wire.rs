//! What connections of tests run over: TCP, a Unix socket, or TLS.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Longest silence of the gateway before a test gives up.
const SILENCE: Duration = Duration::from_secs(15);

/// Bytes in both directions.
pub trait Wire: Read + Write + Send {
    /// The socket below.
    fn tcp(&self) -> Option<&TcpStream>;
}

impl Wire for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Wire for UnixStream {
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

impl Wire for StreamOwned<ClientConnection, TcpStream> {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(&self.sock)
    }
}

/// A way to a listener.
#[derive(Clone, Debug)]
pub enum Way {
    /// By TCP.
    Tcp(SocketAddr),
    /// By TCP from another address of this machine, which says these bytes first.
    From(Ipv4Addr, SocketAddr, Vec<u8>),
    /// By a Unix socket.
    Unix(PathBuf),
    /// Under TLS, to a listener on this machine, with this name for the site.
    Tls(Arc<ClientConfig>, u16, &'static str),
}

impl Way {
    /// Opens a connection.
    ///
    /// # Errors
    /// When nobody listens, or a handshake fails.
    pub fn open(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(tcp(TcpStream::connect(address)?)),
            Self::From(source, to, first) => {
                let mut stream = tcp(connect_from(*source, *to)?);
                stream.write_all(first)?;
                Box::new(stream)
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(SILENCE))?;
                Box::new(stream)
            }
            Self::Tls(config, port, name) => {
                let stream = tcp(TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?);
                let name = (*name).try_into().map_err(io::Error::other)?;
                let connection =
                    ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                Box::new(StreamOwned::new(connection, stream))
            }
        })
    }
}

/// Sends bytes over a new connection, and reads what comes until the other side closes.
pub fn exchange(way: &Way, bytes: &[u8]) -> Vec<u8> {
    let mut wire = way.open().unwrap();
    wire.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset ends it too.
    drop(wire.read_to_end(&mut answer));
    answer
}

fn tcp(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection that comes from `source`, which is an address of this machine.
pub fn connect_from(source: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    connect(&socket, &to)?;
    Ok(socket.into())
}
