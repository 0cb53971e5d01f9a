//! A server of an app that is one of our own listeners: each request would come back to us.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use super::authz::AuthzConfig;
use super::file::Document;
use super::host::HostPort;
use super::listen_address::ListenAddress;
use super::server::ServerConfig;
use super::upstreams::{ServerAddress, Upstream};

/// No server of an app is an address at which the gateway itself listens.
pub(super) fn check(
    document: &Document<'_>,
    (server, authz): (&ServerConfig, Option<&AuthzConfig>),
    upstreams: &[Arc<Upstream>],
) {
    let tls = server.tls.iter().flat_map(|tls| &tls.listen);
    let own = server
        .listen
        .iter()
        .map(|address| ("server.listen", address));
    let of_edges = authz.into_iter().flat_map(|authz| &authz.listen);
    let own: Vec<(&str, &ListenAddress)> = own
        .chain(of_edges.map(|address| ("authz.listen", address)))
        .collect();
    let listeners: Vec<(&str, SocketAddr)> = own
        .iter()
        .filter_map(|(key, address)| Some((*key, address.tcp()?)))
        .chain(tls.map(|address| ("server.tls.listen", *address)))
        .chain([("server.admin_listen", server.admin_listen)])
        .collect();
    let sockets: Vec<(&str, &Path)> = own
        .iter()
        .filter_map(|(key, address)| Some((*key, address.unix()?.path.as_path())))
        .collect();
    for upstream in upstreams {
        for server in &upstream.servers {
            let own = match &server.address {
                ServerAddress::Tcp(address) => listeners
                    .iter()
                    .find(|(_, at)| reaches(address, *at))
                    .map(|(key, at)| (*key, at.to_string())),
                ServerAddress::Unix(path) => sockets
                    .iter()
                    .find(|(_, own)| own == path)
                    .map(|(key, _)| (*key, "the same socket".to_owned())),
                // Where it leads is known when the gateway runs.
                ServerAddress::Srv(_) => None,
            };
            let Some((listener, at)) = own else {
                continue;
            };
            let key = format!("upstreams.{}.servers", upstream.name);
            let message = format!(
                "\"{server}\" is where sidgate itself listens ({listener}, {at}): its requests would come back; name the address of the app"
            );
            document.contradiction(&[&key, listener], message);
        }
    }
}

/// Whether whoever connects to `server` on this machine is accepted by a listener at `at`.
fn reaches(server: &HostPort, at: SocketAddr) -> bool {
    if server.port != at.port() {
        return false;
    }
    let listener = at.ip().to_canonical();
    let is_open_to_this_machine = listener.is_loopback() || listener.is_unspecified();
    match server.host.ip().map(|address| address.to_canonical()) {
        // A name of this machine leads to 127.0.0.1 or ::1.
        None => server.host.is_loopback() && is_first(listener),
        // To connect to "all addresses" is to connect to this machine.
        Some(address) if address.is_unspecified() => is_open_to_this_machine,
        Some(address) => {
            let same_family = address.is_ipv4() == listener.is_ipv4() || at.is_ipv6();
            let is_any = listener.is_unspecified() && address.is_loopback() && same_family;
            address == listener || is_any
        }
    }
}

/// Whether 127.0.0.1 or ::1 leads to a listener.
fn is_first(listener: IpAddr) -> bool {
    match listener {
        IpAddr::V4(address) => address == std::net::Ipv4Addr::LOCALHOST || address.is_unspecified(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_own_address_is_known() {
        for (server, listener, own) in [
            ("localhost:3000", "127.0.0.1:3000", true),
            ("app.localhost:3000", "[::1]:3000", true),
            ("localhost:3000", "0.0.0.0:3000", true),
            ("localhost:3000", "[::]:3000", true),
            ("127.0.0.1:3000", "127.0.0.1:3000", true),
            ("127.0.0.1:3000", "0.0.0.0:3000", true),
            ("127.0.0.9:3000", "0.0.0.0:3000", true),
            ("127.0.0.1:3000", "[::]:3000", true),
            ("[::1]:3000", "[::]:3000", true),
            ("[::ffff:127.0.0.1]:3000", "127.0.0.1:3000", true),
            ("0.0.0.0:3000", "127.0.0.1:3000", true),
            ("[::]:3000", "[::1]:3000", true),
            ("10.0.0.5:3000", "10.0.0.5:3000", true),
            ("localhost:3001", "127.0.0.1:3000", false),
            ("localhost:3000", "10.0.0.5:3000", false),
            ("10.0.0.6:3000", "10.0.0.5:3000", false),
            ("10.0.0.6:3000", "0.0.0.0:3000", false),
            ("127.0.0.2:3000", "127.0.0.1:3000", false),
            ("[::1]:3000", "0.0.0.0:3000", false),
            ("app.internal:3000", "0.0.0.0:3000", false),
        ] {
            let server = HostPort::parse(server).expect(server);
            let at = listener.parse().expect(listener);
            assert_eq!(reaches(&server, at), own, "{server} and {listener}");
        }
    }
}
