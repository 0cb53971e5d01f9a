//! `[server]`: where the gateway listens, and under which names browsers know it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use sidgate_policy::edge::client_ip::NamedPeers;

use super::duration::{hours, mins, ms, secs, whole_seconds, within};
use super::host::{Host, Origin, Scheme, socket_addr};
use super::hosts::{HostEntry, Hosts};
use super::listen_address::ListenAddress;
use super::networks::peers;
use super::path::PathPrefix;
use super::reader::Reader;
use super::secret::Sources;
use super::tls::TlsConfig;

const MAX_THREADS: usize = 1024;

/// Listeners and names.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Plain listeners, HTTP/1.1 and h2c. May be empty when there is TLS.
    pub listen: Vec<ListenAddress>,
    /// Listener of health, metrics, admin API and dashboard.
    pub admin_listen: SocketAddr,
    /// That of the one site, see [`super::Sites`].
    pub(super) public_origin: Origin,
    /// Those of the one site.
    pub(super) hosts: Hosts,
    /// That of the one site.
    pub(super) login_url: String,
    /// Peers who are believed about their client's address and scheme.
    pub trusted_proxies: NamedPeers,
    /// Peers whose connections begin with a header of the PROXY protocol.
    pub proxy_protocol_from: NamedPeers,
    /// Who names requests.
    pub request_id_from: RequestIdFrom,
    /// Where the public listeners say whether this node may be sent traffic, for any host.
    pub health_path: Option<String>,
    /// The folder with answers to challenges of ACME (http-01).
    pub acme_dir: Option<PathBuf>,
    /// Whether the plain listeners only redirect to https.
    pub redirect_https: bool,
    /// Worker threads; `None` is one per core.
    pub threads: Option<NonZeroUsize>,
    /// How long an idle connection of a client is kept, in whole seconds.
    pub keepalive_timeout: Duration,
    /// Requests on one HTTP/1 connection.
    pub keepalive_requests: u32,
    /// How long `/readyz` says no after SIGTERM before the listeners close.
    pub unready_before_drain: Duration,
    /// The name servers that are asked for the names of servers; empty: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// Time between two look-ups of the names of servers.
    pub resolve_every: Duration,
    /// Longest look-up of one name.
    pub resolve_timeout: Duration,
    /// How long requests may run on after SIGTERM; zero ends them at once.
    pub drain_timeout: Duration,
    /// TLS listeners.
    pub tls: Option<TlsConfig>,
}

/// Who gives a request the id under which apps and logs know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestIdFrom {
    /// The gateway, always.
    Gateway,
    /// A trusted proxy that sends one; otherwise the gateway.
    TrustedProxies,
}

impl ServerConfig {
    /// How many threads serve requests.
    #[must_use]
    pub fn worker_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(cores, NonZeroUsize::get)
    }

    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("server", |server| {
            let public_origin = server
                .text("public_origin", Origin::parse)
                .unwrap_or_else(default_origin);
            let entries = server.texts("hosts", HostEntry::parse).unwrap_or_default();
            Self {
                listen: server
                    .texts("listen", ListenAddress::parse)
                    .unwrap_or_else(|| vec![loopback(3000).into()]),
                admin_listen: server
                    .text("admin_listen", socket_addr)
                    .unwrap_or_else(|| loopback(9901)),
                hosts: Hosts::new(entries, &public_origin),
                public_origin,
                login_url: server
                    .text("login_url", login_url)
                    .unwrap_or_else(|| "/login".to_owned()),
                trusted_proxies: peers(server, "trusted_proxies"),
                proxy_protocol_from: peers(server, "proxy_protocol_from"),
                request_id_from: server
                    .choice(
                        "request_id_from",
                        &[
                            ("gateway", RequestIdFrom::Gateway),
                            ("trusted_proxies", RequestIdFrom::TrustedProxies),
                        ],
                    )
                    .unwrap_or(RequestIdFrom::Gateway),
                health_path: server.text("health_path", health_path).flatten(),
                acme_dir: server
                    .text("acme_dir", |path| folder(path, sources))
                    .flatten(),
                redirect_https: server.flag("redirect_https").unwrap_or(false),
                threads: server
                    .number("threads", 0..=MAX_THREADS)
                    .and_then(NonZeroUsize::new),
                keepalive_timeout: server
                    .text("keepalive_timeout", whole_seconds(secs(1)..=hours(1)))
                    .unwrap_or(secs(75)),
                keepalive_requests: server
                    .number("keepalive_requests", 1..=1_000_000_000)
                    .unwrap_or(10_000),
                unready_before_drain: server
                    .text("unready_before_drain", within(ms(0)..=mins(10)))
                    .unwrap_or(secs(1)),
                name_servers: server
                    .texts("name_servers", socket_addr)
                    .unwrap_or_default(),
                resolve_every: server
                    .text("resolve_every", within(secs(1)..=hours(1)))
                    .unwrap_or(secs(5)),
                resolve_timeout: server
                    .text("resolve_timeout", within(ms(100)..=mins(1)))
                    .unwrap_or(secs(2)),
                drain_timeout: server
                    .text("drain_timeout", within(ms(0)..=hours(1)))
                    .unwrap_or(secs(15)),
                tls: TlsConfig::read(server, sources),
            }
        })
    }
}

fn default_origin() -> Origin {
    Origin {
        scheme: Scheme::Http,
        host: Host::localhost(),
        port: 3000,
    }
}

/// The address of a port on this machine.
pub(super) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A path like any other, except that its trailing slash stays: an app that wants it would redirect once more.
pub(super) fn login_url(text: &str) -> Result<String, String> {
    if text.contains("://") || text.starts_with("//") {
        return Err(format!(
            "{text:?}: the login page is one of the site itself; write its path, such as \"/login\", or give each host its place in [[sites]]"
        ));
    }
    PathPrefix::parse_public(text)?;
    Ok(text.to_owned())
}

/// A path; empty for none.
fn health_path(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let path = PathPrefix::parse_public(text)?;
    match path.as_str() {
        "/" => Err("must be a path of its own, such as \"/healthz\"".to_owned()),
        path => Ok(Some(path.to_owned())),
    }
}

/// A folder that is there; empty for none.
fn folder(path: &str, sources: &Sources<'_>) -> Result<Option<PathBuf>, String> {
    let Some(path) = sources.guarded_path(path)? else {
        return Ok(None);
    };
    if path.is_dir() {
        Ok(Some(path))
    } else {
        Err(format!("{} is no folder", path.display()))
    }
}

/// Whether a network is the whole Internet, also as addresses inside IPv6.
pub(super) fn is_everybody(network: &IpNet) -> bool {
    const ALL_IPV4_INSIDE_IPV6: (Ipv6Addr, u8) = (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

    let (mapped, len) = ALL_IPV4_INSIDE_IPV6;
    let holds_all_ipv4 = network.prefix_len() <= len && network.contains(&IpAddr::V6(mapped));
    network.prefix_len() == 0 || holds_all_ipv4
}
