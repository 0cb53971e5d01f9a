//! How often one client is refused: a burst is somebody who tries things out.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use session_core::clock::Boot;

use crate::config::Rate;
use crate::edge::client_ip::limit_key;

/// Most clients that are counted at a time: about 60 bytes each. Others are not, until there is room.
const CLIENTS_MAX: usize = 20_000;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    /// A sid that is no session.
    Sid,
    /// A login.
    Login,
}

/// Refusals by client; an IPv6 client is its /64.
#[derive(Debug, Default)]
pub(crate) struct Bursts(Mutex<HashMap<(Refused, IpAddr), Count>>);

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Boot,
    times: u32,
}

impl Bursts {
    /// Counts one; true when this one makes it a burst, once in each period.
    pub(crate) fn count(&self, what: Refused, client: IpAddr, rate: Rate, now: Boot) -> bool {
        let name = (what, limit_key(client));
        let mut clients = self.0.lock();
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(&name) {
            clients.retain(|_, count| now.since(count.since) < rate.per);
            if clients.len() >= CLIENTS_MAX {
                return false;
            }
        }
        let fresh = Count {
            since: now,
            times: 0,
        };
        let count = clients.entry(name).or_insert(fresh);
        if now.since(count.since) >= rate.per {
            *count = fresh;
        }
        count.times = count.times.saturating_add(1);
        count.times == rate.count.get()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let mut count = |seconds| bursts.count(Refused::Sid, client(1), RATE, at(seconds));
        let said: Vec<bool> = [0, 10, 59, 59, 60, 61, 119].map(&mut count).to_vec();
        assert_eq!(said, [false, false, true, false, false, false, true]);
    }

    #[test]
    fn a_client_is_its_64_and_kinds_are_counted_apart() {
        let bursts = Bursts::default();
        let count = |what, client: &str| bursts.count(what, client.parse().unwrap(), RATE, at(1));
        assert!(!count(Refused::Sid, "2001:db8::1"));
        assert!(!count(Refused::Sid, "2001:db8::2"));
        assert!(!count(Refused::Login, "2001:db8::3"));
        assert!(!count(Refused::Sid, "2001:db8:0:1::1"));
        assert!(count(Refused::Sid, "2001:db8::4"));
    }

    #[test]
    fn memory_is_bounded_and_comes_back() {
        let bursts = Bursts::default();
        for n in 0..50_000 {
            bursts.count(Refused::Sid, client(n), RATE, at(1));
        }
        assert_eq!(bursts.0.lock().len(), CLIENTS_MAX);
        for _ in 0..3 {
            assert!(
                !bursts.count(Refused::Sid, client(60_000), RATE, at(2)),
                "no room"
            );
        }
        assert!(!bursts.count(Refused::Sid, client(60_000), RATE, at(62)));
        assert_eq!(bursts.0.lock().len(), 1);
    }
}
