//! The running gateway, asked over HTTP by a command beside it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use http::header::HOST;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::small_runtime;
use crate::run::wiring::WiringError;

/// Most of an answer: as much as every fault of a large file.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A host with its port.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What it says.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why it says nothing.
#[derive(Debug, Error)]
pub(super) enum NoReply {
    /// There is no connection, so nothing was asked.
    #[error("nobody listens there: {0}")]
    NotThere(io::Error),
    /// The connection stood, and the answer is missing or incomplete.
    #[error("the connection ended before the whole answer")]
    BrokenOff,
    /// It was not complete in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// Sends one request, on a runtime of its own, and waits for `limit` at most. `Host` is added.
///
/// # Errors
/// When there can be no runtime; and why there is no answer.
pub(super) fn ask(
    at: &At,
    request: Request<()>,
    limit: Duration,
) -> Result<Result<Reply, NoReply>, WiringError> {
    let runtime = small_runtime()?;
    let asked = runtime.block_on(async {
        let asked = tokio::time::timeout(limit, ask_whole(at, request)).await;
        asked.unwrap_or(Err(NoReply::Timeout(limit)))
    });
    // The look-up of a name may take longer than anybody waits, and cannot be called off.
    runtime.shutdown_background();
    Ok(asked)
}

async fn ask_whole(at: &At, mut request: Request<()>) -> Result<Reply, NoReply> {
    let host = match at {
        At::Tcp(address) => HeaderValue::try_from(address.as_str()).ok(),
        At::Unix(_) => None,
    };
    let host = host.unwrap_or(HeaderValue::from_static("localhost"));
    request.headers_mut().insert(HOST, host);
    match at {
        At::Tcp(address) => {
            let stream = TcpStream::connect(address).await;
            exchange(stream.map_err(NoReply::NotThere)?, request).await
        }
        At::Unix(path) => {
            let stream = UnixStream::connect(path).await;
            exchange(stream.map_err(NoReply::NotThere)?, request).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<()>,
) -> Result<Reply, NoReply> {
    let broken = |_: hyper::Error| NoReply::BrokenOff;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let asked = async move {
        let request = request.map(|()| Empty::<Bytes>::new());
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        Ok((head.status, body))
    };
    // The connection ends when nobody can ask on it any more.
    let (_ended, asked) = join(connection, asked).await;
    let (status, body) = asked.map_err(broken)?;
    Ok(Reply {
        status,
        body: body.map_err(|_cut| NoReply::BrokenOff)?.to_bytes(),
    })
}
