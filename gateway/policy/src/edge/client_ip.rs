//! Who is at the other end? The socket's peer, unless that peer is a proxy the operator has named.
//!
//! The peer of a Unix socket has no address. It can be named as a proxy all the same, by the word `unix`.
//!
//! `X-Forwarded-For` is a list to which every hop appends the address it saw. Only the tail written
//! by trusted proxies means anything; everything to its left is whatever the client typed. So the
//! list is read from the right and the first address that is not a trusted proxy is the client.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Whoever has this address.
    Address(IpAddr),
    /// A process on this machine, by a Unix socket.
    Unix,
}

impl Peer {
    /// Its address, in the shortest spelling.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.to_canonical()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => f.write_str("unix"),
        }
    }
}

/// Peers that the operator has named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPeers {
    /// Those with these addresses.
    pub networks: Vec<IpNet>,
    /// Whoever comes by a Unix socket.
    pub unix: bool,
}

impl NamedPeers {
    /// Is this one of them?
    #[must_use]
    pub fn contain(&self, peer: Peer) -> bool {
        match peer {
            Peer::Address(address) => self.contain_address(address),
            Peer::Unix => self.unix,
        }
    }

    /// Are there none?
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    fn contain_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|net| net.contains(&address))
    }
}

/// The address of the client behind `peer`; `None` where nobody knows it.
///
/// Text that is no address ends the walk: the hop before it is the last one that somebody trusted
/// has vouched for.
#[must_use]
pub fn client_ip(peer: Peer, headers: &HeaderMap, trusted: &NamedPeers) -> Option<IpAddr> {
    if trusted.contain(peer) {
        behind(peer.address(), headers, trusted)
    } else {
        peer.address()
    }
}

/// The same for a peer at `own` that is believed about the hop before it, whoever else is `trusted`.
#[must_use]
pub fn behind(own: Option<IpAddr>, headers: &HeaderMap, trusted: &NamedPeers) -> Option<IpAddr> {
    let mut client = own;
    let fields = headers.get_all("x-forwarded-for").into_iter().rev();
    for hop in fields.flat_map(|field| field.as_bytes().rsplit(|&byte| byte == b',')) {
        let Some(address) = parse_hop(hop) else {
            break;
        };
        client = Some(address);
        if !trusted.contain_address(address) {
            break;
        }
    }
    client
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
