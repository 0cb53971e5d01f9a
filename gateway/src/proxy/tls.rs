//! The TLS handshake of a connection: is it one, does it come to an end, and who is the client?

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora_core::protocols::l4::stream::Stream as L4Stream;
use pingora_core::protocols::{Peek as _, Stream};
use rustls::ServerConfig;
use sidgate_policy::edge::unread::{START, TLS_HANDSHAKE, Unread};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::encrypted::Encrypted;
use super::{client_certificate, unread};
use crate::state::Gateway;
use crate::telemetry::flood;

/// How long a client that is turned away may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// How the TLS listeners speak. Another way counts for connections that begin from then on.
pub(crate) struct Tls(ArcSwap<ServerConfig>);

/// A handshake that did not come to its end.
enum Failed {
    /// The client closed before it began.
    NotBegun,
    /// Clear text.
    ClearText(L4Stream),
    /// Something was wrong with it.
    Broken(Unread, L4Stream),
}

impl Tls {
    /// Speaks as `config` says.
    pub(crate) fn new(config: ServerConfig) -> Self {
        Self(ArcSwap::from_pointee(config))
    }

    /// Speaks as `config` says from now on.
    pub(crate) fn speak(&self, config: ServerConfig) {
        self.0.store(Arc::new(config));
    }

    /// The encrypted connection. `None`: it did not come about, which is counted if it was begun.
    pub(super) async fn shake_hands(
        &self,
        gateway: &Gateway,
        stream: L4Stream,
        client: Option<IpAddr>,
        limit: Duration,
    ) -> Option<Stream> {
        match tokio::time::timeout(limit, self.handshake(stream)).await {
            Ok(Ok(encrypted)) => return Some(Box::new(encrypted)),
            Ok(Err(Failed::NotBegun)) => {}
            Ok(Err(Failed::ClearText(stream))) => refuse(gateway, stream, client).await,
            Ok(Err(Failed::Broken(what, stream))) => {
                unread::note(gateway, client, what);
                if what == Unread::ClientCertificate {
                    // In TLS 1.3 the client has sent its request already, and would lose the alert.
                    say_farewell(stream, &[]).await;
                }
            }
            Err(_elapsed) => unread::note(gateway, client, Unread::TlsHandshake),
        }
        None
    }

    async fn handshake(&self, mut stream: L4Stream) -> Result<Encrypted, Failed> {
        let mut first = [0];
        if stream.try_peek(&mut first).await.is_err() {
            return Err(Failed::NotBegun);
        }
        if first != [TLS_HANDSHAKE] {
            return Err(Failed::ClearText(stream));
        }
        let accept = TlsAcceptor::from(self.0.load_full()).accept(stream);
        match accept.into_fallible().await {
            Ok(stream) => match client_certificate::of(stream.get_ref().1.peer_certificates()) {
                Ok(certificate) => Ok(Encrypted::new(stream, certificate)),
                Err(_unreadable) => {
                    let (stream, _) = stream.into_inner();
                    Err(Failed::Broken(Unread::ClientCertificate, stream))
                }
            },
            Err((error, stream)) => {
                if flood::admits_handshake_line() {
                    warn!(cause = %error, "TLS handshake failed");
                }
                Err(Failed::Broken(what(&error), stream))
            }
        }
    }
}

/// What a handshake failed for.
fn what(error: &std::io::Error) -> Unread {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_)) => {
            Unread::ClientCertificate
        }
        _ => Unread::TlsHandshake,
    }
}

/// Tells what came instead of a handshake, and says so to a client that can read it.
async fn refuse(gateway: &Gateway, mut stream: L4Stream, client: Option<IpAddr>) {
    let mut start = Vec::with_capacity(START);
    let most = u64::try_from(START).unwrap_or(u64::MAX);
    let mut looked_at = (&mut stream).take(most);
    let looking = looked_at.read_to_end(&mut start);
    // Whatever has come until then.
    drop(tokio::time::timeout(FAREWELL, looking).await);
    let what = Unread::of_clear_text(&start);
    unread::note(gateway, client, what);
    if start.first().is_some_and(u8::is_ascii_uppercase) {
        say_farewell(stream, &unread::answer(what)).await;
    }
}

/// Says the last words to a client that is turned away. It may be gone, and need not hear them.
async fn say_farewell(mut stream: L4Stream, words: &[u8]) {
    let said = async {
        stream.write_all(words).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        // What is closed with bytes unread is reset, and the words are lost.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    drop(tokio::time::timeout(FAREWELL, said).await);
}
