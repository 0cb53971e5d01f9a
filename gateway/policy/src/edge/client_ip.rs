//! Who is at the other end? The socket's peer, unless that peer is a proxy the operator has named.
//!
//! `X-Forwarded-For` is a list to which every hop appends the address it saw. Only the tail written
//! by trusted proxies means anything; everything to its left is whatever the client typed. So the
//! list is read from the right and the first address that is not a trusted proxy is the client.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The address of the client behind `peer`.
///
/// Text that is no address ends the walk: the hop before it is the last one that somebody trusted
/// has vouched for.
#[must_use]
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, trusted) {
        return client;
    }
    let fields = headers.get_all("x-forwarded-for").into_iter().rev();
    for hop in fields.flat_map(|field| field.as_bytes().rsplit(|&byte| byte == b',')) {
        let Some(address) = parse_hop(hop) else {
            break;
        };
        client = address;
        if !is_trusted(client, trusted) {
            break;
        }
    }
    client
}

/// Is this a proxy that the operator has named?
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// The address under which a client is counted by limits: a household or server owns a whole IPv6
/// /64.
#[must_use]
pub fn limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Net::new_assert(v6, 64).network().into(),
        v4 => v4,
    }
}

/// The network of a client: the /24 of an IPv4 address, the /64 of an IPv6 address.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match limit_key(address) {
        IpAddr::V4(v4) => Ipv4Net::new_assert(v4, 24).network().into(),
        v6 => v6,
    }
}

/// An address, in brackets or not, with a port or not: proxies write all four.
fn parse_hop(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bracketed = || {
        text.strip_prefix('[')?
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
            .map(IpAddr::V6)
    };
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse::<IpAddr>()
        .ok()
        .or_else(bracketed)
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests;
