//! Watches over connections before they are requests: how many one client may hold, how long one may stay silent.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora_core::apps::{HttpServerOptions, ServerApp};
use pingora_core::protocols::Stream;
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;

use super::Proxy;
use super::watch::Watched;
use crate::edge::client_ip::limit_key;
use crate::gate::Gate;

/// How an HTTP/2 client without TLS begins (RFC 9113, 3.4). No HTTP/1 method of ours does.
const H2_PREFACE_START: &[u8; 3] = b"PRI";

/// The application of the public listeners.
pub(crate) struct Connections {
    h1: Arc<Watched>,
    h2c: Arc<Watched>,
    gate: Arc<Gate>,
    seats: Arc<Seats>,
}

impl Connections {
    /// Serves `proxy`; `options` apply to every connection.
    pub(crate) fn new(
        proxy: HttpProxy<Proxy>,
        gate: &Arc<Gate>,
        options: &HttpServerOptions,
    ) -> Self {
        let proxy = Arc::new(proxy);
        let speaking = |h2c| {
            let mut options = options.clone();
            options.h2c = h2c;
            Arc::new(Watched::new(Arc::clone(&proxy), Arc::clone(gate), options))
        };
        Self {
            h1: speaking(false),
            h2c: speaking(true),
            gate: Arc::clone(gate),
            seats: Arc::default(),
        }
    }
}

#[async_trait]
impl ServerApp for Connections {
    async fn process_new(
        self: &Arc<Self>,
        mut stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let site = self.gate.site.get();
        let edge = &site.config.edge;
        let cap = edge.connections_per_ip.map_or(usize::MAX, |cap| {
            usize::try_from(cap.get()).unwrap_or(usize::MAX)
        });
        let digest = stream.get_socket_digest();
        let ip = digest
            .as_ref()
            .and_then(|digest| digest.peer_addr())
            .and_then(|peer| peer.as_inet())
            .map(|peer| peer.ip());
        let Some(_seat) = self.seats.take(ip, cap) else {
            self.gate.metrics.refused("connections_per_ip");
            return None;
        };
        // Pingora would wait for 24 bytes, for ever, to tell HTTP/2 from HTTP/1. Three are enough, and they have to come.
        let mut start = [0; H2_PREFACE_START.len()];
        match tokio::time::timeout(edge.header_timeout, stream.try_peek(&mut start)).await {
            Ok(Ok(true)) if start != *H2_PREFACE_START => {
                self.h1.process_new(stream, shutdown).await
            }
            Ok(Ok(_)) => self.h2c.process_new(stream, shutdown).await,
            Ok(Err(_)) => None,
            Err(_elapsed) => {
                self.gate.metrics.refused("header_timeout");
                None
            }
        }
    }

    /// The listeners have closed. Pingora's own clean-up would also give up requests whose header is still being read.
    async fn cleanup(&self) {
        self.gate.closed.notify_one();
    }
}

/// Connections held by each client. An IPv6 client is its /64.
#[derive(Debug, Default)]
struct Seats(Mutex<HashMap<IpAddr, usize>>);

impl Seats {
    /// `None` when the client holds `cap` connections already.
    fn take(self: &Arc<Self>, ip: Option<IpAddr>, cap: usize) -> Option<Seat> {
        let Some(ip) = ip.map(limit_key).filter(|_| cap < usize::MAX) else {
            return Some(Seat { held: None });
        };
        let mut held = self.0.lock();
        let count = held.entry(ip).or_default();
        if *count >= cap {
            return None;
        }
        *count += 1;
        Some(Seat {
            held: Some((Arc::clone(self), ip)),
        })
    }
}

/// One connection, given back when it ends.
struct Seat {
    held: Option<(Arc<Seats>, IpAddr)>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((seats, ip)) = self.held.take() else {
            return;
        };
        let mut held = seats.0.lock();
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

    #[test]
    fn a_client_gets_its_seats_back_and_a_64_counts_as_one_client() {
        let seats = Arc::<Seats>::default();
        let (a, b) = ("2001:db8::1".parse().ok(), "2001:db8::2".parse().ok());
        let first = seats.take(a, 2).unwrap();
        let _second = seats.take(b, 2).unwrap();
        assert!(seats.take(a, 2).is_none());
        assert!(
            seats.take("2001:db8:1::1".parse().ok(), 2).is_some(),
            "another network"
        );
        drop(first);
        assert!(seats.take(b, 2).is_some());
        assert!(seats.take(a, usize::MAX).is_some(), "no cap, no count");
    }

    #[test]
    fn nothing_is_remembered_of_clients_that_left() {
        let seats = Arc::<Seats>::default();
        drop(seats.take("192.0.2.1".parse().ok(), 1));
        assert!(seats.0.lock().is_empty());
    }
}
