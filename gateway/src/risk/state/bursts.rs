//! How often one client is refused. Many refusals in a short time are a burst, which suggests somebody who guesses.
//!
//! An IPv6 client is its /64, and whoever has a /48 has 65,536 of them. So the network around a client, its /48 or its
//! /24, is counted as well: refusals that are spread over it are a burst of the network, and of the bursts of its clients
//! only the first few are told.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use session_core::clock::Boot;
use sidgate_policy::edge::client_ip::{self, limit_key};

use crate::config::Rate;

/// Most clients, and most networks, that are counted at a time: about 80 bytes each. Further ones are not counted until
/// there is room.
const NAMES_MAX: usize = 20_000;
/// Clients of one network that are counted one by one; the others only as part of it.
const CLIENTS_OF_ONE: u32 = 64;
/// Bursts of clients of one network that are told in a period.
const TOLD_OF_ONE: u32 = 4;
/// A network has a burst at this many times the rate of a client.
const NETWORK_FACTOR: u32 = 8;
/// Room is looked for at most this often: a look costs a walk over all names.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    /// A sid that is no session.
    Sid,
    /// A login.
    Login,
}

/// Refusals by client and by network.
#[derive(Debug, Default)]
pub(crate) struct Bursts(Mutex<Counts>);

type Name = (Refused, IpAddr);

#[derive(Debug, Default)]
struct Counts {
    clients: HashMap<Name, Count>,
    networks: HashMap<Name, Network>,
    swept: Boot,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Boot,
    times: u32,
}

#[derive(Clone, Copy, Debug)]
struct Network {
    count: Count,
    /// Its clients that are counted one by one.
    clients: u32,
    /// Those whose burst was told.
    told: u32,
}

impl Bursts {
    /// Counts one refusal. Returns the network to report, the client's or the one around it, when this refusal makes it
    /// a burst: once in each period.
    pub(crate) fn count(
        &self,
        what: Refused,
        client: IpAddr,
        rate: Rate,
        now: Boot,
    ) -> Option<IpAddr> {
        let around = around(client);
        let (name, around_name) = ((what, limit_key(client)), (what, around));
        let mut counts = self.0.lock();
        counts.sweep(rate.per, now);
        let is_counted = counts.clients.contains_key(&name);
        let has_place = is_counted || counts.clients.len() < NAMES_MAX;
        if counts.networks.len() >= NAMES_MAX && !counts.networks.contains_key(&around_name) {
            return None;
        }
        let network = counts
            .networks
            .entry(around_name)
            .or_insert(Network::new(now));
        if now.since(network.count.since) >= rate.per {
            *network = Network::new(now);
        }
        network.count.times = network.count.times.saturating_add(1);
        if network.count.times == rate.count.get().saturating_mul(NETWORK_FACTOR) {
            return Some(around);
        }
        if !is_counted {
            if !has_place || network.clients >= CLIENTS_OF_ONE {
                return None;
            }
            network.clients += 1;
        }
        let may_tell = network.told < TOLD_OF_ONE;
        let is_burst = counts.count_client(name, rate, now);
        if is_burst
            && may_tell
            && let Some(network) = counts.networks.get_mut(&around_name)
        {
            network.told += 1;
            return Some(client_ip::network(client));
        }
        None
    }
}

impl Counts {
    fn count_client(&mut self, name: Name, rate: Rate, now: Boot) -> bool {
        let count = self.clients.entry(name).or_insert(Count::new(now));
        if now.since(count.since) >= rate.per {
            *count = Count::new(now);
        }
        count.times = count.times.saturating_add(1);
        count.times == rate.count.get()
    }

    /// Drops counts whose period is over, when there is no room.
    fn sweep(&mut self, per: Duration, now: Boot) {
        let is_full = self.clients.len() >= NAMES_MAX || self.networks.len() >= NAMES_MAX;
        if !is_full || now.since(self.swept) < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        self.clients.retain(|_, count| now.since(count.since) < per);
        self.networks
            .retain(|_, network| now.since(network.count.since) < per);
    }
}

impl Count {
    const fn new(since: Boot) -> Self {
        Self { since, times: 0 }
    }
}

impl Network {
    const fn new(since: Boot) -> Self {
        Self {
            count: Count::new(since),
            clients: 0,
            told: 0,
        }
    }
}

