//! The heartbeat: reads the log of events and earns the lease (R2, R3, R9).
//!
//! `judge` is the pure half: from what was applied and what the store answered it derives the events to apply, or the
//! reason for a reset. [`EventTail`] is the half with a task, a clock and a store.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::hints::WAKE_EVERY;
use super::listing::Listing;
use super::signals::Phase;
use super::window::Applied;
use super::{Listener, Node, RECENT_MAX};
use crate::clock::{Boot, Timestamp};
use crate::stats::ResetReason;
use crate::store::{Pulse, SchemaError, StoreError, StoreResult};

/// Time between heartbeats.
pub const BEAT: Duration = Duration::from_millis(500);
/// How long a heartbeat may take.
pub const BEAT_TIMEOUT: Duration = Duration::from_millis(400);
/// A wall clock that moves against the boot clock by more than this ends the lease (R0).
pub const CLOCK_JUMP: Duration = Duration::from_millis(500);
/// How long reading the recent past may take at the start.
pub(super) const HISTORY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long bringing the schema up to date may take.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(60);

/// What a heartbeat's answer means.
#[derive(Debug, PartialEq)]
pub(crate) enum Judgement {
    /// Apply the events in order. `caught_up`: then nothing is missing and the lease may be extended.
    Advance { caught_up: bool },
    /// Drop everything cached and start afresh.
    Reset(ResetReason),
}

/// Judges an answer. Pure.
pub(crate) fn judge(applied: Applied, pulse: &Pulse) -> Judgement {
    if pulse.in_recovery {
        return Judgement::Reset(ResetReason::InRecovery);
    }
    if pulse.head < applied.seq {
        return Judgement::Reset(ResetReason::HeadBackwards);
    }
    // An anchor that housekeeping has removed cannot be compared. The check for gaps below then decides. Housekeeping
    // keeps the newest event, so at the head the anchor must be there.
    if applied.anchor != pulse.anchor && (pulse.anchor.is_some() || pulse.head == applied.seq) {
        return Judgement::Reset(ResetReason::EventDiffers);
    }
    // After the two that say that events are lost: a fail-over that loses none is no reason to look for them.
    if pulse.incarnation != applied.incarnation {
        return Judgement::Reset(ResetReason::Incarnation);
    }
    let dense = pulse
        .events
        .iter()
        .zip(applied.seq + 1..)
        .all(|(event, expected)| event.seq == expected);
    let last = pulse.events.last().map_or(applied.seq, |event| event.seq);
    if !dense || last > pulse.head || (pulse.events.is_empty() && pulse.head > applied.seq) {
        return Judgement::Reset(ResetReason::Gap);
    }
    Judgement::Advance {
        caught_up: last == pulse.head,
    }
}

/// Reads the log on a beat.
pub struct EventTail {
    pub(crate) node: Arc<Node>,
    pub(crate) listener: Arc<dyn Listener>,
    /// Whether a missing or old schema may be brought up to date.
    pub(crate) migrate: bool,
}

/// When the next step follows.
#[derive(Clone, Copy, Debug)]
enum Next {
    Now,
    /// After so long, if not by a beat before.
    After(Duration),
    /// On the next beat.
    Beat,
}

