//! What a node remembers of the log: `freshness::Window`, `freshness::tail::judge` and `cache::Entry`, ported.
//!
//! Ticks and epochs grow for ever in the code. Here an entry notes whether the window is still in the state, and in the
//! epoch, in which it was checked last: all that the code asks of them.

use crate::mutant::Mutant;
use crate::store::{Event, History, Pulse, Subject, Value};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Window {
    pub(crate) incarnation: u8,
    /// `W`.
    start: u8,
    pub(crate) head: u8,
    anchor: Option<u8>,
    recent: Recent,
    order: Vec<(u8, Subject)>,
}

/// Number of the newest event for each name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Recent {
    session: u8,
    user: u8,
    flush: u8,
}

/// A live session as a node holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// Last event against which this was checked.
    checked: u8,
    /// Nothing has happened to the window since that check.
    same_tick: bool,
    /// The window has not been loaded afresh since.
    same_epoch: bool,
}

impl Entry {
    /// The window has changed.
    pub(crate) fn disturb(&mut self) {
        self.same_tick = false;
    }

    /// The window was loaded afresh.
    pub(crate) fn outlive_epoch(&mut self) {
        self.same_tick = false;
        self.same_epoch = false;
    }
}

impl Window {
    pub(crate) fn empty() -> Self {
        Self {
            // None that a store has.
            incarnation: u8::MAX,
            start: 0,
            head: 0,
            anchor: None,
            recent: Recent::default(),
            order: Vec::new(),
        }
    }

    /// `Window::accept`: an entry that was checked now, if the value is good.
    pub(crate) fn accept(&self, value: Value, mutant: Option<Mutant>) -> Option<Entry> {
        let without = |rule| mutant == Some(rule);
        let good = (self.incarnation == value.incarnation
            || without(Mutant::InstallAcrossIncarnations))
            && (value.as_of >= self.start || without(Mutant::InstallBeforeWindow))
            && self.recent.newest() <= value.as_of;
        good.then(|| self.entry(value))
    }

    /// An entry that claims to have been checked now.
    pub(crate) fn entry(&self, value: Value) -> Entry {
        Entry {
            value,
            checked: self.head,
            same_tick: true,
            same_epoch: true,
        }
    }

    /// `Window::believes`.
    pub(crate) fn believes(&self, entry: &Entry, mutant: Option<Mutant>) -> bool {
        let without = |rule| mutant == Some(rule);
        if entry.same_tick || without(Mutant::UseUnchecked) {
            return true;
        }
        let known =
            entry.value.as_of.max(entry.checked) >= self.start || without(Mutant::UseBeforeWindow);
        (entry.same_epoch || without(Mutant::UseAcrossEpochs))
            && known
            && self.recent.newest() <= entry.value.as_of
    }

    /// What [`Window::believes`] notes on an entry that is good.
    pub(crate) fn confirm(&self, entry: &mut Entry) {
        entry.checked = entry.checked.max(self.head);
        entry.same_tick = true;
    }

    pub(crate) fn apply(&mut self, event: Event, most: usize) {
        self.recent.note(event.subject, event.seq);
        self.order.push((event.seq, event.subject));
        while self.order.len() > most {
            let (seq, subject) = self.order.remove(0);
            self.start = self.start.max(seq);
            self.recent.forget(subject, seq);
        }
        self.head = event.seq;
        self.anchor = Some(event.eid);
    }

    pub(crate) fn hint(&mut self, subject: Subject, seq: u8) {
        self.recent.note(subject, seq);
    }

    pub(crate) fn reset(&mut self, history: &History, mutant: Option<Mutant>) {
        let first = history.events.first();
        let start = first.map_or(history.head, |event| event.seq - 1);
        *self = Self {
            incarnation: history.incarnation,
            start: if mutant == Some(Mutant::ResetFromZero) {
                0
            } else {
                start
            },
            head: history.head,
            anchor: history.events.last().map(|event| event.eid),
            recent: Recent::default(),
            order: Vec::new(),
        };
        for event in &history.events {
            self.recent.note(event.subject, event.seq);
            self.order.push((event.seq, event.subject));
        }
    }

    /// `judge`: whether the events may be applied. False: start afresh.
    pub(crate) fn follows(&self, pulse: &Pulse, mutant: Option<Mutant>) -> bool {
        let without = |rule| mutant == Some(rule);
        if pulse.in_recovery {
            return false;
        }
        if pulse.incarnation != self.incarnation && !without(Mutant::IncarnationUnseen) {
            return false;
        }
        if pulse.head < self.head {
            return without(Mutant::IncarnationUnseen);
        }
        if self.anchor != pulse.anchor && (pulse.anchor.is_some() || pulse.head == self.head) {
            return without(Mutant::IncarnationUnseen);
        }
        let mut expected = self.head + 1..;
        let dense = pulse
            .events
            .iter()
            .all(|event| Some(event.seq) == expected.next());
        let last = pulse.events.last().map_or(self.head, |event| event.seq);
        let silent = pulse.events.is_empty() && pulse.head > self.head;
        dense && last <= pulse.head && !silent || without(Mutant::GapUnseen)
    }
}

impl Recent {
    fn newest(self) -> u8 {
        self.session.max(self.user).max(self.flush)
    }

    fn note(&mut self, subject: Subject, seq: u8) {
        if let Some(slot) = self.slot(subject) {
            *slot = seq.max(*slot);
        }
    }

    /// Drops a name whose newest event is `seq`. `flush` is one number and stays.
    fn forget(&mut self, subject: Subject, seq: u8) {
        if let (true, Some(slot)) = (subject != Subject::Flush, self.slot(subject))
            && *slot == seq
        {
            *slot = 0;
        }
    }

    fn slot(&mut self, subject: Subject) -> Option<&mut u8> {
        match subject {
            Subject::Session => Some(&mut self.session),
            Subject::User => Some(&mut self.user),
            Subject::Flush => Some(&mut self.flush),
            Subject::Other => None,
        }
    }
}
