//! The listener of questions: connections of edges and apps, over TCP or unix sockets, in HTTP/1.0, HTTP/1.1 and HTTP/2 without TLS.
//!
//! It is served by hyper and not by Pingora: what is asked over gRPC needs the server that tonic brings.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
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
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::serve::Body;
use super::{grpc, serve};
use crate::state::Gateway;

/// Most connections of edges and apps.
const CONNECTIONS: usize = 16_384;
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
}

/// Answers questions that come by these sockets, until `stop` is over.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    sockets: Vec<Socket>,
    stop: impl Future<Output = ()> + Send,
) {
    // Also the time that a connection rests: an edge closes its own before, if it is told so.
    let idle = gateway.settings.get().config.server.keepalive_timeout;
    let edges = Edges {
        gateway,
        server: server(idle),
        ending: Arc::new(GracefulShutdown::new()),
        room: Arc::new(Semaphore::new(CONNECTIONS)),
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

fn server(idle: Duration) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(128 * 1024);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(128 * 1024)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
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
            let edges = self.clone();
            Handle::current().spawn(async move {
                let _place = place;
                match connection {
                    Connection::Tcp(stream, peer) => edges.serve(stream, peer).await,
                    Connection::Unix(stream) => edges.serve(stream, Peer::Unix).await,
                }
            });
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let Self {
            gateway,
            server,
            ending,
            room: _,
        } = self;
        let service = service_fn(move |question| -> Answering {
            let gateway = Arc::clone(&gateway);
            Box::pin(async move { Ok(answer(&gateway, peer, question).await) })
        });
        let connection = server.serve_connection(TokioIo::new(stream), service);
        let watched = ending.watch(connection.into_owned());
        drop(ending);
        if let Err(error) = watched.await {
            debug!(%peer, error, "a connection of an edge broke off");
        }
    }
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
