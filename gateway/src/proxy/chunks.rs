//! Looks at the bytes of a body in chunks while Pingora reads them.
//!
//! Pingora's hooks see what it has made of a body, not what arrived. So the stream of an HTTP/1 connection is wrapped, and
//! the wrapper hands every byte of such a body to [`edge::chunks`](sidgate_policy::edge::chunks). The bytes that came together with the
//! head are judged before anybody looks at the request; a later fault ends the reading, and with it the request.
//!
//! A head that Pingora cannot read calls no hook at all: Pingora answers and closes. An answer before any hook has seen the
//! head is how such a refusal is noticed here. Pingora's answer has no body and names its software, so another one is
//! written in its place.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf as _, Bytes};
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
use sidgate_policy::edge::unread::{START, Unread};

use super::unread;
use crate::state::Gateway;

/// A connection that is looked at.
#[derive(Debug)]
struct Observed {
    stream: Stream,
    /// Who is at the other end.
    client: Option<IpAddr>,
    gateway: Arc<Gateway>,
    /// What is still to be said to a client whose head could not be read.
    farewell: Option<Bytes>,
    /// Behind a lock because hooks get the stream shared; it is never waited for.
    seen: Mutex<Seen>,
}

/// What is looked for.
#[derive(Debug)]
enum Seen {
    /// The end of a head: how many bytes of the request have come, and what came last. A head ends in what came last,
    /// because Pingora looks after every read; so this is never more than one of its reads.
    Head {
        read: usize,
        last: Vec<u8>,
        /// How the request begins.
        start: [u8; START],
        /// Whether a hook has seen the head.
        is_read: bool,
    },
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
            start: [0; START],
            is_read: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        match self {
            Self::Head {
                read, last, start, ..
            } => {
                for (place, byte) in start.iter_mut().skip(*read).zip(bytes) {
                    *place = *byte;
                }
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
        let Self::Head { read, last, .. } = std::mem::replace(self, next) else {
            return Ok(());
        };
        let ahead = read.saturating_sub(length);
        let body = last.get(last.len().saturating_sub(ahead)..);
        self.take(body.unwrap_or_default())
    }
}

/// The stream of an HTTP/1 connection, from now on looked at.
pub(super) fn observed(stream: Stream, gateway: &Arc<Gateway>, client: Option<IpAddr>) -> Stream {
    Box::new(Observed {
        stream,
        client,
        gateway: Arc::clone(gateway),
        farewell: None,
        seen: Mutex::new(Seen::head()),
    })
}

/// The next request on this connection is about to be read.
pub(super) fn next_request(stream: &Stream) {
    if let Some(observed) = observer(stream) {
        *observed.seen.lock() = Seen::head();
    }
}

/// The head of a request has been read, whatever will be said of it.
pub(super) fn head_is_read(session: &Session) {
    if let Some(observed) = of(session)
        && let Seen::Head { is_read, .. } = &mut *observed.seen.lock()
    {
        *is_read = true;
    }
}

/// The head of a request is good, and its body follows.
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

impl Observed {
    /// Pingora is about to answer. Where no hook has seen the head, it could not be read.
    fn note_unread(&mut self) {
        let seen = self.seen.get_mut();
        if let Seen::Head {
            read,
            start,
            is_read: false,
            ..
        } = seen
        {
            let what = Unread::of(start, *read);
            unread::note(&self.gateway, self.client, what);
            self.farewell = Some(unread::answer(what).into());
            *seen = Seen::Nothing;
        }
    }

    /// Writes our answer in place of Pingora's; `None`: there is none to write. Pingora's own words count as written.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Option<Poll<io::Result<()>>> {
        let rest = self.farewell.as_mut()?;
        while !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => {
                    return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(written)) => rest.advance(written),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        // Nobody else may do it before the connection closes.
        Some(Pin::new(&mut self.stream).poll_flush(cx))
    }
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
        self.note_unread();
        if let Some(farewell) = self.poll_farewell(cx) {
            return farewell.map_ok(|()| buf.len());
        }
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
        self.note_unread();
        if let Some(farewell) = self.poll_farewell(cx) {
            return farewell.map_ok(|()| bufs.iter().map(|buf| buf.len()).sum());
        }
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
