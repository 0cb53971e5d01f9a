//! The store's own side: what logs in, writes or takes a session's place while that session, or all of its user, is ended.
//!
//! One user, one mass revocation in two steps (a transaction begins, a transaction commits), up to two sessions. Each verb
//! of the store is one step, because each is one transaction.

use stateright::{Checker, HasDiscoveries, Model, Property};

const REVOKED: &str = "INV-1 a login that began before a mass revocation does not outlive it";
const REVIVED: &str = "INV-4 nothing brings an ended session back";
const LIVES: &str = "a login after the revocation gives a live session";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mutant {
    /// The head is sampled when the session is stored, not before the credentials are checked.
    SampledLate,
    /// The insert does not look at revocations, and stamps the head of its own time.
    InsertUnchecked,
    /// A revocation takes its number when it begins, as from a sequence.
    NumberedEarly,
    /// An update writes back what it read, without asking whether the row still lives.
    UpdateRevives,
    /// A touch writes the row if it is not there.
    TouchRevives,
    /// A session takes the place of another without asking whether that one still lives.
    RotateRevives,
}

#[derive(Clone, Debug)]
struct Authority {
    mutant: Option<Mutant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// The last number given, and the last one that readers see.
    given: u8,
    head: u8,
    /// A mass revocation under way, with its number if it has one already.
    revoking: Option<Option<u8>>,
    /// Number of the last mass revocation.
    mass: u8,
    /// Whether one was committed.
    revoked: bool,
    login: Login,
    rows: Vec<Row>,
    /// Read by an update that has not written yet: row and version.
    update: Option<(usize, u8)>,
    /// Read by a rotation that has not written yet: row and head.
    rotation: Option<(usize, u8)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Login {
    None,
    Begun {
        sampled: u8,
    },
    /// `before`: the credentials were checked before the mass revocation committed.
    Checked {
        sampled: u8,
        before: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    created_seq: u8,
    ended: bool,
    version: u8,
    /// The credentials behind it were checked before the mass revocation committed.
    before: bool,
    /// Somebody ended this session, or one whose place it took.
    disowned: bool,
    heir_of: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    /// An event about somebody else.
    Unrelated,
    BeginMass,
    CommitMass,
    RevokeOne(usize),
    BeginLogin,
    CheckCredentials,
    Insert,
    ReadForUpdate(usize),
    Update,
    Touch(usize),
    ReadForRotation(usize),
    Rotate,
}

const ROWS: usize = 2;
const EVENTS: u8 = 3;

impl State {
    fn lives(&self, row: &Row) -> bool {
        !row.ended && self.mass <= row.created_seq
    }

    fn event(&mut self) -> u8 {
        self.given += 1;
        self.head = self.given;
        self.head
    }

    fn store(&mut self, row: Row) {
        if self.rows.len() < ROWS {
            self.rows.push(row);
        }
    }
}

impl Authority {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn insert(&self, state: &mut State) {
        let Login::Checked { sampled, before } = std::mem::replace(&mut state.login, Login::None)
        else {
            return;
        };
        if self.is(Mutant::InsertUnchecked) {
            // Never refused: stamped so that the revocation before it does not count.
        } else if state.mass > sampled && !self.is(Mutant::SampledLate) {
            return;
        }
        let late = self.is(Mutant::SampledLate) || self.is(Mutant::InsertUnchecked);
        let sampled = if late { state.head } else { sampled };
        state.store(Row {
            created_seq: sampled,
            ended: false,
            version: 0,
            before,
            disowned: false,
            heir_of: None,
        });
    }

    fn rotate(&self, state: &mut State) {
        let Some((at, sampled)) = state.rotation.take() else {
            return;
        };
        let old = state.rows[at];
        if old.ended && !self.is(Mutant::RotateRevives) || state.mass > sampled {
            return;
        }
        if !old.ended {
            state.event();
        }
        state.rows[at].ended = true;
        state.store(Row {
            created_seq: sampled,
            ended: false,
            version: 0,
            heir_of: Some(at),
            ..old
        });
    }

    fn update(&self, state: &mut State) {
        let Some((at, version)) = state.update.take() else {
            return;
        };
        let row = state.rows[at];
        if self.is(Mutant::UpdateRevives) {
            state.rows[at].ended = false;
        } else if !state.lives(&row) || row.version != version {
            return;
        }
        state.rows[at].version += 1;
        state.event();
    }
}

impl Model for Authority {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            given: 0,
            head: 0,
            revoking: None,
            mass: 0,
            revoked: false,
            login: Login::None,
            rows: Vec::new(),
            update: None,
            rotation: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        use Action::*;
        if state.given < EVENTS {
            actions.push(Unrelated);
            if !state.revoked && state.revoking.is_none() {
                actions.push(BeginMass);
            }
            for (at, row) in state.rows.iter().enumerate() {
                actions.extend([ReadForUpdate(at), ReadForRotation(at), Touch(at)]);
                if state.lives(row) {
                    actions.push(RevokeOne(at));
                }
            }
            actions.extend([Update, Rotate]);
        }
        if state.revoking.is_some() {
            actions.push(CommitMass);
        }
        actions.extend([BeginLogin, CheckCredentials, Insert]);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Unrelated => {
                state.event();
            }
            Action::BeginMass => {
                let early = self.is(Mutant::NumberedEarly);
                state.given += u8::from(early);
                state.revoking = Some(early.then_some(state.given));
            }
            Action::CommitMass => {
                let number = state.revoking.take()?;
                state.mass = number.unwrap_or_else(|| state.event());
                state.head = state.head.max(state.mass);
                state.revoked = true;
            }
            Action::RevokeOne(at) => {
                state.rows[at].ended = true;
                state.rows[at].disowned = true;
                state.event();
            }
            Action::BeginLogin => {
                state.login = Login::Begun {
                    sampled: state.head,
                }
            }
            Action::CheckCredentials => {
                if let Login::Begun { sampled } = state.login {
                    let before = !state.revoked;
                    state.login = Login::Checked { sampled, before };
                }
            }
            Action::Insert => self.insert(&mut state),
            Action::ReadForUpdate(at) => {
                if state.lives(&state.rows[at]) {
                    state.update = Some((at, state.rows[at].version));
                }
            }
            Action::Update => self.update(&mut state),
            Action::Touch(at) => {
                if self.is(Mutant::TouchRevives) {
                    state.rows[at].ended = false;
                }
            }
            Action::ReadForRotation(at) => {
                if state.lives(&state.rows[at]) {
                    state.rotation = Some((at, state.head));
                }
            }
            Action::Rotate => self.rotate(&mut state),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(REVOKED, |_: &Self, state: &State| {
                let mut live = state.rows.iter().filter(|row| state.lives(row));
                !state.revoked || live.all(|row| !row.before)
            }),
            Property::always(REVIVED, |_: &Self, state: &State| {
                let mut live = state.rows.iter().filter(|row| state.lives(row));
                live.all(|row| {
                    !row.disowned && row.heir_of.is_none_or(|old| !state.rows[old].disowned)
                })
            }),
            Property::sometimes(LIVES, |_: &Self, state: &State| {
                state.revoked && state.rows.iter().any(|row| state.lives(row))
            }),
        ]
    }
}

#[test]
fn nothing_outlives_its_revocation() {
    let checked = Authority { mutant: None }.checker().spawn_bfs().join();
    checked.assert_properties();
    println!("{} states", checked.unique_state_count());
}

#[test]
fn every_mistake_of_the_store_is_caught() {
    use Mutant::*;
    for mutant in [
        SampledLate,
        InsertUnchecked,
        NumberedEarly,
        UpdateRevives,
        TouchRevives,
        RotateRevives,
    ] {
        let authority = Authority {
            mutant: Some(mutant),
        };
        let failed = HasDiscoveries::AnyFailures;
        let checked = authority.checker().finish_when(failed).spawn_bfs().join();
        let found = [REVOKED, REVIVED].map(|name| checked.discovery(name));
        let trace = found.into_iter().flatten().next();
        let trace = trace.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
        println!("{mutant:?} is caught: {:?}", trace.into_actions());
    }
}
