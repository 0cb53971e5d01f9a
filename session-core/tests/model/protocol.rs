//! Nodes that follow a store, and everything that may happen between their steps.

use stateright::{Model, Property};

use crate::invariants::invariants;
use crate::mutant::Mutant;
use crate::store::{Event, History, Pulse, Snapshot, Store, Subject, Value};
use crate::window::{Entry, Window};

/// What may happen, and how much of it.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) nodes: usize,
    /// Length of the lease in ticks.
    pub(crate) lease: u8,
    /// Most events in one incarnation's log.
    pub(crate) events: u8,
    /// Kinds of events that are committed. The session ends at most once.
    pub(crate) kinds: Vec<(Subject, bool)>,
    /// Events that a window remembers.
    pub(crate) window: usize,
    /// Events that one heartbeat carries.
    pub(crate) pulse: usize,
    /// The shared cache may answer with anything that was ever true; otherwise with what was written last.
    pub(crate) adversary: bool,
    /// Housekeeping removes old events at any time.
    pub(crate) trims: bool,
    /// How often the store is rebuilt with a new log.
    pub(crate) rebuilds: u8,
    /// How often a fail-over loses the last event, if it is somebody else's.
    pub(crate) losses: u8,
    /// A standby may answer a heartbeat.
    pub(crate) standby: bool,
    /// Push messages arrive late, twice, or for events that do not exist.
    pub(crate) hints: bool,
    pub(crate) mutant: Option<Mutant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) store: Store,
    shared: Option<Value>,
    /// In order: which node is which does not matter.
    pub(crate) nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) window: Window,
    /// The window is loaded and beats are read.
    following: bool,
    /// Ticks that are left of the lease.
    lease: u8,
    beat: Beat,
    /// Read from the store, not yet installed.
    read: Option<Snapshot>,
    pub(crate) entry: Option<Entry>,
    /// Remembers that there is no such session.
    pub(crate) absent: bool,
}

/// How far a heartbeat has come. `age`: ticks since it was sent, cut off at the lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Beat {
    Resting,
    Sent {
        age: u8,
    },
    Answered {
        age: u8,
        pulse: Pulse,
    },
    Applying {
        age: u8,
        head: u8,
        left: Vec<Event>,
    },
    /// The answer to the question for the recent past.
    Past(History),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Time passes.
    Tick,
    Commit(Subject, bool),
    Trim,
    Rebuild,
    LoseOne,
    Node(usize, Step),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Send,
    /// The store answers; `true`: a standby does.
    Answer(bool),
    /// The question or the answer is lost.
    Lose,
    /// The next step with an answer: judge it, apply an event, or earn the lease.
    Advance,
    ReadPast,
    LoadWindow,
    Load,
    LoadFails,
    Install,
    TakeShared(Value),
    /// Uses the entry, which is thereby checked against the window of now.
    Use,
    Hint(Event),
}

impl Scope {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn usable(&self, node: &Node) -> bool {
        node.entry.as_ref().is_some_and(|entry| {
            self.is(Mutant::DeleteAndPublish)
                || node.lease > 0 && node.window.believes(entry, self.mutant)
        })
    }

    fn beat_steps(&self, node: &Node, steps: &mut Vec<Step>) {
        match &node.beat {
            Beat::Resting if node.following => steps.push(Step::Send),
            Beat::Resting => steps.push(Step::ReadPast),
            Beat::Sent { .. } => {
                steps.extend([Step::Answer(false), Step::Lose]);
                if self.standby {
                    steps.push(Step::Answer(true));
                }
            }
            Beat::Answered { .. } => steps.extend([Step::Advance, Step::Lose]),
            Beat::Applying { .. } => steps.push(Step::Advance),
            Beat::Past(_) => steps.push(Step::LoadWindow),
        }
    }

    fn steps(&self, state: &State, node: &Node) -> Vec<Step> {
        let mut steps = vec![Step::Load];
        if !self.is(Mutant::DeleteAndPublish) {
            self.beat_steps(node, &mut steps);
        }
        if self.is(Mutant::ErrorIsAbsence) {
            steps.push(Step::LoadFails);
        }
        if node.read.is_some() {
            steps.push(Step::Install);
        }
        if node.entry.is_some() {
            steps.push(Step::Use);
        }
        if self.adversary {
            steps.extend(state.store.ever_live().into_iter().map(Step::TakeShared));
        } else {
            steps.extend(state.shared.map(Step::TakeShared));
        }
        if self.hints {
            let sent = state.store.log().iter().copied();
            let forged = Event {
                seq: state.store.head() + 1,
                subject: Subject::Session,
                eid: u8::MAX,
            };
            steps.extend(sent.chain([forged]).map(Step::Hint));
        }
        steps
    }

