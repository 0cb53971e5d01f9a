//! A bare Pingora: what is received goes to one upstream, and the answer comes back.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::Result;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

use crate::Fault;

/// As long as the comparison's configuration of Sidgate says.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

struct PassThrough {
    upstream: SocketAddr,
}

#[async_trait]
impl ProxyHttp for PassThrough {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _ctx: &mut Self::CTX,
    ) -> Result<Box<HttpPeer>> {
        let mut peer = HttpPeer::new(self.upstream, false, String::new());
        peer.options.idle_timeout = Some(IDLE_TIMEOUT);
        Ok(Box::new(peer))
    }
}

/// Serves until it is killed: `LISTEN UPSTREAM THREADS`, and `CERT KEY` for TLS with HTTP/2.
///
/// # Errors
/// When the arguments make no sense, or the certificate cannot be read.
pub fn serve(arguments: impl Iterator<Item = String>) -> std::result::Result<(), Fault> {
    let arguments: Vec<String> = arguments.collect();
    let ([listen, upstream, threads], certificate) = arguments
        .split_first_chunk()
        .ok_or("usage: passthrough LISTEN UPSTREAM THREADS [CERT KEY]")?;
    let conf = ServerConf {
        threads: threads.parse()?,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let proxy = PassThrough {
        upstream: upstream.parse()?,
    };
    let mut service = http_proxy_service(&server.configuration, proxy);
    match certificate {
        [cert, key] => {
            let mut settings = TlsSettings::intermediate(cert, key)?;
            settings.enable_h2();
            service.add_tls_with_settings(listen, None, settings);
        }
        _ => service.add_tcp(listen),
    }
    server.add_service(service);
    server.run_forever();
}
