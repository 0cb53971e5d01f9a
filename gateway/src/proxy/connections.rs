//! Watches over connections before they are requests: for whom they speak, how many there may be, whether they come to
//! speak TLS, how long one may stay silent.
//!
//! For Pingora every listener is one in clear text. What comes before HTTP, a header of the PROXY protocol and a TLS
//! handshake, is read here, in that order, in the task that the connection has anyway.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::apps::{HttpServerOptions, ServerApp};
use pingora_core::protocols::l4::stream::Stream as L4Stream;
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use sidgate_policy::edge::client_ip::Peer;
use tokio::runtime::Handle;

use super::seats::{Caps, Seat, Seats};
use super::tls::Tls;
use super::watch::Watch;
use super::watched::Watched;
use super::{Proxy, chunks, proxy_protocol};
use crate::limits::rounds::{Bell, Member};
use crate::state::Gateway;
use crate::telemetry::labels::Refusal;

/// How an HTTP/2 client without TLS begins (RFC 9113, 3.4).
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much of it is looked at first. No HTTP/1 method of ours begins like this.
const H2_PREFACE_START: usize = 3;

/// The application of the public listeners of one kind.
#[derive(Clone)]
pub(crate) struct Connections {
    proxy: Arc<HttpProxy<Proxy>>,
    h1: Arc<Watched>,
    h2: HttpServerOptions,
    gateway: Arc<Gateway>,
    seats: Arc<Seats>,
    /// `None` on listeners in clear text.
    tls: Option<Arc<Tls>>,
}

/// A connection that has come.
struct Arrived {
    stream: Stream,
    /// Who is at the other end, as far as that is known.
    client: Option<IpAddr>,
    seat: Seat,
    /// Whether it must say first for whom it speaks.
    speaks_for_others: bool,
}

impl Connections {
    /// Serves `proxy` in clear text; `options` apply to every connection.
    pub(crate) fn new(
        proxy: HttpProxy<Proxy>,
        gateway: &Arc<Gateway>,
        options: &HttpServerOptions,
    ) -> Self {
        let proxy = Arc::new(proxy);
        let mut h2 = options.clone();
        h2.h2c = true;
        Self {
            h1: Arc::new(Watched::new(
                Arc::clone(&proxy),
                Arc::clone(gateway),
                options.clone(),
            )),
            h2,
            proxy,
            gateway: Arc::clone(gateway),
            seats: Arc::default(),
            tls: None,
        }
    }

    /// The same for listeners with TLS.
    pub(crate) fn over_tls(&self, tls: &Arc<Tls>) -> Self {
        Self {
            tls: Some(Arc::clone(tls)),
            ..self.clone()
        }
    }

    /// Hears for whom the connection speaks, and has it encrypted. `None`: it is closed, and counted.
    async fn open(&self, arrived: Arrived) -> Option<Arrived> {
        let Arrived {
            stream,
            mut client,
            mut seat,
            speaks_for_others,
        } = arrived;
        let mut stream: Box<L4Stream> = stream.into_any().downcast().ok()?;
        let settings = self.gateway.settings.get();
        let edge = &settings.config.edge;
        let (limit, caps) = (edge.header_timeout, Caps::of(edge));
        drop(settings);
        if speaks_for_others {
            client = proxy_protocol::hear(&self.gateway, &mut stream, limit).await?;
            seat = self.admitted(seat.of(client, &caps))?;
        }
        let stream: Stream = match &self.tls {
            Some(tls) => {
                tls.shake_hands(&self.gateway, *stream, client, limit)
                    .await?
            }
            None => stream,
        };
        Some(Arrived {
            stream,
            client,
            seat,
            speaks_for_others: false,
        })
    }

    fn admitted(&self, seat: Result<Seat, Refusal>) -> Option<Seat> {
        seat.inspect_err(|full| self.gateway.metrics.refused(*full))
            .ok()
    }

    /// How the client speaks; `None` when it does not say so in time.
    async fn speaks_h2(&self, stream: &mut Stream, bell: &Bell) -> Option<bool> {
        if stream.get_ssl_digest().is_some() {
            return Some(matches!(stream.selected_alpn_proto(), Some(ALPN::H2)));
        }
        let is_late = || bell.is_due(self.gateway.sessions.clock().boot());
        match bell.unless(is_late, begins_with_preface(stream)).await {
            Some(spoken) => spoken.ok(),
            None => {
                self.gateway.metrics.refused(Refusal::HeaderTimeout);
                None
            }
        }
    }