    fn take(&self, state: &mut State, at: usize, step: Step) {
        let State {
            store,
            shared,
            nodes,
        } = state;
        let node = &mut nodes[at];
        match step {
            Step::Send => node.beat = Beat::Sent { age: 0 },
            Step::Answer(in_recovery) => {
                if let Beat::Sent { age } = node.beat {
                    let pulse = store.pulse(node.window.head, self.pulse, in_recovery);
                    node.beat = Beat::Answered { age, pulse };
                }
            }
            Step::Lose => {
                node.beat = Beat::Resting;
                if self.is(Mutant::LeaseOnError) {
                    node.lease = self.lease;
                }
            }
            Step::Advance => self.advance(node),
            Step::ReadPast => node.beat = Beat::Past(store.history(self.window)),
            Step::LoadWindow => {
                if let Beat::Past(history) = std::mem::replace(&mut node.beat, Beat::Resting) {
                    node.window.reset(&history, self.mutant);
                    node.following = true;
                    node.entry.iter_mut().for_each(Entry::outlive_epoch);
                }
            }
            Step::Load => node.read = Some(store.load()),
            Step::LoadFails => node.absent = true,
            Step::Install => self.install(node, shared),
            Step::TakeShared(value) => {
                let unchecked =
                    self.is(Mutant::SharedUnchecked) || self.is(Mutant::DeleteAndPublish);
                node.entry = if unchecked {
                    Some(node.window.entry(value))
                } else {
                    node.window.accept(value, self.mutant).or(node.entry)
                };
            }
            Step::Use => {
                if let Some(entry) = &mut node.entry
                    && node.window.believes(entry, self.mutant)
                {
                    node.window.confirm(entry);
                }
            }
            Step::Hint(event) => self.hint(node, event),
        }
    }

    fn hint(&self, node: &mut Node, event: Event) {
        if self.is(Mutant::DeleteAndPublish) {
            node.entry = None;
            return;
        }
        node.window.hint(event.subject, event.seq);
        node.entry.iter_mut().for_each(Entry::disturb);
        if self.is(Mutant::HintExtendsLease) {
            node.lease = self.lease;
        }
        if self.is(Mutant::HintAdvances) {
            node.window.apply(event, self.window);
        }
    }

    fn install(&self, node: &mut Node, shared: &mut Option<Value>) {
        let Some(Snapshot { value, live }) = node.read.take() else {
            return;
        };
        if !live {
            node.absent = true;
            return;
        }
        let unchecked = self.is(Mutant::InstallUnchecked) || self.is(Mutant::DeleteAndPublish);
        let accepted = if unchecked {
            Some(node.window.entry(value))
        } else {
            node.window.accept(value, self.mutant)
        };
        if accepted.is_some() {
            node.entry = accepted;
            *shared = (!self.adversary).then_some(value);
        }
    }

    /// `Tail::beat` after the answer, cut into steps between which others may look.
    fn advance(&self, node: &mut Node) {
        node.beat = match std::mem::replace(&mut node.beat, Beat::Resting) {
            Beat::Answered { pulse, .. } if !node.window.follows(&pulse, self.mutant) => {
                // HARD RESET. Entries are dropped too, but who holds one keeps it.
                node.lease = 0;
                node.following = false;
                Beat::Resting
            }
            Beat::Answered { age, pulse } => {
                if self.is(Mutant::LeaseBeforeEvents) {
                    node.lease = self.lease - age;
                }
                Beat::Applying {
                    age,
                    head: pulse.head,
                    left: pulse.events,
                }
            }
            Beat::Applying {
                age,
                head,
                mut left,
            } if !left.is_empty() => {
                node.window.apply(left.remove(0), self.window);
                if !self.is(Mutant::ApplyWithoutTick) {
                    node.entry.iter_mut().for_each(Entry::disturb);
                }
                Beat::Applying { age, head, left }
            }
            Beat::Applying { age, head, .. } => {
                let caught_up = node.window.head == head || self.is(Mutant::GapUnseen);
                if caught_up || self.is(Mutant::LeaseBehindHead) {
                    let late = if self.is(Mutant::LeaseFromReceipt) {
                        0
                    } else {
                        age
                    };
                    node.lease = self.lease - late;
                }
                Beat::Resting
            }
            other => other,
        };
    }

    fn commits(&self, store: &Store) -> Vec<Action> {
        let full = store.head() >= self.events;
        let kinds = self
            .kinds
            .iter()
            .filter(|(subject, _)| !full && (store.live || !subject.concerns_us()));
        kinds
            .map(|&(subject, ends)| Action::Commit(subject, ends))
            .collect()
    }
}

impl Model for Scope {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let node = Node {
            window: Window::empty(),
            following: false,
            lease: 0,
            beat: Beat::Resting,
            read: None,
            entry: None,
            absent: false,
        };
        vec![State {
            store: Store::new(),
            shared: None,
            nodes: vec![node; self.nodes],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let store = &state.store;
        actions.push(Action::Tick);
        actions.extend(self.commits(store));
        if self.trims && store.can_trim() {
            actions.push(Action::Trim);
        }
        if store.rebuilds() < self.rebuilds {
            actions.push(Action::Rebuild);
        }
        if store.timeline() < self.losses && store.can_lose_one() {
            actions.push(Action::LoseOne);
        }
        for (at, node) in state.nodes.iter().enumerate() {
            let steps = self.steps(state, node);
            actions.extend(steps.into_iter().map(|step| Action::Node(at, step)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.store.tick(self.lease);
                for node in &mut state.nodes {
                    node.lease = node.lease.saturating_sub(1);
                    if let Beat::Sent { age }
                    | Beat::Answered { age, .. }
                    | Beat::Applying { age, .. } = &mut node.beat
                    {
                        *age = self.lease.min(*age + 1);
                    }
                }
            }
            Action::Commit(subject, ends) => {
                state.store.commit(subject, ends);
                if self.is(Mutant::DeleteAndPublish) {
                    state.shared = None;
                }
            }
            Action::Trim => state.store.trim(),
            Action::Rebuild => state.store.rebuild(),
            Action::LoseOne => state.store.lose_one(!self.is(Mutant::LossUntold)),
            Action::Node(at, step) => self.take(&mut state, at, step),
        }
        state.nodes.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants()
    }
}
