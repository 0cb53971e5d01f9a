//! Receipts: whoever waits for all nodes is told that none admits a session any more.
//!
//! Two nodes on one list: one that declares itself ahead and reads whether it is listed (`freshness/listing.rs`), and one of
//! version 0.1.0, which reports every so often and asks nobody. They run beside each other while a fleet is upgraded. Report and
//! pulse are two statements, and anything may happen between them. Time is what is left, in ticks.

use stateright::{Checker, HasDiscoveries, Model, Property};

const KEPT: &str = "INV-1 nobody admits what a receipt says nobody admits";
const EARLY: &str = "a receipt comes before the lease is over, from nodes that hold theirs";

const LEASE: u8 = 2;
/// How long a report may be overdue and still earn a lease.
const GRACE: u8 = 1;
/// How far ahead a report declares its node.
const LISTED_FOR: u8 = 1;
/// How long a node is counted after its report is due.
const SEEN_WITHIN: u8 = LEASE + GRACE;
const EVENTS: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mutant {
    /// A heartbeat earns a lease without asking whether the node is listed.
    LeaseUnlisted,
    /// The heartbeat reads first and reports then.
    ReportAfterPulse,
    /// The node reports what the store has told it, before it has applied it.
    ReportUnapplied,
    /// A node is counted no longer than until its report is due.
    CountedShort,
    /// A silent node is waited for less long than its lease lasts.
    WaitShort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Version {
    /// Writes the time of its report, every [`GRACE`].
    Plain,
    /// Declares itself ahead, and reads whether it is listed.
    Ahead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    applied: u8,
    /// Ticks until it is counted no more.
    left: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Beat {
    Resting,
    /// `reports`: a report goes first. `age`: ticks since it was sent, cut off at the lease.
    Sent {
        age: u8,
        reports: bool,
        reported: bool,
    },
    /// `listed`: for as long as a lease lasts. `lasts`: the report is not due yet.
    Answered {
        age: u8,
        head: u8,
        listed: bool,
        lasts: bool,
        reported: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    version: Version,
    lease: u8,
    applied: u8,
    row: Option<Row>,
    beat: Beat,
    /// What it knows to have reported, and how long ago, cut off at [`GRACE`]. Who declares itself ahead does not look at that.
    reported: Option<(u8, u8)>,
    /// The last pulse said that the report lasts.
    lasts: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    head: u8,
    /// Of the newest event, cut off at the lease.
    age: u8,
    /// Somebody was told that nobody admits what ended with this event.
    promised: u8,
    early: bool,
    nodes: [Node; 2],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Tick,
    Commit,
    /// Whoever waits looks at the list.
    Look,
    Node(usize, Step),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Send,
    /// The store executes the next statement of the beat.
    Execute,
    /// The answer, or what is left of the question, is lost.
    Lose,
    Receive,
    /// A report by itself; `true`: its answer is lost.
    Report(bool),
}

#[derive(Clone, Debug)]
struct Receipts {
    mutant: Option<Mutant>,
}

impl Node {
    fn new(version: Version) -> Self {
        Self {
            version,
            lease: 0,
            applied: 0,
            row: None,
            beat: Beat::Resting,
            reported: None,
            lasts: false,
        }
    }

    fn is_due(&self) -> bool {
        let new = self
            .reported
            .is_none_or(|(applied, _)| applied != self.applied);
        new || match self.version {
            Version::Plain => self.reported.is_none_or(|(_, ago)| ago >= GRACE),
            Version::Ahead => !self.lasts,
        }
    }

    fn write(&mut self, applied: u8) {
        let ahead = match self.version {
            Version::Plain => 0,
            Version::Ahead => LISTED_FOR,
        };
        let left = ahead + SEEN_WITHIN;
        self.row = Some(Row { applied, left });
    }

    fn tick(&mut self) {
        self.lease = self.lease.saturating_sub(1);
        if let Some(row) = &mut self.row {
            row.left = row.left.saturating_sub(1);
        }
        if let (Version::Plain, Some((_, ago))) = (self.version, &mut self.reported) {
            *ago = GRACE.min(*ago + 1);
        }
        if let Beat::Sent { age, .. } | Beat::Answered { age, .. } = &mut self.beat {
            *age = LEASE.min(*age + 1);
        }
    }
}

impl Receipts {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn steps(node: &Node) -> Vec<Step> {
        match node.beat {
            Beat::Resting
                if node
                    .reported
                    .is_some_and(|(known, _)| known != node.applied) =>
            {
                vec![Step::Send, Step::Report(false), Step::Report(true)]
            }
            Beat::Resting => vec![Step::Send],
            Beat::Sent { .. } => vec![Step::Execute, Step::Lose],
            Beat::Answered { .. } => vec![Step::Receive, Step::Lose],
        }
    }

    fn take(&self, head: u8, node: &mut Node, step: Step) {
        match step {
            Step::Send => {
                let (reports, reported) = (node.is_due(), false);
                node.beat = Beat::Sent {
                    age: 0,
                    reports,
                    reported,
                };
            }
            Step::Execute => self.execute(head, node),
            Step::Lose => node.beat = Beat::Resting,
            Step::Receive => self.receive(node),
            Step::Report(lost) => {
                node.write(node.applied);
                if !lost {
                    node.reported = Some((node.applied, 0));
                }
            }
        }
    }

    fn execute(&self, head: u8, node: &mut Node) {
        let Beat::Sent {
            age,
            reports,
            reported,
        } = node.beat
        else {
            return;
        };
        if reports && !self.is(Mutant::ReportAfterPulse) {
            node.write(node.applied);
            node.beat = Beat::Sent {
                age,
                reports: false,
                reported: true,
            };
            return;
        }
        if self.is(Mutant::ReportUnapplied) {
            node.write(head);
        }
        let left = node.row.map_or(0, |row| row.left);
        node.beat = Beat::Answered {
            age,
            head,
            listed: left >= LEASE || node.version == Version::Plain,
            lasts: left > SEEN_WITHIN,
            reported: reported || reports,
        };
    }

    fn receive(&self, node: &mut Node) {
        let Beat::Answered {
            age,
            head,
            listed,
            lasts,
            reported,
        } = std::mem::replace(&mut node.beat, Beat::Resting)
        else {
            return;
        };
        if reported {
            let ago = match node.version {
                Version::Plain => age.min(GRACE),
                Version::Ahead => 0,
            };
            node.reported = Some((node.applied, ago));
        }
        node.lasts = lasts;
        node.applied = head;
        if listed || self.is(Mutant::LeaseUnlisted) || self.is(Mutant::ReportAfterPulse) {
            node.lease = LEASE - age;
        }
        if reported && self.is(Mutant::ReportAfterPulse) {
            node.write(node.applied);
        }
    }

    fn look(&self, state: &mut State) {
        let counted = if self.is(Mutant::CountedShort) {
            SEEN_WITHIN
        } else {
            0
        };
        let patience = LEASE - u8::from(self.is(Mutant::WaitShort));
        let rows = state.nodes.iter().filter_map(|node| node.row);
        let mut listed = rows.filter(|row| row.left > counted);
        let heard = listed.all(|row| row.applied >= state.head);
        if heard || state.age >= patience {
            state.promised = state.head;
            let all_serve = state.nodes.iter().all(|node| node.lease > 0);
            state.early |= state.age < LEASE && state.head > 0 && all_serve;
        }
    }
}

impl Model for Receipts {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            head: 0,
            age: LEASE,
            promised: 0,
            early: false,
            nodes: [Version::Plain, Version::Ahead].map(Node::new),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        if state.head < EVENTS {
            actions.push(Action::Commit);
        }
        if state.promised < state.head {
            actions.push(Action::Look);
        }
        for (at, node) in state.nodes.iter().enumerate() {
            let steps = Self::steps(node).into_iter();
            actions.extend(steps.map(|step| Action::Node(at, step)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.age = LEASE.min(state.age + 1);
                state.nodes.iter_mut().for_each(Node::tick);
            }
            Action::Commit => {
                state.head += 1;
                state.age = 0;
            }
            Action::Look => self.look(&mut state),
            Action::Node(at, step) => {
                let head = state.head;
                self.take(head, state.nodes.get_mut(at)?, step);
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(KEPT, |_: &Self, state: &State| {
                let mut serving = state.nodes.iter().filter(|node| node.lease > 0);
                serving.all(|node| node.applied >= state.promised)
            }),
            Property::sometimes(EARLY, |_: &Self, state: &State| state.early),
        ]
    }
}

#[test]
fn a_receipt_holds_on_the_list_of_old_and_new_nodes() {
    let model = Receipts { mutant: None };
    let checked = model.checker().threads(2).spawn_bfs().join();
    checked.assert_properties();
    println!("{} states", checked.unique_state_count());
}

#[test]
fn every_mistake_breaks_a_receipt() {
    use Mutant::*;
    for mutant in [
        LeaseUnlisted,
        ReportAfterPulse,
        ReportUnapplied,
        CountedShort,
        WaitShort,
    ] {
        let mutant = Some(mutant);
        let model = Receipts { mutant };
        let checker = model.checker().threads(2);
        let checked = checker
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        let found = checked.discovery(KEPT);
        let trace = found.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
        println!("{mutant:?} is caught: {:?}", trace.into_actions());
    }
}