impl EventTail {
    /// Sends heartbeats until `stop`. A failed one does no harm: the lease runs on, and runs out only if the store
    /// stays silent.
    pub async fn run(self, stop: CancellationToken) {
        let (mut drift, mut listing) = (None, Listing::default());
        loop {
            let sent = self.node.clock.boot();
            if let Some(left) = self.node.pause.left(sent) {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = self.node.pause.over(left) => continue,
                }
            }
            self.watch_for_clock_jump(&mut drift, sent);
            let next = match self.node.signals.phase() {
                Phase::SchemaUnchecked | Phase::SchemaRefused => self.check_schema().await,
                Phase::NoWindow => self.load_window().await,
                Phase::Following => self.beat(sent, &mut listing).await,
            };
            let rest = BEAT.saturating_sub(self.node.clock.boot().since(sent));
            let rest = match next {
                Next::Now => continue,
                Next::After(pause) => rest.min(pause),
                Next::Beat => rest,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.node.signals.woken() => {
                    tokio::time::sleep(WAKE_EVERY.saturating_sub(self.node.clock.boot().since(sent))).await;
                }
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn check_schema(&self) -> Next {
        match within(HISTORY_TIMEOUT, self.node.store.check_schema()).await {
            Ok(()) => {
                info!("store schema accepted");
                self.node.signals.set_phase(Phase::NoWindow);
                Next::Now
            }
            Err(StoreError::Schema(SchemaError::Missing | SchemaError::Old { .. }))
                if self.migrate =>
            {
                self.migrate().await
            }
            Err(StoreError::Schema(refused)) => {
                self.node.signals.set_phase(Phase::SchemaRefused);
                self.complain_once(&StoreError::Schema(refused), "store schema refused");
                Next::Beat
            }
            Err(failed) => {
                self.complain_once(&failed, "store not reachable");
                Next::Beat
            }
        }
    }

    async fn migrate(&self) -> Next {
        match within(MIGRATION_TIMEOUT, self.node.store.apply_schema()).await {
            Ok(()) => {
                info!("store schema brought up to date");
                Next::Now
            }
            Err(failed) => {
                self.complain_once(&failed, "store schema could not be brought up to date");
                Next::Beat
            }
        }
    }

    async fn load_window(&self) -> Next {
        match within(HISTORY_TIMEOUT, self.node.store.history(RECENT_MAX)).await {
            Ok(history) if history.in_recovery => {
                self.complain_once(&StoreError::InRecovery, "store is a standby");
                Next::Beat
            }
            Ok(history) => {
                self.node.window.reset(&history);
                self.node.stats.saw_head(history.head);
                self.node.signals.advance(Phase::NoWindow, Phase::Following);
                Next::Now
            }
            Err(failed) => {
                self.complain_once(&failed, "recent events not readable");
                Next::Beat
            }
        }
    }

    async fn beat(&self, sent: Boot, listing: &mut Listing) -> Next {
        let applied = self.node.window.applied();
        let reports = listing.is_due(applied.seq, sent);
        let pulse = match within(BEAT_TIMEOUT, self.pulse(applied, reports)).await {
            Ok(pulse) => pulse,
            Err(failed) => {
                self.node.stats.beats_failed.add();
                self.complain_once(&failed, "heartbeat failed");
                return Next::Beat;
            }
        };
        if reports {
            listing.reported(applied.seq, sent);
            self.node.stats.reports.add();
        }
        self.node.stats.saw_head(pulse.head);
        let listed = listing.learn(&pulse);
        match judge(applied, &pulse) {
            Judgement::Reset(reason) => {
                self.hard_reset(reason);
                // What was reported of that history says nothing here.
                *listing = Listing::default();
                Next::Now
            }
            Judgement::Advance { caught_up } => {
                for event in &pulse.events {
                    self.node.window.apply(event);
                    self.listener.applied(event);
                    self.node.stats.events_applied.add();
                }
                if caught_up && listed {
                    self.earn_lease(sent, pulse.now);
                }
                self.note_lag(sent, &pulse);
                if !caught_up || !listed && !reports {
                    Next::Now
                } else if pulse.events.is_empty() {
                    Next::Beat
                } else {
                    self.report(listing).await
                }
            }
        }
    }

    /// Reports first: a revocation that waits for every node with a lease must find this node on the list.
    async fn pulse(
        &self,
        Applied { seq, anchor, .. }: Applied,
        reports: bool,
    ) -> StoreResult<Pulse> {
        let (store, id) = (&self.node.store, self.node.id);
        if reports {
            store.report_and_pulse(id, seq, anchor).await
        } else {
            store.pulse(id, seq).await
        }
    }

    /// Reports events that were applied: a revocation may be waiting for that. What fails here goes with the next beat.
    async fn report(&self, listing: &mut Listing) -> Next {
        let now = self.node.clock.boot();
        let pause = listing.pause(now);
        if !pause.is_zero() {
            return Next::After(pause);
        }
        let Applied { seq, anchor, .. } = self.node.window.applied();
        let report = self.node.store.report(self.node.id, seq, anchor);
        match within(BEAT_TIMEOUT, report).await {
            Ok(()) => {
                listing.reported(seq, now);
                self.node.stats.reports.add();
            }
            Err(failed) => self.complain_once(&failed, "report of applied events failed"),
        }
        Next::Beat
    }

    /// From the commit of the oldest event until now. What the beat took counts in full, so this is rather too long than too
    /// short.
    fn note_lag(&self, sent: Boot, pulse: &Pulse) {
        if let Some(at) = pulse.oldest_at.filter(|_| !pulse.events.is_empty()) {
            let beat = self.node.clock.boot().since(sent);
            self.node
                .stats
                .revocation_lag
                .note(pulse.now.since(at) + beat);
        }
    }

    fn earn_lease(&self, sent: Boot, store_now: Timestamp) {
        self.node.store_time.learn(sent, store_now);
        self.node.lease.extend(sent);
        self.node.stats.beats.add();
        if self.node.signals.lease_earned(sent) {
            info!("store answers again");
        }
    }

    fn hard_reset(&self, reason: ResetReason) {
        self.node.lease.revoke();
        self.node.signals.advance(Phase::Following, Phase::NoWindow);
        if let Some(counter) = self.node.stats.reset(reason) {
            counter.add();
        }
        error!(
            reason = reason.as_str(),
            "the store's history changed under us: starting afresh"
        );
        self.listener.reset(reason);
    }

    fn watch_for_clock_jump(&self, drift: &mut Option<i64>, boot: Boot) {
        let wall = self.node.clock.wall().as_micros();
        let now = wall.saturating_sub(i64::try_from(boot.as_nanos() / 1_000).unwrap_or(i64::MAX));
        let jumped =
            drift.is_some_and(|before| u128::from(now.abs_diff(before)) > CLOCK_JUMP.as_micros());
        *drift = Some(now);
        if jumped {
            warn!("the wall clock jumped: lease ended");
            self.node.stats.clock_jumps.add();
            self.node.lease.revoke();
        }
    }

    /// Logs the first failure of a row of failures, and further ones that have another cause.
    fn complain_once(&self, failed: &StoreError, what: &'static str) {
        let (kind, cause) = (failed.kind(), failed.cause());
        let now = self.node.clock.boot();
        if self.node.signals.complain(&cause, now) {
            warn!(kind, cause, "{what}");
        }
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = StoreResult<T>> + Send,
) -> StoreResult<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(StoreError::timeout(limit)),
    }
}

#[cfg(test)]
mod tests;
