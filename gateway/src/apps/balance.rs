//! Which servers there are, and which one is next.
//!
//! Those that serve share the requests. If none serves, all are tried: an answer of one that may be down is better than none.

use std::sync::Arc;
use std::time::Duration;

use session_core::clock::Boot;

use super::server::Server;
use crate::config::Balance;

/// The servers of an app, and the order of their turns.
#[derive(Debug)]
pub(super) struct Servers {
    /// All of them.
    pub(super) all: Vec<Arc<Server>>,
    /// Those that get requests: the ones that serve, or all if none does.
    open: Vec<Arc<Server>>,
    /// Turns of one round, as positions in `open`. A server has as many as its weight, spread over the round.
    turns: Vec<u16>,
}

/// What a choice is made by.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    pub(super) by: Balance,
    /// Whose turn it is.
    pub(super) turn: usize,
    /// The session, for those that are kept at one server.
    pub(super) session: Option<u128>,
    /// Servers that have failed this request.
    pub(super) tried: &'a [Arc<Server>],
    /// Requests under way that a server may have; 0: no limit.
    pub(super) most: usize,
    /// The time.
    pub(super) now: Boot,
    /// How long connections may be awaited at a server before it is passed over.
    pub(super) patience: Duration,
}

/// Why there is no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoServer {
    /// None is known, or each has failed this request.
    Left,
    /// Each has as many requests as it may have.
    Free,
}

impl Servers {
    /// Shares requests among `all` as they stand now.
    pub(super) fn of(all: Vec<Arc<Server>>) -> Self {
        let serving = all.iter().filter(|server| server.is_serving());
        let mut open: Vec<_> = serving.map(Arc::clone).collect();
        if open.is_empty() {
            open.clone_from(&all);
        }
        let turns = turns(&open);
        Self { all, open, turns }
    }

    /// Whether the servers stand as they did when the requests were shared.
    pub(super) fn is_current(&self) -> bool {
        let serving = self.all.iter().filter(|server| server.is_serving());
        let open = self.open.iter();
        let is_same = |(one, other): (&Arc<Server>, &Arc<Server>)| Arc::ptr_eq(one, other);
        let serving: Vec<_> = serving.collect();
        serving.is_empty() && self.open.len() == self.all.len()
            || serving.len() == self.open.len() && serving.into_iter().zip(open).all(is_same)
    }

    /// How many serve; 0: all are tried.
    pub(super) fn serving(&self) -> usize {
        let serving = self.open.iter().filter(|server| server.is_serving());
        serving.count()
    }

    /// Whether one of them is not `this`, and has not been tried yet.
    pub(super) fn has_another_than(&self, this: Option<&Server>, tried: &[Arc<Server>]) -> bool {
        let is_this =
            |server: &Server| this.is_some_and(|this| this.at.address == server.at.address);
        let mut open = self.open.iter();
        open.any(|server| !is_this(server) && !is_in(tried, server))
    }

