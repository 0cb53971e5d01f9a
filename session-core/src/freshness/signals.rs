//! Signals to and from the heartbeat.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Boot;
use crate::complaints::Complaints;

/// How far a node has come in loading the state of its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The schema is not checked yet.
    SchemaUnchecked,
    /// The schema is one that this program must not work with.
    SchemaRefused,
    /// The window is not loaded.
    NoWindow,
    /// The window is loaded and beats are being read.
    Following,
}

/// Signals to and from a running heartbeat.
#[derive(Debug)]
pub struct Signals {
    wake: Notify,
    /// Boot nanoseconds at which the newest applied beat was sent.
    beat: watch::Sender<u64>,
    phase: watch::Sender<Phase>,
    /// Whether the window was loaded at any time since the start.
    loaded: AtomicBool,
    last_beat: AtomicU64,
    complaints: Complaints,
    /// Whether the rights were all there when they were last checked.
    has_rights: AtomicBool,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            wake: Notify::new(),
            beat: watch::Sender::new(0),
            phase: watch::Sender::new(Phase::SchemaUnchecked),
            loaded: AtomicBool::new(false),
            last_beat: AtomicU64::new(0),
            complaints: Complaints::default(),
            has_rights: AtomicBool::new(false),
        }
    }
}

impl Signals {
    /// Asks for a beat now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// How far the node has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether the role of this node had all the rights that it needs when they were last checked. Before the first check they
    /// are not known to be there.
    #[must_use]
    pub fn has_rights(&self) -> bool {
        self.has_rights.load(Ordering::Acquire)
    }

    pub(super) fn set_rights(&self, held: bool) {
        self.has_rights.store(held, Ordering::Release);
    }

    /// When the newest beat that earned a lease was sent.
    #[must_use]
    pub fn last_beat(&self) -> Boot {
        Boot::from_nanos(self.last_beat.load(Ordering::Acquire))
    }

    /// Waits for a beat that was sent after `since`, at most `limit`; false when none came.
    pub async fn beat_after(&self, since: Boot, limit: Duration) -> bool {
        let mut beat = self.beat.subscribe();
        self.wake();
        let come = beat.wait_for(|sent| *sent > since.as_nanos());
        matches!(tokio::time::timeout(limit, come).await, Ok(Ok(_)))
    }

    #[cfg(test)]
    pub(super) fn believe_for_test(&self) {
        self.set_phase(Phase::Following);
    }

    /// Whether the schema is unchecked or refused.
    pub(super) fn doubts(&self) -> bool {
        matches!(self.phase(), Phase::SchemaUnchecked | Phase::SchemaRefused)
    }

    /// Asks for a new check of the schema, before which the heartbeat does not go on.
    pub(super) fn doubt_schema(&self) {
        self.set_phase(Phase::SchemaUnchecked);
        self.wake();
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.note_loaded(phase);
        self.phase.send_replace(phase);
    }

    fn note_loaded(&self, phase: Phase) {
        if phase == Phase::Following {
            self.loaded.store(true, Ordering::Release);
        }
    }

    /// Whether the schema was accepted and the window loaded at any time since the start, and nothing is known to be wrong
    /// with the schema now.
    #[must_use]
    pub fn was_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire) && self.phase() != Phase::SchemaRefused
    }

    /// Goes from one phase to the next. Does nothing when the phase has changed meanwhile.
    pub(super) fn advance(&self, from: Phase, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let takes = *phase == from;
            if takes {
                self.note_loaded(to);
                *phase = to;
            }
            takes
        });
    }

    /// Notes a beat that earned a lease. True when a failure was noted since the last one.
    pub(super) fn lease_earned(&self, sent: Boot) -> bool {
        self.last_beat.store(sent.as_nanos(), Ordering::Release);
        self.beat.send_replace(sent.as_nanos());
        self.complaints.is_over()
    }

    /// Notes a failure. True when it is to be told.
    pub(super) fn complain(&self, cause: &str, now: Boot) -> bool {
        self.complaints.is_news(cause, now)
    }

    /// Waits until a beat is asked for.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}
