//! What is known of the servers of one app: their addresses, and which names do not resolve since when.

use std::net::SocketAddr;

use session_core::clock::Timestamp;

use crate::config::HostPort;
use crate::views::session::rfc3339;

/// The servers in the order of the configuration.
#[derive(Debug)]
pub(super) struct Names(Vec<Name>);

#[derive(Clone, Debug)]
struct Name {
    server: String,
    /// Its last known addresses.
    addresses: Vec<SocketAddr>,
    /// Since when it does not resolve.
    lost: Option<Timestamp>,
}

/// What is new about a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It does not resolve any more, or not at all.
    Lost {
        /// Why.
        cause: String,
        /// Addresses of before that stay in use.
        kept: usize,
    },
    /// It does again.
    Found {
        /// Since when it had not.
        since: String,
        /// How many addresses it has.
        addresses: usize,
    },
}

impl Names {
    /// Addresses are known at once, names are yet to be looked up.
    pub(super) fn new(servers: &[HostPort]) -> Self {
        let names = servers.iter().map(|server| {
            let literal = server.host.ip().map(|ip| (ip, server.port).into());
            Name {
                server: server.to_string(),
                addresses: literal.into_iter().collect(),
                lost: None,
            }
        });
        Self(names.collect())
    }

    /// Takes over what `before` knows of the same servers.
    pub(super) fn learn_from(&mut self, before: &Self) {
        for name in &mut self.0 {
            if let Some(same) = before.0.iter().find(|same| same.server == name.server) {
                *name = same.clone();
            }
        }
    }

    /// Takes the result of looking up server number `index`. Returns what that changes, once for each change.
    pub(super) fn note(
        &mut self,
        index: usize,
        found: Result<Vec<SocketAddr>, String>,
        now: Timestamp,
    ) -> Option<Change> {
        let name = self.0.get_mut(index)?;
        match found {
            Ok(addresses) => {
                let number = addresses.len();
                name.addresses = addresses;
                name.lost.take().map(|since| Change::Found {
                    since: shown(since),
                    addresses: number,
                })
            }
            Err(cause) if name.lost.is_none() => {
                name.lost = Some(now);
                let kept = name.addresses.len();
                Some(Change::Lost { cause, kept })
            }
            Err(_as_before) => None,
        }
    }

    /// Every address that is known, once.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        for address in self.0.iter().flat_map(|name| &name.addresses) {
            if !all.contains(address) {
                all.push(*address);
            }
        }
        all
    }

    /// In words: the names that do not resolve.
    pub(super) fn unresolved(&self) -> String {
        let lost = self.0.iter().filter_map(|name| {
            let since = shown(name.lost?);
            Some(format!("{} has not resolved since {since}", name.server))
        });
        lost.collect::<Vec<_>>().join(", ")
    }
}

fn shown(time: Timestamp) -> String {
    rfc3339(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(servers: &[&str]) -> Names {
        let servers = servers.iter().map(|text| HostPort::parse(text).unwrap());
        Names::new(&servers.collect::<Vec<_>>())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_name_that_is_lost_keeps_its_addresses_and_leaves_others_alone() {
        let mut names = names(&["127.0.0.1:1", "a.test:2", "b.test:3"]);
        let (a, b, c): (SocketAddr, SocketAddr, SocketAddr) = (
            "127.0.0.2:2".parse().unwrap(),
            "127.0.0.3:3".parse().unwrap(),
            "127.0.0.1:1".parse().unwrap(),
        );
        assert_eq!(names.note(1, Ok(vec![a]), at(1)), None);
        let lost = names.note(2, Err("no such name".to_owned()), at(2));
        let cause = "no such name".to_owned();
        assert_eq!(lost, Some(Change::Lost { cause, kept: 0 }));
        assert_eq!(names.addresses(), [c, a]);
        let again = names.note(2, Err("still none".to_owned()), at(7));
        assert_eq!(again, None, "told once");
        assert_eq!(
            names.unresolved(),
            "b.test:3 has not resolved since 1970-01-01T00:00:02Z"
        );
        let found = names.note(2, Ok(vec![b, b]), at(12));
        let since = "1970-01-01T00:00:02Z".to_owned();
        let addresses = 2;
        assert_eq!(found, Some(Change::Found { since, addresses }));
        let cause = "gone".to_owned();
        let lost = names.note(1, Err(cause.clone()), at(13));
        let told = Change::Lost {
            cause: cause.clone(),
            kept: 1,
        };
        assert_eq!(lost, Some(told));
        assert_eq!(
            names.addresses(),
            [c, a, b],
            "the last known one of a stays"
        );

        let mut reloaded = self::names(&["b.test:3", "a.test:2", "new.test:4"]);
        reloaded.learn_from(&names);
        assert_eq!(reloaded.addresses(), [b, a], "a reload knows them too");
        assert_eq!(reloaded.note(1, Err(cause), at(14)), None);
    }
}
