//! Looks at the bytes of a body in chunks while Pingora reads them.
//!
//! Pingora's hooks see what it has made of a body, not what arrived. So the stream of an HTTP/1 connection is wrapped, and
//! the wrapper hands every byte of such a body to [`edge::chunks`](sidgate_policy::edge::chunks). The bytes that came together with the
//! head are judged before anybody looks at the request; a later fault ends the reading, and with it the request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use http::header::TRANSFER_ENCODING;
use parking_lot::Mutex;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use pingora_proxy::Session;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use sidgate_policy::edge::Refused;
use sidgate_policy::edge::chunks::Chunks;

/// A connection that is looked at.
#[derive(Debug)]
struct Observed {
    stream: Stream,
    /// Behind a lock because hooks get the stream shared; it is never waited for.
    seen: Mutex<Seen>,
}

/// What is looked for.
#[derive(Debug)]
enum Seen {
    /// The end of a head: how many bytes of the request have come, and what came last. A head ends in what came last,
    /// because Pingora looks after every read; so this is never more than one of its reads.
    Head { read: usize, last: Vec<u8> },
    /// The end of a body in chunks.
    Body(Chunks),
    /// Nothing: the body has a length, or none.
    Nothing,
    /// The body was malformed.
    Broken,
}

impl Seen {
    fn head() -> Self {
        Self::Head {
            read: 0,
            last: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        match self {
            Self::Head { read, last } => {
                *read += bytes.len();
                last.clear();
                last.extend_from_slice(bytes);
                Ok(())
            }
            Self::Body(chunks) => chunks.take(bytes).inspect_err(|_| *self = Self::Broken),
            Self::Nothing => Ok(()),
            Self::Broken => Err(Refused::Chunk),
        }
    }

    /// The head was this long. What has come behind it is the beginning of the body.
    fn head_is_over(&mut self, length: usize, is_chunked: bool) -> Result<(), Refused> {
        let next = if is_chunked {
            Self::Body(Chunks::default())
        } else {
            Self::Nothing
        };
        let Self::Head { read, last } = std::mem::replace(self, next) else {
            return Ok(());
        };
        let ahead = read.saturating_sub(length);
        let body = last.get(last.len().saturating_sub(ahead)..);
        self.take(body.unwrap_or_default())
    }
}

/// The stream of an HTTP/1 connection, from now on looked at.
pub(super) fn observed(stream: Stream) -> Stream {
    Box::new(Observed {
        stream,
        seen: Mutex::new(Seen::head()),
    })
}

/// The next request on this connection is about to be read.
pub(super) fn next_request(stream: &Stream) {
    if let Some(observed) = observer(stream) {
        *observed.seen.lock() = Seen::head();
    }
}

/// The head of a request has been read.
///
/// # Errors
/// When the body is in chunks, and what has come of it is malformed.
pub(super) fn begin(session: &Session, head: Option<&[u8]>) -> Result<(), Refused> {
    let is_chunked = session.req_header().headers.contains_key(TRANSFER_ENCODING);
    match (of(session), head) {
        (Some(observed), Some(head)) => observed.seen.lock().head_is_over(head.len(), is_chunked),
        _ => Ok(()),
    }
}

/// Whether reading the request has ended because of a malformed chunk.
pub(super) fn are_broken(session: &Session) -> bool {
    of(session).is_some_and(|observed| matches!(*observed.seen.lock(), Seen::Broken))
}

fn of(session: &Session) -> Option<&Observed> {
    observer(session.as_downstream().as_http1()?.stream())
}

fn observer(stream: &Stream) -> Option<&Observed> {
    let io: &dyn IO = &**stream;
    io.as_any().downcast_ref()
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        let taken = self.seen.get_mut().take(new);
        Poll::Ready(taken.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why)))
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for Observed {
    async fn shutdown(&mut self) {
        self.stream.shutdown().await;
    }
}

#[async_trait]
impl Peek for Observed {
    async fn try_peek(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        self.stream.try_peek(buf).await
    }
}

impl UniqueID for Observed {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for Observed {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for Observed {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.stream.get_write_pending_time()
    }
}

impl GetProxyDigest for Observed {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.stream.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for Observed {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.stream.set_socket_digest(digest);
    }
}
