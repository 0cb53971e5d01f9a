//! Watches over connections before they are requests: how many there may be, how many of one client, how long one may
//! stay silent.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora_core::apps::{HttpServerOptions, ServerApp};
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use sidgate_policy::edge::client_ip::limit_key;
use tokio::runtime::Handle;

use super::watch::Watch;
use super::watched::Watched;
use super::{Proxy, before_tls, chunks};
use crate::config::EdgeConfig;
use crate::limits::file_descriptors;
use crate::limits::rounds::{Bell, Member};
use crate::state::Gateway;
use crate::telemetry::labels::Refusal;

/// How an HTTP/2 client without TLS begins (RFC 9113, 3.4).
const H2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much of it is looked at first. No HTTP/1 method of ours begins like this.
const H2_PREFACE_START: usize = 3;

/// The application of the public listeners.
pub(crate) struct Connections {
    proxy: Arc<HttpProxy<Proxy>>,
    h1: Arc<Watched>,
    h2: HttpServerOptions,
    gateway: Arc<Gateway>,
    connections: Arc<ConnectionLimiter>,
}

impl Connections {
    /// Serves `proxy`; `options` apply to every connection.
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
            connections: Arc::default(),
        }
    }

    /// How the client speaks; `None` when it does not say so in time.
    async fn speaks_h2(&self, stream: &mut Stream, bell: &Bell) -> Option<bool> {
        if stream.get_ssl_digest().is_some() {
            before_tls::is_done(stream);
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
    async fn serve(&self, mut stream: Stream, client: Option<IpAddr>, shutdown: &ShutdownWatch) {
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
        let digest = stream.get_socket_digest();
        let client = digest
            .as_ref()
            .and_then(|digest| digest.peer_addr())
            .and_then(|peer| peer.as_inet())
            .map(|peer| peer.ip());
        let caps = Caps::of(&self.gateway.settings.get().config.edge);
        let seat = match self.connections.take(client, &caps) {
            Ok(seat) => seat,
            Err(full) => {
                self.gateway.metrics.refused(full);
                return None;
            }
        };
        let (connections, shutdown) = (Arc::clone(self), shutdown.clone());
        Handle::current().spawn(async move {
            let _seat = seat;
            connections.serve(stream, client, &shutdown).await;
        });
        None
    }

    /// The listeners have closed. Pingora's own clean-up would also give up requests whose header is still being read.
    async fn cleanup(&self) {
        // Connections that rest have nothing more to wait for.
        self.gateway.rounds.ring_all();
        self.gateway.closed.notify_one();
    }
}

/// How many connections there may be.
struct Caps {
    all: usize,
    /// `None`: no cap.
    of_one: Option<usize>,
}

impl Caps {
    fn of(edge: &EdgeConfig) -> Self {
        let of_one = |cap: NonZeroU32| usize::try_from(cap.get()).unwrap_or(usize::MAX);
        Self {
            all: edge
                .max_connections
                .map_or_else(file_descriptors::room_for_connections, NonZeroUsize::get),
            of_one: edge.connections_per_ip.map(of_one),
        }
    }
}

/// Connections held, by all and by each client. An IPv6 client is its /64.
#[derive(Debug, Default)]
struct ConnectionLimiter {
    all: AtomicUsize,
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

impl ConnectionLimiter {
    /// # Errors
    /// The cap that is reached.
    fn take(self: &Arc<Self>, ip: Option<IpAddr>, caps: &Caps) -> Result<Seat, Refusal> {
        // Given back when it is dropped, also below.
        let mut seat = Seat {
            connections: Arc::clone(self),
            ip: None,
        };
        if self.all.fetch_add(1, Ordering::Relaxed) >= caps.all {
            return Err(Refusal::MaxConnections);
        }
        let (Some(ip), Some(cap)) = (ip.map(limit_key), caps.of_one) else {
            return Ok(seat);
        };
        let mut held = self.by_client.lock();
        let count = held.entry(ip).or_default();
        if *count >= cap {
            return Err(Refusal::ConnectionsPerIp);
        }
        *count += 1;
        drop(held);
        seat.ip = Some(ip);
        Ok(seat)
    }
}

/// One connection, given back when it ends.
struct Seat {
    connections: Arc<ConnectionLimiter>,
    /// The client, if its connections are counted.
    ip: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.all.fetch_sub(1, Ordering::Relaxed);
        let Some(ip) = self.ip else {
            return;
        };
        let mut held = self.connections.by_client.lock();
        if let Some(count) = held.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                held.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(all: usize, of_one: Option<usize>) -> Caps {
        Caps { all, of_one }
    }

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn a_client_gets_its_seats_back_and_a_64_counts_as_one_client() {
        let connections = Arc::<ConnectionLimiter>::default();
        let two = caps(10, Some(2));
        let first = connections.take(ip("2001:db8::1"), &two).ok();
        let _second = connections.take(ip("2001:db8::2"), &two).ok();
        assert_eq!(
            connections.take(ip("2001:db8::1"), &two).err(),
            Some(Refusal::ConnectionsPerIp)
        );
        assert!(
            connections.take(ip("2001:db8:1::1"), &two).is_ok(),
            "another network"
        );
        drop(first);
        assert!(connections.take(ip("2001:db8::2"), &two).is_ok());
        assert!(connections.take(ip("2001:db8::2"), &caps(10, None)).is_ok());
    }

    #[test]
    fn all_together_are_capped_and_a_refusal_takes_no_seat() {
        let connections = Arc::<ConnectionLimiter>::default();
        let held = connections.take(ip("192.0.2.1"), &caps(2, Some(1)));
        for _ in 0..3 {
            let refused = connections.take(ip("192.0.2.1"), &caps(2, Some(1)));
            assert_eq!(refused.err(), Some(Refusal::ConnectionsPerIp));
        }
        let other = connections.take(ip("192.0.2.2"), &caps(2, Some(1)));
        assert!(other.is_ok());
        assert_eq!(
            connections.take(ip("192.0.2.3"), &caps(2, None)).err(),
            Some(Refusal::MaxConnections)
        );
        drop((held, other));
        assert_eq!(connections.all.load(Ordering::Relaxed), 0);
        assert!(
            connections.by_client.lock().is_empty(),
            "nothing is remembered of clients that left"
        );
    }
}
