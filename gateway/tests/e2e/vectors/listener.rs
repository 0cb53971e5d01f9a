//! The listeners that vectors are sent to.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use session_testing::{TestAuthority, Validity};

use sidgate_testkit::builder::Builder;
use sidgate_testkit::port::free_port;
use sidgate_testkit::tls;
use sidgate_testkit::wire::Way;

/// The listener that vectors are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Port,
    Unix,
    /// A port, from a peer that speaks for 127.0.0.1.
    Proxy,
    /// A port with TLS that asks for a certificate.
    MutualTls,
}

pub(super) type Ways = Box<dyn FnOnce(SocketAddr) -> [Way; 2]>;

/// A gateway with such a listener, and the ways there by HTTP/1 and HTTP/2, once the address of its port is known.
pub(super) fn on_listener<'a>(by: By, builder: Builder<'a>, socket: &Path) -> (Builder<'a>, Ways) {
    match by {
        By::Port => (builder, Box::new(|at| [Way::Tcp(at), Way::Tcp(at)])),
        By::Unix => {
            let way = Way::Unix(socket.to_owned());
            let builder = builder.listens_also(&format!("unix:{}", socket.display()));
            (builder, Box::new(move |_| [way.clone(), way]))
        }
        By::Proxy => {
            let balancer = Ipv4Addr::new(127, 0, 0, 2);
            let header = b"PROXY TCP4 127.0.0.1 192.0.2.2 1 2\r\n".to_vec();
            let builder = builder.with("[server]\nproxy_protocol_from = [\"127.0.0.2\"]");
            let ways = move |at| {
                let way = Way::From(balancer, at, header);
                [way.clone(), way]
            };
            (builder, Box::new(ways))
        }
        By::MutualTls => {
            let authority = TestAuthority::new();
            let own = authority.issue("client", "DNS:client.test", Validity::Now);
            let ((cert, key), port) = (tls::files(), free_port());
            let ca = socket.with_file_name("ca.pem");
            std::fs::copy(authority.certificate(), &ca).unwrap();
            let builder = builder.with(&format!(
                "[server.tls]\nlisten = [\"127.0.0.1:{port}\"]\ncert = {cert:?}\nkey = {key:?}\nclient_ca = {ca:?}"
            ));
            let speaking = |alpn: &[u8]| {
                let mut config = tls::client(Some((&own.cert, &own.key)), rustls::ALL_VERSIONS);
                config.alpn_protocols = vec![alpn.to_vec()];
                Way::Tls(Arc::new(config), port, "localhost")
            };
            let ways = [speaking(b"http/1.1"), speaking(b"h2")];
            (builder, Box::new(move |_| ways))
        }
    }
}