    /// The server for a request, which is counted there.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn choose(&self, choice: &Choice<'_>) -> Result<Arc<Server>, NoServer> {
        let chosen = |takes: &dyn Fn(&Server) -> bool| match (choice.by, choice.session) {
            (Balance::Session, Some(session)) => self.by_session(session, takes),
            (Balance::LeastConnections, _) => self.by_load(choice.turn, takes),
            (Balance::RoundRobin | Balance::Session, _) => self.by_turn(choice.turn, takes),
        };
        let enters = |server: &Server| !is_in(choice.tried, server) && server.enter(choice.most);
        let is_quick = |server: &Server| !server.stalls(choice.now, choice.patience);
        let quick = chosen(&|server| is_quick(server) && enters(server));
        let chosen = quick.or_else(|| chosen(&enters));
        chosen.map(Arc::clone).ok_or_else(|| {
            if self.has_another_than(None, choice.tried) {
                NoServer::Free
            } else {
                NoServer::Left
            }
        })
    }

    fn by_turn(&self, turn: usize, takes: &dyn Fn(&Server) -> bool) -> Option<&Arc<Server>> {
        in_turn(&self.turns, turn)
            .filter_map(|position| self.open.get(usize::from(*position)))
            .find(|server| takes(server))
    }

    /// The one with the fewest requests for its weight. Of equals each in its turn.
    fn by_load(&self, turn: usize, takes: &dyn Fn(&Server) -> bool) -> Option<&Arc<Server>> {
        let mut waiting: Vec<_> = in_turn(&self.open, turn).collect();
        // Stable, so that equals stay in turn.
        waiting.sort_by(|one, other| {
            let load = |server: &Server, weight: u16| (server.busy() + 1) * usize::from(weight);
            load(one, other.at.weight).cmp(&load(other, one.at.weight))
        });
        waiting.into_iter().find(|server| takes(server))
    }

    /// Rendezvous hashing: each session has an order of servers of its own, so that a server that leaves moves its own
    /// sessions alone, and gets them back when it comes back. The same on every node.
    fn by_session(&self, session: u128, takes: &dyn Fn(&Server) -> bool) -> Option<&Arc<Server>> {
        let mut ranked: Vec<(f64, &Arc<Server>)> = self
            .open
            .iter()
            .map(|server| (score(session, server), server))
            .collect();
        ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let mut servers = ranked.into_iter().map(|(_, server)| server);
        servers.find(|server| takes(server))
    }
}

/// All of `round` once, beginning with the one whose turn it is.
fn in_turn<T>(round: &[T], turn: usize) -> impl Iterator<Item = &T> {
    let first = turn.checked_rem(round.len()).unwrap_or_default();
    let (later, sooner) = round.split_at(first);
    sooner.iter().chain(later)
}

fn is_in(tried: &[Arc<Server>], server: &Server) -> bool {
    tried
        .iter()
        .any(|known| known.at.address == server.at.address)
}

/// How well a server suits a session: weighted rendezvous hashing (Schindelhauer and Schomaker, 2005).
fn score(session: u128, server: &Server) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&session.to_be_bytes());
    hasher.update(server.name().as_bytes());
    let hash = hasher.finalize();
    let first = hash.as_bytes().first_chunk().copied().unwrap_or_default();
    // Half-open, so that its logarithm is finite.
    let uniform = (f64::from(u32::from_be_bytes(first)) + 1.0) / (f64::from(u32::MAX) + 2.0);
    -f64::from(server.at.weight) / uniform.ln()
}

/// Smooth weighted round robin: in each step every server gains its weight, and the richest one pays for the turn.
fn turns(servers: &[Arc<Server>]) -> Vec<u16> {
    let weights: Vec<i64> = servers
        .iter()
        .map(|server| server.at.weight.into())
        .collect();
    let common = weights
        .iter()
        .copied()
        .fold(0, greatest_common_divisor)
        .max(1);
    let weights: Vec<i64> = weights.into_iter().map(|weight| weight / common).collect();
    let total: i64 = weights.iter().sum();
    let mut gained = vec![0_i64; weights.len()];
    let mut turns = Vec::new();
    for _ in 0..total {
        for (gained, weight) in gained.iter_mut().zip(&weights) {
            *gained += weight;
        }
        let richest = gained
            .iter()
            .enumerate()
            .rev()
            .max_by_key(|(_, gained)| **gained);
        if let Some((position, _)) = richest
            && let Ok(turn) = u16::try_from(position)
        {
            turns.push(turn);
            if let Some(gained) = gained.get_mut(position) {
                *gained -= total;
            }
        }
    }
    turns
}

fn greatest_common_divisor(one: i64, other: i64) -> i64 {
    if other == 0 {
        one
    } else {
        greatest_common_divisor(other, one % other)
    }
}

#[cfg(test)]
mod tests;
