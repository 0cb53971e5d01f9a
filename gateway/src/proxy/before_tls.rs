//! Looks at a connection to a TLS port before the handshake: does it speak TLS, and does the handshake come to an end?
//!
//! Pingora hands a connection on when its handshake is done, and says nothing of others. So each connection carries a mark
//! from before the handshake. Whoever gets the connection takes the mark away; a mark that is dropped with its connection
//! was part of a handshake that failed.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::listeners::PreTlsProcess;
use pingora_core::protocols::l4::stream::Stream as L4Stream;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{GetProxyDigest as _, GetSocketDigest as _, Peek as _, Stream};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use sidgate_policy::edge::unread::{START, TLS_HANDSHAKE, Unread};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::unread;
use crate::state::Gateway;

/// How long a client that speaks clear text may take to read that it should not.
const FAREWELL: Duration = Duration::from_secs(1);

/// Looks at connections before their handshake.
pub(crate) struct BeforeTls {
    gateway: Arc<Gateway>,
}

impl BeforeTls {
    /// Counts for `gateway`.
    pub(crate) fn new(gateway: &Arc<Gateway>) -> Self {
        Self {
            gateway: Arc::clone(gateway),
        }
    }

    /// Tells what came instead of a handshake, and says so to a client that can read it.
    async fn refuse(&self, stream: &mut L4Stream, client: Option<IpAddr>) {
        let mut start = Vec::with_capacity(START);
        let most = u64::try_from(START).unwrap_or(u64::MAX);
        let mut looked_at = (&mut *stream).take(most);
        let looking = looked_at.read_to_end(&mut start);
        // Whatever has come until then.
        drop(tokio::time::timeout(FAREWELL, looking).await);
        let what = Unread::of_clear_text(&start);
        unread::note(&self.gateway, client, what);
        if !start.first().is_some_and(u8::is_ascii_uppercase) {
            return;
        }
        // The client may be gone, and need not read it.
        let answered = async {
            stream.write_all(&unread::answer(what)).await?;
            stream.shutdown().await?;
            // What is closed with bytes unread is reset, and the answer is lost.
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            std::io::Result::Ok(())
        };
        drop(tokio::time::timeout(FAREWELL, answered).await);
    }
}

#[async_trait]
impl PreTlsProcess for BeforeTls {
    async fn process(&self, stream: &mut L4Stream) -> Result<()> {
        let digest = stream.get_socket_digest();
        let client = digest
            .as_ref()
            .and_then(|digest| digest.peer_addr())
            .and_then(|peer| peer.as_inet())
            .map(|peer| peer.ip());
        let limit = self.gateway.settings.get().config.edge.header_timeout;
        let mut first = [0];
        match tokio::time::timeout(limit, stream.try_peek(&mut first)).await {
            Ok(Ok(_)) if first == [TLS_HANDSHAKE] => {
                let mark = Handshake {
                    gateway: Arc::clone(&self.gateway),
                    client,
                    is_done: AtomicBool::new(false),
                };
                let unused = Box::new(ResponseHeader::build(200, None)?);
                stream.set_proxy_digest(ProxyDigest::new(unused, Some(Box::new(mark))));
                Ok(())
            }
            Ok(Ok(_)) => {
                self.refuse(stream, client).await;
                Error::e_explain(
                    ErrorType::TLSHandshakeFailure,
                    "clear text on a port with TLS",
                )
            }
            // Whoever only looks whether the port is open.
            Ok(Err(_)) => {
                Error::e_explain(ErrorType::ConnectionClosed, "closed before a handshake")
            }
            Err(_elapsed) => {
                unread::note(&self.gateway, client, Unread::TlsHandshake);
                Error::e_explain(ErrorType::TLSHandshakeTimedout, "no handshake came")
            }
        }
    }
}

/// The mark of a connection whose handshake is not done.
struct Handshake {
    gateway: Arc<Gateway>,
    client: Option<IpAddr>,
    is_done: AtomicBool,
}

/// The handshake of `stream` is done.
pub(super) fn is_done(stream: &Stream) {
    let digest = stream.get_proxy_digest();
    let mark = digest.as_ref().and_then(|digest| digest.user_data.as_ref());
    if let Some(mark) = mark.and_then(|data| data.downcast_ref::<Handshake>()) {
        mark.is_done.store(true, Ordering::Relaxed);
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if !self.is_done.load(Ordering::Relaxed) {
            unread::note(&self.gateway, self.client, Unread::TlsHandshake);
        }
    }
}
