//! How often the sids of one client may turn out to be no session.
//!
//! A forged sid costs nothing, but one that was genuine once costs a read of the store, and a client that has logged in
//! and out often holds many. So each client, an IPv6 client being its /64, has a budget of such misses. Beyond it the
//! client's sids are still looked up, because behind one address there may be honest people too, but few at a time for
//! the whole node, and what is found to be no session is answered `429`. Sessions in the cache of this process need no
//! read and are never held up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use session_core::clock::Boot;
use sidgate_policy::edge::client_ip::limit_key;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Rate;
use crate::limits::buckets::{Buckets, TooMany};

/// Reads under way for clients without a budget.
const READS_MAX: usize = 2;
/// Clients without a budget that wait for one of those reads to end a session: about 200 bytes each.
const WAITING_MAX: usize = 64;
/// How long they wait.
const TURN_MAX: Duration = Duration::from_secs(2);
/// Most clients that are remembered as being beyond their budget. When the table is full, further clients are not tracked.
const BEYOND_MAX: usize = 10_000;
/// How long a client that is beyond its budget is treated as such before it is counted again.
const BEYOND_FOR: Duration = Duration::from_secs(1);

/// The budgets of clients, and the clients that are beyond them.
pub(crate) struct UnknownSidLimiter {
    rate: Rate,
    budget: Buckets<IpAddr>,
    /// Budget of questions in the background, apart so that they do not change the answers to requests.
    quiet_budget: Buckets<IpAddr>,
    /// Until when each client is beyond its budget.
    beyond: Mutex<HashMap<IpAddr, Boot>>,
    /// The number of those clients. It is nearly always zero, and then the lock is not taken.
    beyond_len: AtomicUsize,
    reads: Semaphore,
    waiting: Semaphore,
}

/// What a client may ask.
pub(crate) enum Admission<'a> {
    /// Anything.
    Free,
    /// This once; a miss is answered `429`.
    Once(#[expect(dead_code, reason = "given back when it is dropped")] SemaphorePermit<'a>),
    /// Nothing now.
    Denied,
}

impl UnknownSidLimiter {
    /// Creates it empty.
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            budget: Buckets::new(&rate),
            quiet_budget: Buckets::new(&rate),
            rate,
            beyond: Mutex::default(),
            beyond_len: AtomicUsize::new(0),
            reads: Semaphore::new(READS_MAX),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// Whether these are counted against `rate`, so that a reload need not forget what was counted.
    pub(crate) fn are(&self, rate: Rate) -> bool {
        self.rate == rate
    }

    /// Whether a sid of this client that is not in the cache may be looked up.
    pub(crate) fn admit(&self, client: IpAddr, now: Boot) -> Admission<'_> {
        if self.beyond_len.load(Ordering::Relaxed) == 0 || !self.is_beyond(client, now) {
            return Admission::Free;
        }
        self.reads
            .try_acquire()
            .map_or(Admission::Denied, Admission::Once)
    }

    /// Like [`Self::admit`], for a request that ends a session. It waits for its turn, because a refused logout leaves
    /// the user logged in.
    pub(crate) async fn admit_in_turn(&self, client: IpAddr, now: Boot) -> Admission<'_> {
        let admission = self.admit(client, now);
        if !matches!(admission, Admission::Denied) {
            return admission;
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Admission::Denied;
        };
        let turn = tokio::time::timeout(TURN_MAX, self.reads.acquire()).await;
        turn.ok()
            .and_then(Result::ok)
            .map_or(Admission::Denied, Admission::Once)
    }

    /// Counts a sid that was no session.
    ///
    /// # Errors
    /// When the client's budget is spent.
    pub(crate) fn count(&self, client: IpAddr, now: Boot) -> Result<(), TooMany> {
        let client = limit_key(client);
        let spent = self.budget.take(client);
        if spent.is_err() {
            let mut beyond = self.beyond.lock();
            if beyond.len() < BEYOND_MAX || beyond.contains_key(&client) {
                beyond.insert(client, now.plus(BEYOND_FOR));
            }
            self.beyond_len.store(beyond.len(), Ordering::Relaxed);
        }
        spent
    }

    /// Counts a question in the background of a request of this client, whatever its result.
    ///
    /// # Errors
    /// When the client's budget for these is spent.
    pub(crate) fn count_quietly(&self, client: IpAddr) -> Result<(), TooMany> {
        self.quiet_budget.take(limit_key(client))
    }

    /// Drops budgets that are full again, and clients whose time beyond the budget is over. Called from time to time.
    pub(crate) fn forget_idle(&self, now: Boot) {
        self.budget.forget_idle();
        self.quiet_budget.forget_idle();
        let mut beyond = self.beyond.lock();
        beyond.retain(|_, until| *until > now);
        self.beyond_len.store(beyond.len(), Ordering::Relaxed);
    }

    fn is_beyond(&self, client: IpAddr, now: Boot) -> bool {
        let beyond = self.beyond.lock();
        beyond
            .get(&limit_key(client))
            .is_some_and(|until| *until > now)
    }
}

impl std::fmt::Debug for UnknownSidLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnknownSidLimiter")
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
