//! A node's place on the store's list of those that may hold a lease.
//!
//! Whoever waits until no node can admit a session any more asks the store who may hold a lease, and waits for those. So a node
//! earns a lease only by an answer of the store in which it stands on that list. It need not write for that: a report declares
//! the node to be there for [`LISTED_FOR`], and each heartbeat reads by the store's own clock how much of that is left.
//! A node at rest therefore writes every few seconds, and reads with every heartbeat.
//!
//! A report also says which events are applied. Somebody may be waiting for that, so it follows at once, unless the last report
//! was a moment ago: a storm of events is reported now and then, not one by one.

use std::time::Duration;

use crate::clock::Boot;
use crate::session::Seq;
use crate::store::{LISTED_FOR, Pulse};

/// How long a report may be overdue and still earn a lease. Whoever looks for nodes counts one for a lease longer.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// Shortest time between two reports of events.
pub(super) const REPORT_PAUSE: Duration = Duration::from_millis(50);

/// What this node has last reported, and what the store has last said about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Listing {
    applied: Seq,
    /// When the last report was sent. `None` before the first one.
    reported: Option<Boot>,
    /// The last report lasts beyond the next heartbeat.
    lasts: bool,
}

impl Listing {
    /// Whether a beat that is sent at `now` takes a report along.
    pub(super) fn is_due(&self, applied: Seq, now: Boot) -> bool {
        !self.lasts || applied != self.applied && self.pause(now).is_zero()
    }

    /// How long a report of events has to wait at `now`.
    pub(super) fn pause(&self, now: Boot) -> Duration {
        self.reported.map_or(Duration::ZERO, |at| {
            REPORT_PAUSE.saturating_sub(now.since(at))
        })
    }

    /// Notes a report that was sent at `sent` and has arrived.
    pub(super) fn reported(&mut self, applied: Seq, sent: Boot) {
        self.applied = applied;
        self.reported = Some(sent);
    }

    /// Notes what a pulse says about this node's place. True when it stands on the list for as long as a lease lasts.
    pub(super) fn learn(&mut self, pulse: &Pulse) -> bool {
        let Some(until) = pulse.listed_until else {
            self.lasts = false;
            return false;
        };
        // One that is declared for longer than any report declares was written before the store's clock was set back.
        self.lasts = until > pulse.now && until.since(pulse.now) <= LISTED_FOR;
        pulse.now.since(until) <= GRACE
    }
}

#[cfg(test)]
mod tests;
