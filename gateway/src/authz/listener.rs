//! The listener of questions: connections of edges and apps, over TCP or unix sockets, in HTTP/1.0, HTTP/1.1 and HTTP/2 without TLS.
//!
//! It is served by hyper and not by Pingora: what is asked over gRPC needs the server that tonic brings.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use sidgate_policy::edge::client_ip::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::serve::{Body, may_ask};
use super::{grpc, serve};
use crate::config::Config;
use crate::state::Gateway;
use crate::telemetry::questions::NoQuestion;

/// Most connections of edges and apps.
const CONNECTIONS: usize = 16_384;
/// Most connections of whoever may not ask. More are closed unheard.
const STRANGERS: usize = 64;
/// Between two pings on a connection of HTTP/2, and longest wait for the answer to one.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Between two tries to accept a connection where the system has no more room.
const PAUSE: Duration = Duration::from_millis(100);
/// Questions on one connection of HTTP/2 at the same time.
const STREAMS: u32 = 1_024;
/// How long questions that are under way may still take when the process stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// An open socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// At an address.
    Tcp(std::net::TcpListener),
    /// At a file.
    Unix(std::os::unix::net::UnixListener),
}

/// One connection.
enum Connection {
    Tcp(tokio::net::TcpStream, Peer),
    Unix(tokio::net::UnixStream),
}

impl Connection {
    const fn peer(&self) -> Peer {
        match self {
            Self::Tcp(_, peer) => *peer,
            Self::Unix(_) => Peer::Unix,
        }
    }
}

/// A socket that connections are taken from.
enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Accepting {
    async fn accept(&self) -> io::Result<Connection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // An answer is small, and somebody waits for it.
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream, Peer::Address(address.ip())))
            }
            Self::Unix(listener) => {
                let (stream, _unnamed) = listener.accept().await?;
                Ok(Connection::Unix(stream))
            }
        }
    }
}

/// An answer that is being made.
type Answering = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// The application of the listener.
#[derive(Clone)]
struct Edges {
    gateway: Arc<Gateway>,
    server: Builder<TokioExecutor>,
    ending: Arc<GracefulShutdown>,
    room: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// Answers questions that come by these sockets, until `stop` is over.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    sockets: Vec<Socket>,
    stop: impl Future<Output = ()> + Send,
) {
    let edges = Edges {
        server: server(&gateway.settings.get().config),
        gateway,
        ending: Arc::new(GracefulShutdown::new()),
        room: Arc::new(Semaphore::new(CONNECTIONS)),
        strangers: Arc::new(Semaphore::new(STRANGERS)),
    };
    let mut accepting = tokio::task::JoinSet::new();
    for socket in sockets {
        match open(socket) {
            Ok(listener) => {
                accepting.spawn(edges.clone().accept(listener));
            }
            Err(error) => {
                warn!(%error, "authz.listen: no questions are taken by one of the sockets")
            }
        }
    }
    stop.await;
    accepting.shutdown().await;
    let Edges { ending, .. } = edges;
    if let Ok(ending) = Arc::try_unwrap(ending) {
        drop(tokio::time::timeout(LAST_ANSWERS, ending.shutdown()).await);
    }
}

fn open(socket: Socket) -> io::Result<Accepting> {
    Ok(match socket {
        Socket::Tcp(listener) => Accepting::Tcp(TcpListener::from_std(listener)?),
        Socket::Unix(listener) => Accepting::Unix(UnixListener::from_std(listener)?),
    })
}

/// Questions carry a few fields more than the requests that they describe.
fn server(config: &Config) -> Builder<TokioExecutor> {
    const FIELDS: usize = 32;
    const BYTES: usize = 16 * 1024;

    let (edge, idle) = (&config.edge, config.server.keepalive_timeout);
    let bytes = edge.max_header_bytes + edge.max_target_bytes + BYTES;
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // Also the time that a connection rests: an edge closes its own before, if it is told so.
        .header_read_timeout(idle)
        .max_headers(edge.max_header_count + FIELDS)
        .max_buf_size(bytes);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(2 * bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(PING_EVERY))
        .keep_alive_timeout(PING_EVERY);
    server
}

impl Edges {
    /// Takes connections for ever.
    async fn accept(self, listener: Accepting) {
        loop {
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else {
                return;
            };
            let connection = match listener.accept().await {
                Ok(connection) => connection,
                Err(error) => {
                    debug!(%error, "a connection of an edge was not accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(place) = self.place(connection.peer(), place) else {
                self.gateway.metrics.not_asked(NoQuestion::Peer);
                continue;
            };
            let edges = self.clone();
            Handle::current().spawn(async move {
                let _place = place;
                let peer = connection.peer();
                match connection {
                    Connection::Tcp(stream, _) => edges.serve(stream, peer).await,
                    Connection::Unix(stream) => edges.serve(stream, peer).await,
                }
            });
        }
    }

    /// Strangers are told that they may not ask, and take no place of those who may.
    fn place(&self, peer: Peer, place: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
        if may_ask(&self.gateway.settings.get(), peer) {
            Some(place)
        } else {
            Arc::clone(&self.strangers).try_acquire_owned().ok()
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let Self {
            gateway,
            server,
            ending,
            ..
        } = self;
        let service = service_fn(move |question| -> Answering {
            let gateway = Arc::clone(&gateway);
            // An edge that goes away does not stop half-way what has begun.
            let answering =
                Handle::current().spawn(async move { answer(&gateway, peer, question).await });
            Box::pin(async move { Ok(answering.await.unwrap_or_else(|_panicked| failed())) })
        });
        let connection = server.serve_connection(TokioIo::new(stream), service);
        let watched = ending.watch(connection.into_owned());
        drop(ending);
        if let Err(error) = watched.await {
            debug!(%peer, error, "a connection of an edge broke off");
        }
    }
}

fn failed() -> Response<Body> {
    let mut response = Response::new(UnsyncBoxBody::new(
        Full::default().map_err(|never| match never {}),
    ));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The answer to one question.
async fn answer(gateway: &Arc<Gateway>, peer: Peer, question: Request<Incoming>) -> Response<Body> {
    if grpc::is_asked(&question) {
        return grpc::answer(gateway, peer, question).await;
    }
    // Nothing of a body is looked at: it belongs to the question, not to the request.
    let (head, _body) = question.into_parts();
    let response: Response<Full<Bytes>> = serve::answer(gateway, peer, head).await;
    response.map(|body| UnsyncBoxBody::new(body.map_err(|never| match never {})))
}
