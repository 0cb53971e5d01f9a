//! How busy the connections to PostgreSQL are, and how long callers wait for one.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed;

use super::opening::Opening;
use crate::stats::Counter;

/// What came of asking for a connection, counted since the start.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// There was a free one, or room to open one.
    at_once: Counter,
    /// One became free in time.
    waited: Counter,
    /// None became free in time.
    timed_out: Counter,
    /// How long callers waited, in microseconds, in vain too.
    waited_us: Counter,
}

impl Asked {
    /// Somebody did not have to wait.
    pub(super) fn at_once(&self) {
        self.at_once.add();
    }

    /// Somebody had to wait for `time`, and then there was one or none.
    pub(super) fn waited(&self, time: Duration, is_there: bool) {
        match is_there {
            true => self.waited.add(),
            false => self.timed_out.add(),
        }
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.waited_us.add_n(us);
    }
}

/// The connections of a store, to be looked at.
#[derive(Clone, Debug)]
pub struct Connections {
    pub(super) pool: managed::Pool<Opening>,
    pub(super) asked: Arc<Asked>,
}

/// How the connections are at one moment, and what came of asking for one until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionsSeen {
    /// Connections that are open.
    pub open: usize,
    /// Those of them that somebody uses.
    pub busy: usize,
    /// Callers that got one without waiting.
    pub at_once: u64,
    /// Callers that got one after a wait.
    pub waited: u64,
    /// Callers that waited in vain.
    pub timed_out: u64,
    /// How long callers have waited altogether.
    pub waiting_time: Duration,
}

impl Connections {
    /// How they are now.
    #[must_use]
    pub fn seen(&self) -> ConnectionsSeen {
        let status = self.pool.status();
        ConnectionsSeen {
            open: status.size,
            busy: status.size.saturating_sub(status.available),
            at_once: self.asked.at_once.get(),
            waited: self.asked.waited.get(),
            timed_out: self.asked.timed_out.get(),
            waiting_time: Duration::from_micros(self.asked.waited_us.get()),
        }
    }
}