    /// HTTP/2 with prior knowledge, or by ALPN. Pingora waits for ever for the rest of the preface, and for a header whose
    /// continuation does not come; a connection on which no request begins in time is let go.
    async fn serve_h2(&self, stream: Stream, bell: Member, shutdown: &ShutdownWatch) {
        let (proxy, gateway) = (Arc::clone(&self.proxy), Arc::clone(&self.gateway));
        let mut options = self.h2.clone();
        let settings = self.gateway.settings.get();
        options.h2_idle_timeout = Some(settings.config.server.keepalive_timeout);
        drop(settings);
        // One for each connection, because it knows whether a request has begun.
        let watched = Arc::new(Watched::new(proxy, gateway, options));
        let is_late = || {
            if watched.has_begun() {
                bell.wait_for_ever();
            }
            bell.is_due(self.gateway.sessions.clock().boot())
        };
        let served = bell.unless(is_late, watched.process_new(stream, shutdown));
        if served.await.is_none() {
            self.gateway.metrics.refused(Refusal::HeaderTimeout);
        }
    }

    /// Serves a connection to its end.
    async fn serve(&self, arrived: Arrived, shutdown: &ShutdownWatch) {
        let arrived = if arrived.speaks_for_others || self.tls.is_some() {
            // Apart, because a handshake needs much room and is soon over.
            match Box::pin(self.open(arrived)).await {
                Some(arrived) => arrived,
                None => return,
            }
        } else {
            arrived
        };
        let Arrived {
            mut stream,
            client,
            seat: _seat,
            ..
        } = arrived;
        let bell = self.gateway.rounds.enter();
        let limit = self.gateway.settings.get().config.edge.header_timeout;
        bell.wait_until(self.gateway.sessions.clock().boot().plus(limit));
        match self.speaks_h2(&mut stream, &bell).await {
            Some(true) => Box::pin(self.serve_h2(stream, bell, shutdown)).await,
            Some(false) => {
                let stream = chunks::observed(stream, &self.gateway, client);
                self.h1.serve_h1(stream, shutdown, Watch::new(bell)).await;
            }
            None => {}
        }
    }
}

/// Is this the beginning of HTTP/2 without TLS? Pingora would wait for 24 bytes, for ever, to find out. Three are enough to
/// know that it is not, and they have to come.
async fn begins_with_preface(stream: &mut Stream) -> io::Result<bool> {
    let mut start = [0; H2_PREFACE_START];
    if !stream.try_peek(&mut start).await? || !H2_PREFACE.starts_with(&start) {
        return Ok(false);
    }
    let mut whole = [0; H2_PREFACE.len()];
    let is_seen = stream.try_peek(&mut whole).await?;
    Ok(is_seen && whole == *H2_PREFACE)
}

#[async_trait]
impl ServerApp for Connections {
    /// Pingora's own task has room for a TLS handshake, 9 KB, and would keep it for as long as the connection lives. So the
    /// connection moves on to a task of its own.
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let peer = peer_of(&stream);
        let settings = self.gateway.settings.get();
        let caps = Caps::of(&settings.config.edge);
        let speaks_for_others = settings.config.server.proxy_protocol_from.contain(peer);
        drop(settings);
        // Whom a balancer speaks for is not known yet.
        let client = peer.address().filter(|_| !speaks_for_others);
        let seat = self.seats.take(&caps);
        let seat = self.admitted(seat.and_then(|seat| seat.of(client, &caps)))?;
        let arrived = Arrived {
            stream,
            client,
            seat,
            speaks_for_others,
        };
        let (connections, shutdown) = (Arc::clone(self), shutdown.clone());
        Handle::current().spawn(async move {
            connections.serve(arrived, &shutdown).await;
        });
        None
    }
}

fn peer_of(stream: &Stream) -> Peer {
    let digest = stream.get_socket_digest();
    let address = digest.as_ref().and_then(|digest| digest.peer_addr());
    address
        .and_then(|address| address.as_inet())
        .map_or(Peer::Unix, |address| Peer::Address(address.ip()))
}
