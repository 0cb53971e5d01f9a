//! Whether a server gets requests, by what requests, probes and health checks have shown. No I/O and no clock of its own.
//!
//! ```text
//!            a connection takes long                  it stands
//!   serving ------------------------> in doubt ---------------------> serving
//!      |                                 | the probe fails
//!      | no connection, or failures      v
//!      +----------------------------> ejected --- its time is over: a probe ---> serving
//!      |                                 ^                  | it fails
//!      |                                 +------------------+ for twice as long
//!      | unhealthy answers in a row
//!      +----------------------------> unhealthy --- healthy answers in a row --> serving
//! ```

use std::time::Duration;

use session_core::clock::{Boot, Clock, Timestamp};

use crate::config::{HealthConfig, PassiveConfig};

/// What is known of one server. One that nothing is known of serves.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Failures of requests in a row.
    failures: u32,
    out: Option<Out>,
    /// Ejections before this one that count.
    ejections: u32,
    /// When the last ejection was over, and how long it had been.
    back: Option<(Boot, Duration)>,
    /// Answers to health checks in a row that contradict what is believed.
    contradictions: u32,
    is_unhealthy: bool,
    /// Since when it gets no requests.
    since: Option<Timestamp>,
}

/// Why a server gets no requests, until a probe says otherwise.
#[derive(Clone, Copy, Debug)]
struct Out {
    /// When it came to this.
    at: Boot,
    /// When it is probed.
    until: Boot,
    /// How long that is; zero while it is only in doubt.
    lasts: Duration,
    is_probed: bool,
}

/// How a request failed at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection for as long as `connect_timeout`, or none at all.
    Connect,
    /// No connection yet, and the request has gone to another server.
    Slow,
    /// A connection, and no answer that counts.
    Answer,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is passed over until a probe has found out.
    Doubted,
    /// It gets no requests for so long.
    Ejected(Duration),
    /// Its health checks fail.
    Unhealthy,
    /// It gets requests again. Since when it had got none.
    Back(Option<Timestamp>),
}

/// The time, for deadlines and for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// For deadlines.
    pub boot: Boot,
    /// For people.
    pub wall: Timestamp,
}

impl Now {
    /// The time by `clock`.
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self {
            boot: clock.boot(),
            wall: clock.wall(),
        }
    }
}

impl Standing {
    /// Whether it gets requests.
    pub(super) fn is_serving(&self) -> bool {
        self.out.is_none() && !self.is_unhealthy
    }

    /// Whether a request that succeeds changes anything.
    pub(super) fn is_noted(&self) -> bool {
        self.failures > 0 || self.out.is_some()
    }

    /// A request that was sent at `sent` has failed.
    pub(super) fn failed(
        &mut self,
        how: Failure,
        sent: Boot,
        now: Now,
        rules: &PassiveConfig,
    ) -> Option<Change> {
        if rules.failures == 0 {
            return None;
        }
        if let Some(out) = &self.out
            && (!out.lasts.is_zero() || how == Failure::Slow || sent < out.at)
        {
            return None;
        }
        match how {
            Failure::Slow => {
                self.leave(now, Duration::ZERO);
                return Some(Change::Doubted);
            }
            Failure::Connect => {}
            Failure::Answer => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < rules.failures {
                    return None;
                }
            }
        }
        Some(self.eject(now, rules))
    }

    /// A request that was sent at `sent` has its answer. One that was sent before an ejection says nothing about it: a server
    /// that goes down still answers what it has taken.
    pub(super) fn served(&mut self, sent: Boot, now: Now) -> Option<Change> {
        self.failures = 0;
        let out = self.out?;
        (sent >= out.at).then(|| self.readmit(now)).flatten()
    }

    /// Whether it is time for a probe. Whoever is told so makes it; there is one at a time.
    pub(super) fn take_probe(&mut self, now: Boot) -> bool {
        match &mut self.out {
            Some(out) if !out.is_probed && out.until <= now => {
                out.is_probed = true;
                true
            }
            _ => false,
        }
    }

    /// The probe has come to an end.
    pub(super) fn probed(
        &mut self,
        is_good: bool,
        now: Now,
        rules: &PassiveConfig,
    ) -> Option<Change> {
        self.out?;
        if is_good {
            self.readmit(now)
        } else {
            Some(self.eject(now, rules))
        }
    }

    /// A health check has its answer.
    pub(super) fn checked(
        &mut self,
        is_good: bool,
        now: Now,
        rules: &HealthConfig,
    ) -> Option<Change> {
        if is_good != self.is_unhealthy {
            self.contradictions = 0;
            return None;
        }
        self.contradictions = self.contradictions.saturating_add(1);
        let needed = if is_good {
            rules.healthy
        } else {
            rules.unhealthy
        };
        if self.contradictions < needed {
            return None;
        }
        self.contradictions = 0;
        self.is_unhealthy = !is_good;
        if is_good {
            return self.is_serving().then(|| Change::Back(self.since.take()));
        }
        self.since.get_or_insert(now.wall);
        Some(Change::Unhealthy)
    }

    /// There are no health checks any more: what they have said does not count.
    pub(super) fn is_not_checked(&mut self) -> Option<Change> {
        self.contradictions = 0;
        let was_unhealthy = std::mem::take(&mut self.is_unhealthy);
        (was_unhealthy && self.is_serving()).then(|| Change::Back(self.since.take()))
    }

    fn eject(&mut self, now: Now, rules: &PassiveConfig) -> Change {
        let was_well_for = self
            .back
            .map(|(back, lasted)| (now.boot.since(back), lasted));
        if was_well_for.is_some_and(|(well, lasted)| well >= lasted) {
            (self.ejections, self.back) = (0, None);
        }
        let twice = |lasts: Duration| lasts.saturating_mul(2).min(rules.eject_max);
        let lasts =
            (0..self.ejections).fold(rules.eject.min(rules.eject_max), |lasts, _| twice(lasts));
        if lasts < rules.eject_max {
            self.ejections += 1;
        }
        self.leave(now, lasts);
        Change::Ejected(lasts)
    }

    fn leave(&mut self, now: Now, lasts: Duration) {
        self.failures = 0;
        self.since.get_or_insert(now.wall);
        self.out = Some(Out {
            at: now.boot,
            until: now.boot.plus(lasts),
            lasts,
            is_probed: false,
        });
    }

    fn readmit(&mut self, now: Now) -> Option<Change> {
        let out = self.out.take()?;
        self.failures = 0;
        if !out.lasts.is_zero() {
            self.back = Some((now.boot, out.lasts));
        }
        self.is_serving().then(|| Change::Back(self.since.take()))
    }
}

#[cfg(test)]
mod tests;
