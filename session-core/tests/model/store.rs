//! The store, reduced to one session and the log of events.

/// What an event names, seen from the one session of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The session.
    Session,
    /// Its user. Its tenant would behave the same.
    User,
    /// Everybody.
    Flush,
    /// Somebody else: moves the numbers and the window on.
    Other,
}

impl Subject {
    pub(crate) fn concerns_us(self) -> bool {
        self != Self::Other
    }
}

/// One committed event. Its number is its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) seq: u8,
    pub(crate) subject: Subject,
    /// Tells two events with the same number apart.
    pub(crate) eid: u8,
}

/// What a read of the row tells: the number of the last event included, and how often the row had changed by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Value {
    pub(crate) incarnation: u8,
    pub(crate) as_of: u8,
    pub(crate) version: u8,
}

/// A value and whether the session was alive in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Snapshot {
    pub(crate) value: Value,
    pub(crate) live: bool,
}

/// Answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pulse {
    pub(crate) incarnation: u8,
    pub(crate) head: u8,
    pub(crate) in_recovery: bool,
    pub(crate) anchor: Option<u8>,
    pub(crate) events: Vec<Event>,
}

/// The recent past.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct History {
    pub(crate) incarnation: u8,
    pub(crate) head: u8,
    pub(crate) events: Vec<Event>,
}

/// The truth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    /// What nodes are told: changes with each log that goes on differently from the one before.
    pub(crate) incarnation: u8,
    rebuilds: u8,
    /// Grows when committed events are lost.
    timeline: u8,
    log: Vec<Event>,
    /// Events up to this number are no longer kept.
    trimmed: u8,
    pub(crate) live: bool,
    /// Age of each change of the session, oldest first, in ticks, cut off at the lease.
    ages: Vec<u8>,
    /// Changes made in earlier incarnations.
    base: u8,
    /// Live values that the log above does not account for: of earlier incarnations, and of a lost timeline.
    past: Vec<Value>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            incarnation: 0,
            rebuilds: 0,
            timeline: 0,
            log: Vec::new(),
            trimmed: 0,
            live: true,
            ages: Vec::new(),
            base: 0,
            past: Vec::new(),
        }
    }

    pub(crate) fn head(&self) -> u8 {
        small(self.log.len())
    }

    pub(crate) fn rebuilds(&self) -> u8 {
        self.rebuilds
    }

    pub(crate) fn timeline(&self) -> u8 {
        self.timeline
    }

    pub(crate) fn log(&self) -> &[Event] {
        &self.log
    }

    /// Commits a change. `ends`: the session is dead from then on.
    pub(crate) fn commit(&mut self, subject: Subject, ends: bool) {
        let seq = self.head() + 1;
        self.log.push(Event {
            seq,
            subject,
            eid: self.timeline * 16 + seq,
        });
        if subject.concerns_us() {
            self.ages.push(0);
        }
        self.live &= !ends;
    }

    pub(crate) fn tick(&mut self, lease: u8) {
        for age in &mut self.ages {
            *age = lease.min(*age + 1);
        }
    }

    /// How many changes every node must know of by now.
    pub(crate) fn settled(&self, lease: u8) -> u8 {
        small(self.ages.iter().filter(|age| **age >= lease).count())
    }

    pub(crate) fn can_trim(&self) -> bool {
        self.trimmed < self.head()
    }

    /// Housekeeping removes the oldest event.
    pub(crate) fn trim(&mut self) {
        self.trimmed += 1;
    }

    /// The rows are restored into a new log.
    pub(crate) fn rebuild(&mut self) {
        self.past = self.ever_live();
        self.base = small(self.ages.len());
        self.log.clear();
        self.trimmed = 0;
        self.incarnation += 1;
        self.rebuilds += 1;
    }

    /// The last event, which must not be one of ours, is lost with the server that had it.
    pub(crate) fn can_lose_one(&self) -> bool {
        self.trimmed < self.head()
            && self
                .log
                .last()
                .is_some_and(|last| !last.subject.concerns_us())
    }

    /// `told`: the server that goes on has an incarnation of its own.
    pub(crate) fn lose_one(&mut self, told: bool) {
        self.past = self.ever_live();
        self.log.pop();
        self.timeline += 1;
        self.incarnation += u8::from(told);
    }

    pub(crate) fn load(&self) -> Snapshot {
        Snapshot {
            value: self.value_at(self.head()),
            live: self.live,
        }
    }

    /// Every value that was ever live: what somebody may have written to the shared cache.
    pub(crate) fn ever_live(&self) -> Vec<Value> {
        let mut values = self.past.clone();
        let dead_from = if self.live {
            self.head() + 1
        } else {
            // A dead session's last change is its end.
            let ours = self.log.iter().rev().find(|e| e.subject.concerns_us());
            ours.map_or(0, |end| end.seq)
        };
        values.extend((0..dead_from).map(|as_of| self.value_at(as_of)));
        values.sort_unstable();
        values.dedup();
        values
    }

    fn value_at(&self, as_of: u8) -> Value {
        let included = self.log.iter().filter(|e| e.seq <= as_of);
        Value {
            incarnation: self.incarnation,
            as_of,
            version: self.base + small(included.filter(|e| e.subject.concerns_us()).count()),
        }
    }

    pub(crate) fn pulse(&self, applied: u8, limit: usize, in_recovery: bool) -> Pulse {
        let anchor = self.kept().find(|event| event.seq == applied);
        Pulse {
            incarnation: self.incarnation,
            head: self.head(),
            in_recovery,
            anchor: anchor.map(|event| event.eid),
            events: self
                .kept()
                .filter(|event| event.seq > applied)
                .take(limit)
                .collect(),
        }
    }

    pub(crate) fn history(&self, limit: usize) -> History {
        let kept: Vec<_> = self.kept().collect();
        History {
            incarnation: self.incarnation,
            head: self.head(),
            events: kept[kept.len().saturating_sub(limit)..].to_vec(),
        }
    }

    fn kept(&self) -> impl Iterator<Item = Event> + '_ {
        self.log
            .iter()
            .copied()
            .filter(|event| event.seq > self.trimmed)
    }
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
