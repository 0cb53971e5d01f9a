//! Networks of proxies: as CIDR, as single addresses, or by a word.

use std::net::IpAddr;

use ipnet::IpNet;

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// Networks that no router of the Internet knows (RFC 1918, RFC 4193).
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// What one entry means: a network, an address, `loopback`, or `private_ranges`, which includes `loopback`.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    match text {
        "loopback" => Ok(known(&LOOPBACK)),
        "private_ranges" => Ok([known(&LOOPBACK), known(&PRIVATE)].concat()),
        _ => network(text).map(|network| vec![network]),
    }
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
            "{text:?} is neither a network such as \"10.0.0.0/8\" nor an address, nor one of the words \"loopback\" and \"private_ranges\""
        ),
    })
}
