//! The listener of the app: HTTP/1.1 on one port, until the process is told to end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use session_core::clock::{Clock as _, SystemClock};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::DemoApp;

/// Most connections at once; more wait.
const CONNECTIONS: usize = 256;
/// Most of a body: a login form, or a question of the gateway.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Longest wait for the head of a request, also on a connection that rests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest wait for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries to accept a connection where the system has no more room.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the app cannot be served.
#[derive(Debug, Error)]
pub(crate) enum CannotServe {
    /// The port is taken, or the address is not one of this machine.
    #[error("{0}: cannot listen: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The process cannot hear that it is told to end.
    #[error("signals cannot be listened to: {0}")]
    Signals(std::io::Error),
}

/// Serves `app` at `address` until SIGTERM or SIGINT. `ready` is called once it listens.
///
/// # Errors
/// When it cannot be served.
pub(crate) async fn serve(
    app: DemoApp,
    address: SocketAddr,
    ready: impl FnOnce(),
) -> Result<(), CannotServe> {
    let cannot_listen = |error| CannotServe::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CannotServe::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CannotServe::Signals)?;
    ready();
    tokio::select! {
        () = accept(Arc::new(app), listener) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Takes connections for ever.
async fn accept(app: Arc<DemoApp>, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let app = Arc::clone(&app);
        connections.spawn(async move {
            let _place = place;
            let service = service_fn(move |request| {
                let app = Arc::clone(&app);
                async move { answer(&app, peer, request).await }
            });
            let mut server = http1::Builder::new();
            server
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT);
            // Whoever breaks off has nobody to tell it to.
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    app: &DemoApp,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect();
    let answer = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            let now = SystemClock.wall();
            app.answer(&head, &body.to_bytes(), &peer.ip().to_string(), now)
        }
        Ok(Err(_)) => status(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => status(StatusCode::REQUEST_TIMEOUT),
    };
    Ok(answer.map(Full::new))
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