/// The network that one owner usually has: the /48 of an IPv6 address, the /24 of an IPv4 address.
fn around(client: IpAddr) -> IpAddr {
    match client_ip::network(client) {
        IpAddr::V6(network) => {
            let [a, b, c, ..] = network.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        count: std::num::NonZeroU32::new(3).unwrap(),
        per: Duration::from_secs(60),
    };

    fn at(seconds: u64) -> Boot {
        Boot::from_nanos(seconds * 1_000_000_000)
    }

    fn client(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn the_third_in_a_minute_is_a_burst_once() {
        let bursts = Bursts::default();
        let mut count = |seconds| {
            let said = bursts.count(Refused::Sid, client(1), RATE, at(seconds));
            said.is_some()
        };
        let said: Vec<bool> = [0, 10, 59, 59, 60, 61, 119].map(&mut count).to_vec();
        assert_eq!(said, [false, false, true, false, false, false, true]);
    }

    #[test]
    fn a_client_is_its_64_and_kinds_are_counted_apart() {
        let bursts = Bursts::default();
        let count = |what, client: &str| bursts.count(what, client.parse().unwrap(), RATE, at(1));
        assert_eq!(count(Refused::Sid, "2001:db8::1"), None);
        assert_eq!(count(Refused::Sid, "2001:db8::2"), None);
        assert_eq!(count(Refused::Login, "2001:db8::3"), None);
        assert_eq!(count(Refused::Sid, "2001:db8:0:1::1"), None);
        assert_eq!(
            count(Refused::Sid, "2001:db8::4"),
            Some("2001:db8::".parse().unwrap())
        );
    }

    /// Whoever has a /48 has 65,536 clients: a few of them are told, then the /48, then nothing.
    #[test]
    fn a_network_is_told_a_few_times_and_not_once_for_each_of_its_clients() {
        let bursts = Bursts::default();
        let mut told = Vec::new();
        for n in 0..1_000 {
            for _ in 0..3 {
                let client = format!("2001:db8:7:{n:x}::1").parse().unwrap();
                told.extend(bursts.count(Refused::Sid, client, RATE, at(1)));
            }
        }
        let last: IpAddr = "2001:db8:7::".parse().unwrap();
        assert_eq!(told.len(), 5, "{told:?}");
        assert_eq!(told.iter().filter(|network| **network == last).count(), 2);
        let other = "2001:db8:8::1".parse().unwrap();
        let said: Vec<_> = (0..3)
            .map(|_| bursts.count(Refused::Sid, other, RATE, at(1)).is_some())
            .collect();
        assert_eq!(said, [false, false, true], "another network");
    }

    #[test]
    fn refusals_that_are_spread_over_a_network_are_its_burst() {
        let bursts = Bursts::default();
        let mut told = Vec::new();
        for n in 0..RATE.count.get() * NETWORK_FACTOR {
            let client = format!("2001:db8:7:{n:x}::1").parse().unwrap();
            told.extend(bursts.count(Refused::Sid, client, RATE, at(1)));
        }
        assert_eq!(told, ["2001:db8:7::".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn memory_is_bounded_and_comes_back() {
        let bursts = Bursts::default();
        for n in 0..50_000 {
            bursts.count(Refused::Sid, client(n << 8), RATE, at(1));
        }
        let lengths = || {
            let counts = bursts.0.lock();
            (counts.clients.len(), counts.networks.len())
        };
        assert_eq!(lengths(), (NAMES_MAX, NAMES_MAX));
        for _ in 0..3 {
            let said = bursts.count(Refused::Login, client(1), RATE, at(2));
            assert_eq!(said, None, "no room");
        }
        assert_eq!(bursts.count(Refused::Login, client(1), RATE, at(62)), None);
        assert_eq!(lengths(), (1, 1));
    }

    /// One network takes no more than its share of the room.
    #[test]
    fn one_network_does_not_fill_the_memory() {
        let bursts = Bursts::default();
        for n in 0..5_000 {
            let client = format!("2001:db8:7:{n:x}::1").parse().unwrap();
            bursts.count(Refused::Sid, client, RATE, at(1));
        }
        assert_eq!(bursts.0.lock().clients.len(), 64);
    }
}
