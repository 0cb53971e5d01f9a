//! What is known of the servers of one app: their addresses, and which names do not resolve since when.

use std::time::Duration;

use session_core::clock::{Boot, Timestamp};

use super::resolver::Found;
use super::server::Located;
use super::standing::Now;
use crate::config::UpstreamServer;
use crate::views::session::rfc3339;

/// Shortest time between two look-ups of a name, whatever its name servers say.
const LEAST: Duration = Duration::from_secs(1);

/// The servers in the order of the configuration.
#[derive(Debug)]
pub(super) struct Names(Vec<Name>);

#[derive(Clone, Debug)]
struct Name {
    server: String,
    /// Where it was found last.
    places: Vec<Located>,
    /// Since when it does not resolve.
    lost: Option<Timestamp>,
    /// When it is to be looked up; `None`: never, because it is an address.
    due: Option<Boot>,
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
    pub(super) fn new(servers: &[UpstreamServer]) -> Self {
        let names = servers.iter().map(|server| {
            let place = Located::without_a_name(server);
            Name {
                server: server.to_string(),
                due: place.is_none().then(Boot::default),
                places: place.into_iter().collect(),
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
        found: Result<Found, String>,
        (now, every): (Now, Duration),
    ) -> Option<Change> {
        let name = self.0.get_mut(index)?;
        let lasts = found.as_ref().map_or(every, |found| found.lasts);
        name.due = Some(now.boot.plus(lasts.clamp(LEAST, every.max(LEAST))));
        match found {
            Ok(found) => {
                let number = found.places.len();
                name.places = found.places;
                name.lost.take().map(|since| Change::Found {
                    since: shown(since),
                    addresses: number,
                })
            }
            Err(cause) if name.lost.is_none() => {
                name.lost = Some(now.wall);
                let kept = name.places.len();
                Some(Change::Lost { cause, kept })
            }
            Err(_as_before) => None,
        }
    }

    /// The names that are to be looked up.
    pub(super) fn due(&self, now: Boot) -> Vec<usize> {
        let names = self.0.iter().enumerate();
        let due = names.filter(|(_, name)| name.due.is_some_and(|due| due <= now));
        due.map(|(index, _)| index).collect()
    }

    /// Every place that is known, each address once.
    pub(super) fn places(&self) -> Vec<Located> {
        let mut all: Vec<Located> = Vec::new();
        for place in self.0.iter().flat_map(|name| &name.places) {
            if !all.iter().any(|known| known.address == place.address) {
                all.push(place.clone());
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
mod tests;
