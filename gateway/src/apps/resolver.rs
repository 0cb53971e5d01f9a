//! Looks names up: as the system's `hosts` file and name servers say, or the name servers of `server.name_servers`.
//!
//! What name servers say is believed for as long as they say. A name that they do not know is asked for again at the next
//! turn, whatever they say about that: the name of an app that is about to start must not stay unknown for an hour.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use session_core::cause::plain;

use super::server::Located;
use crate::config::{Host, ServerAddress, ServerConfig, UpstreamServer};

/// Addresses of one name that are used. A name with more has enough of them.
const ADDRESSES_MAX: usize = 256;
/// What a weight of an SRV record becomes, at most.
const WEIGHT_MAX: u32 = 100;

/// Where a name server of this machine listens.
const LOCAL_NAME_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

type Builder = ResolverBuilder<TokioRuntimeProvider>;

/// Where a name leads, and for how long that may be believed.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) places: Vec<Located>,
    pub(crate) lasts: Duration,
}

/// Looks names up.
pub(crate) struct Resolver {
    /// Or why there is none.
    resolver: Result<TokioResolver, String>,
    limit: Duration,
}

impl Resolver {
    /// As `server` says. Reads the system's configuration.
    pub(crate) fn new(server: &ServerConfig) -> Self {
        Self {
            resolver: build(server).map_err(|error| error.to_string()),
            limit: server.resolve_timeout,
        }
    }

    /// Where `server` is. One that is given by its address or its socket is there without a look-up.
    ///
    /// # Errors
    /// Why it cannot be found.
    pub(crate) async fn locate(&self, server: &UpstreamServer) -> Result<Found, String> {
        let looked_up = async {
            match (Located::without_a_name(server), &server.address) {
                (None, ServerAddress::Tcp(at)) => self.hosts(server, &at.host, at.port).await,
                (None, ServerAddress::Srv(name)) => self.services(server, name).await,
                (place, _) => Ok(Found {
                    places: place.into_iter().collect(),
                    ..nothing()
                }),
            }
        };
        match tokio::time::timeout(self.limit, looked_up).await {
            Ok(Ok(found)) if found.places.is_empty() => {
                Err(format!("the name {server} has no address"))
            }
            Ok(found) => found,
            Err(_elapsed) => Err(format!(
                "no name server has answered within {:?}",
                self.limit
            )),
        }
    }

    async fn hosts(
        &self,
        server: &UpstreamServer,
        host: &Host,
        port: u16,
    ) -> Result<Found, String> {
        let (addresses, until) = self.addresses(&host.to_string()).await?;
        let places = addresses
            .into_iter()
            .map(|ip| at(server, host, (ip, port).into(), server.weight));
        Ok(Found {
            places: places.collect(),
            lasts: remaining(until),
        })
    }

    /// RFC 2782: of the records with the lowest priority each is a server, with its weight.
    async fn services(&self, server: &UpstreamServer, name: &str) -> Result<Found, String> {
        let answer = self.resolver()?.srv_lookup(name).await;
        let answer = answer.map_err(|error| not_found(name, &error))?;
        let records = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(srv),
                _ => None,
            });
        let records: Vec<_> = records.collect();
        let first = records.iter().map(|srv| srv.priority).min();
        let records = records
            .into_iter()
            .filter(|srv| Some(srv.priority) == first);
        let records: Vec<_> = records.take(ADDRESSES_MAX).collect();
        let heaviest = records.iter().map(|srv| u32::from(srv.weight)).max();
        let mut found = Found {
            lasts: remaining(answer.valid_until()),
            ..nothing()
        };
        for srv in records {
            let target = srv.target.to_utf8();
            let host = Host::parse(target.trim_end_matches('.'))?;
            let share = u32::from(srv.weight) * WEIGHT_MAX / heaviest.unwrap_or(0).max(1);
            let weight = u16::try_from(share.max(1)).unwrap_or(1);
            let (addresses, until) = self.addresses(&target).await?;
            found.lasts = found.lasts.min(remaining(until));
            let places = addresses
                .into_iter()
                .map(|ip| at(server, &host, (ip, srv.port).into(), weight));
            found.places.extend(places);
        }
        found.places.truncate(ADDRESSES_MAX);
        Ok(found)
    }

    async fn addresses(&self, name: &str) -> Result<(Vec<IpAddr>, Instant), String> {
        let found = self.resolver()?.lookup_ip(name).await;
        let found = found.map_err(|error| not_found(name, &error))?;
        let mut addresses = Vec::new();
        for address in found.iter().take(ADDRESSES_MAX) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        // The same order whatever the name server turns around.
        addresses.sort_unstable();
        Ok((addresses, found.valid_until()))
    }

    fn resolver(&self) -> Result<&TokioResolver, String> {
        let missing = |why: &String| format!("names cannot be looked up: {why}");
        self.resolver.as_ref().map_err(missing)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

fn build(server: &ServerConfig) -> Result<TokioResolver, NetError> {
    let mut builder = match server.name_servers.as_slice() {
        [] => of_system(TokioResolver::builder_tokio()),
        servers => asking(servers),
    };
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    options.negative_max_ttl = Some(server.resolve_every);
    // So that a second one is asked while there is time.
    options.timeout = server.resolve_timeout / 2;
    builder.build()
}

/// As resolv.conf(5) has it: where the system names no name server, the one of this machine is asked. The `hosts` file counts all the
/// same.
fn of_system(read: Result<Builder, NetError>) -> Builder {
    read.unwrap_or_else(|error| {
        tracing::warn!(
            kind = "no_name_servers",
            cause = %error,
            "the system's configuration of name servers cannot be used; names are looked up in its hosts file, and at {LOCAL_NAME_SERVER}"
        );
        asking(&[LOCAL_NAME_SERVER])
    })
}

fn asking(servers: &[SocketAddr]) -> Builder {
    let servers = servers.iter().map(name_server).collect();
    let config = ResolverConfig::from_name_servers(servers);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut config = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut config.connections {
        let ConnectionConfig { port, .. } = connection;
        *port = address.port();
    }
    config
}

fn at(server: &UpstreamServer, host: &Host, address: SocketAddr, weight: u16) -> Located {
    Located {
        address: address.into(),
        host: Some(host.clone()),
        tls: server.tls,
        weight,
    }
}

const fn nothing() -> Found {
    Found {
        places: Vec::new(),
        lasts: Duration::MAX,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the library tells a time of the standard library's clock"
)]
fn remaining(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

fn not_found(name: &str, error: &NetError) -> String {
    let name = name.trim_end_matches('.');
    if error.is_nx_domain() {
        return format!("the name {name} does not resolve (no such name)");
    }
    if error.is_no_records_found() {
        return format!("the name {name} does not resolve (it has no address)");
    }
    format!("{name}: {}", plain(&error.to_string()))
}

#[cfg(test)]
mod tests;
