//! Proxies that are named: their networks as CIDR, as single addresses, or by a word.

use std::net::IpAddr;

use ipnet::IpNet;
use sidgate_policy::edge::client_ip::NamedPeers;

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// Networks that no router of the Internet knows (RFC 1918, RFC 4193).
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

use super::reader::Reader;

/// What one entry means.
#[derive(PartialEq)]
enum Entry {
    Networks(Vec<IpNet>),
    Unix,
}

/// The peers that `key` names; none where it is absent.
pub(super) fn peers(section: &mut Reader<'_>, key: &'static str) -> NamedPeers {
    let mut named = NamedPeers::default();
    for entry in section.texts(key, entry).unwrap_or_default() {
        match entry {
            Entry::Networks(networks) => named.networks.extend(networks),
            Entry::Unix => named.unix = true,
        }
    }
    named
}

/// Whoever is on this machine.
pub(super) fn loopback_peers() -> NamedPeers {
    NamedPeers {
        networks: known(&LOOPBACK),
        unix: false,
    }
}

/// The networks that an entry means where only addresses count.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    match entry(text)? {
        Entry::Networks(networks) => Ok(networks),
        Entry::Unix => {
            Err("\"unix\" is no network, and a client of a unix socket has no address".to_owned())
        }
    }
}

/// A network, an address, `loopback`, `private_ranges`, which includes `loopback`, or `unix`.
fn entry(text: &str) -> Result<Entry, String> {
    Ok(match text {
        "unix" => Entry::Unix,
        "loopback" => Entry::Networks(known(&LOOPBACK)),
        "private_ranges" => Entry::Networks([known(&LOOPBACK), known(&PRIVATE)].concat()),
        _ => Entry::Networks(vec![network(text)?]),
    })
}

fn known(networks: &[&str]) -> Vec<IpNet> {
    networks
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect()
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Ok(network.trunc());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let address = text.split_once('/').map(|(address, _)| address);
    Err(match address.and_then(|address| address.parse().ok()) {
        Some(IpAddr::V4(_)) => {
            format!("{text:?}: the number behind \"/\" is 0 to 32 for an IPv4 network")
        }
        Some(IpAddr::V6(_)) => {
            format!("{text:?}: the number behind \"/\" is 0 to 128 for an IPv6 network")
        }
        None => format!(
            "{text:?} is neither a network such as \"10.0.0.0/8\" nor an address, nor one of the words \"loopback\", \"private_ranges\" and \"unix\""
        ),
    })
}
