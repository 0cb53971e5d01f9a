//! Other ways to an app: over a unix socket, under TLS, by HTTP/2. The app behind it is the same, and records the same bytes.
//!
//! `tls/app/` holds the certificates, all for tests alone: `authority.pem` has issued `server.pem` (`localhost`, `app.internal`,
//! `127.0.0.1`), `other-name.pem`, `expired.pem`, `future.pem` and `client.pem`; `stranger.pem` is an authority that issued
//! nothing but `stranger-client.pem`. Servers share `server.key`, clients `client.key`; the keys of the authorities are gone.

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Handle;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::app::NAME;
use super::client::find;
use super::http::{all, parse_head};
use super::tls;

/// A server that speaks in another way, and has an app say what.
pub struct Front {
    address: String,
    is_http2: bool,
    connections: Arc<AtomicUsize>,
    // Ends with the test.
    _runtime: Runtime,
}

/// How a server under TLS behaves.
#[derive(Clone, Copy)]
pub struct Tls {
    /// The certificate that it shows.
    pub certificate: &'static str,
    /// Whose certificates it demands of clients.
    pub clients_of: Option<&'static str>,
    /// What it agrees to speak.
    pub protocols: &'static [&'static str],
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: "server.pem",
            clients_of: None,
            protocols: &["http/1.1"],
        }
    }
}

/// A file of `tls/app/`.
pub fn file(name: &str) -> PathBuf {
    tls::folder().join("app").join(name)
}

/// The key of `client.pem`, in a file that nobody else may read.
pub fn client_key() -> PathBuf {
    tls::private_key("app/client.key")
}

impl Front {
    /// At a unix socket.
    pub fn unix(path: &Path, app: SocketAddr) -> Self {
        Self::new(format!("unix:{}", path.display()), |runtime, count| {
            let _inside = runtime.enter();
            let listener = UnixListener::bind(path).unwrap();
            runtime.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    count.fetch_add(1, Ordering::Relaxed);
                    Handle::current().spawn(pipe(stream, app));
                }
            });
        })
    }

    /// Under TLS.
    pub fn tls(how: Tls, app: SocketAddr) -> Self {
        Self::tcp("https://", Some(how), move |stream| pipe(stream, app))
    }

    /// By HTTP/2, in clear text or under TLS.
    pub fn http2(how: Option<Tls>, app: SocketAddr) -> Self {
        let scheme = if how.is_some() { "https://" } else { "" };
        let front = Self::tcp(scheme, how, move |stream| serve_http2(stream, app));
        Self {
            is_http2: true,
            ..front
        }
    }

    fn tcp<F>(
        scheme: &str,
        how: Option<Tls>,
        serve: impl Fn(Box<dyn Both>) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("{scheme}{}", listener.local_addr().unwrap());
        Self::new(address, |runtime, count| {
            let _inside = runtime.enter();
            let listener = TcpListener::from_std(listener).unwrap();
            let acceptor = how.map(|how| TlsAcceptor::from(config(how)));
            runtime.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    count.fetch_add(1, Ordering::Relaxed);
                    let (acceptor, serve) = (acceptor.clone(), serve.clone());
                    Handle::current().spawn(async move {
                        match acceptor {
                            None => serve(Box::new(stream)).await,
                            // A handshake that fails is what some tests are about.
                            Some(acceptor) => {
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    serve(Box::new(stream)).await;
                                }
                            }
                        }
                    });
                }
            });
        })
    }

    fn new(address: String, start: impl FnOnce(&Runtime, Arc<AtomicUsize>)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connections = Arc::<AtomicUsize>::default();
        start(&runtime, Arc::clone(&connections));
        Self {
            address,
            is_http2: false,
            connections,
            _runtime: runtime,
        }
    }

    /// As `servers` names it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The configuration of the app's upstream by which it is reached, under TLS with its authority.
    pub fn config(&self) -> String {
        let protocol = if self.is_http2 { "h2" } else { "http1" };
        let ca = file("authority.pem");
        let tls = format!("tls = {{ ca = {ca:?} }}\n");
        let tls = if self.address.starts_with("https:") {
            &tls
        } else {
            ""
        };
        format!(
            "\n[upstreams.{NAME}]\nservers = [{:?}]\nprotocol = {protocol:?}\n{tls}",
            self.address
        )
    }

    /// The same by another name of this machine.
    pub fn at(&self, host: &str) -> String {
        self.address.replace("127.0.0.1", host)
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// A stream in both directions.
trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

async fn pipe(mut stream: impl Both, app: SocketAddr) {
    if let Ok(mut app) = TcpStream::connect(app).await {
        let _over = copy_bidirectional(&mut stream, &mut app).await;
    }
}

fn config(how: Tls) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match how.clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(authority)).unwrap();
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let mut config = builder
        .with_single_cert(vec![certificate(how.certificate)], key)
        .unwrap();
    config.alpn_protocols = how
        .protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).unwrap()
}

/// Each request becomes one of HTTP/1.1 to the app, with the fields as they came.
async fn serve_http2(stream: impl Both, app: SocketAddr) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        Handle::current().spawn(async move {
            let _gone = exchange(request, respond, app).await;
        });
    }
}

async fn exchange(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<bytes::Bytes>,
    app: SocketAddr,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let authority = head
        .uri
        .authority()
        .map_or("", |authority| authority.as_str());
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut text =
        format!("{} {target} HTTP/1.1\r\nhost: {authority}\r\n", head.method).into_bytes();
    for (name, value) in &head.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    let mut content = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        let _window = body.flow_control().release_capacity(chunk.len());
        content.extend_from_slice(&chunk);
    }
    if !head.headers.contains_key("content-length") && !content.is_empty() {
        text.extend_from_slice(format!("content-length: {}\r\n", content.len()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&content);
    let Some((status, fields, body)) = ask(&text, app).await else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(());
    };
    let mut response = http::Response::builder().status(status);
    for (name, value) in fields {
        let of_the_connection = ["connection", "keep-alive", "transfer-encoding"];
        if !of_the_connection.contains(&name.to_lowercase().as_str()) {
            response = response.header(name, value);
        }
    }
    let is_empty = body.is_empty();
    let mut stream = respond.send_response(response.body(()).unwrap(), is_empty)?;
    if !is_empty {
        stream.send_data(body.into(), true)?;
    }
    poll_fn(|cx| stream.poll_reset(cx)).await.map(drop)
}

/// The app's answer, if it is whole.
async fn ask(request: &[u8], app: SocketAddr) -> Option<(u16, Vec<(String, String)>, Vec<u8>)> {
    let mut stream = TcpStream::connect(app).await.ok()?;
    stream.write_all(request).await.ok()?;
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            let (line, fields) = parse_head(bytes.get(..end + 4)?);
            let status = line.get(9..12)?.parse().ok()?;
            let length = all(&fields, "content-length")
                .first()
                .map_or(Ok(0), |text| text.parse());
            let whole = end + 4 + length.ok()?;
            if bytes.len() >= whole {
                return Some((status, fields, bytes.get(end + 4..whole)?.to_vec()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
