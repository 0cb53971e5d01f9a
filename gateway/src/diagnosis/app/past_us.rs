//! Can others reach an app without the gateway?
//!
//! Only what this machine can see is said. An app on loopback should listen there alone, so its port is tried at the machine's other
//! addresses. Whether a firewall stands before those, or before an app on another machine, cannot be seen from here.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::diagnosis::finding::{Finding, Question, Topic};

/// Longest attempt at an address of this very machine.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Addresses of this machine that are tried.
const ADDRESSES_MAX: usize = 16;

/// Tries the port of a server at the other addresses of this machine. `refuses_strangers`: the app says that it serves nobody who
/// comes without an assertion.
pub(super) async fn judge(server: SocketAddr, subject: &str, refuses_strangers: bool) -> Finding {
    let question = Question::new(
        Topic::Bypass,
        subject,
        format!(
            "connect to port {} at this machine's other addresses",
            server.port()
        ),
    );
    let others = own_addresses();
    let is_here = server.ip().is_loopback() || others.contains(&server.ip());
    if !is_here {
        return question.skipped(format!(
            "who else reaches {server} cannot be seen from here: let only the gateway reach it"
        ));
    }
    if others.is_empty() {
        return question.skipped("this machine has no address but loopback");
    }
    let mut reached = None;
    for address in others {
        let place = SocketAddr::new(address, server.port());
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(place));
        if matches!(connected.await, Ok(Ok(_))) {
            reached = Some(place);
            break;
        }
    }
    let Some(place) = reached else {
        return question.ok("on loopback alone");
    };
    let answer = format!("listens at {place} too: others may reach it there without the gateway");
    let remedy = format!(
        "let it listen on 127.0.0.1:{} alone, or let a firewall keep others out",
        server.port()
    );
    if refuses_strangers {
        question.warn(format!("{answer}; it refuses whoever does"), remedy)
    } else {
        question.fail(answer, remedy)
    }
}

/// The addresses of this machine that another one could use. Empty where the system does not tell.
fn own_addresses() -> Vec<IpAddr> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let v4 = ipv4_in(&text("/proc/net/fib_trie"))
        .into_iter()
        .map(IpAddr::V4);
    let v6 = ipv6_in(&text("/proc/net/if_inet6"))
        .into_iter()
        .map(IpAddr::V6);
    v4.chain(v6).take(ADDRESSES_MAX).collect()
}

/// The local addresses of a routing table, as Linux prints it: an address, and under it what it is.
fn ipv4_in(table: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in table.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last
            && !address.is_loopback()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// The addresses of a list as Linux prints it: 32 hexadecimal digits first. Addresses of one link alone are left out.
fn ipv6_in(list: &str) -> Vec<Ipv6Addr> {
    let words = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    words
        .filter_map(|digits| u128::from_str_radix(digits, 16).ok())
        .map(Ipv6Addr::from_bits)
        .filter(|address| !address.is_loopback() && !address.is_unicast_link_local())
        .collect()
}

#[cfg(test)]
mod tests;
