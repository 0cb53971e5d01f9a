//! Old logins: one that was proved before a revocation and comes at any moment, before, during or after it.
//!
//! One user with up to two old logins of which one session can be made each, and one revocation: a numbered one, of the
//! tenant or of everybody, or one of "all others", which has no number and meets adoptions at a lock. Each step is one that
//! others can come between.

use stateright::{Checker, HasDiscoveries, Model, Property};

const TOO_LATE: &str = "an old login does not outlive a revocation that is younger than it";
const COMES: &str = "a login that is younger than the revocation becomes a session";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mutant {
    /// An adoption does not ask when the login was proved.
    Unasked,
    /// Adoption and "all others" do not wait for each other.
    Unlocked,
    /// "All others" ends the sessions that it sees before it meets adoptions.
    EndsFirst,
    /// The head is sampled when the session is stored.
    SampledLate,
    /// What ends old logins is forgotten with the numbered revocation.
    ForgottenEarly,
}

#[derive(Clone, Debug)]
struct OldLogins {
    mutant: Option<Mutant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Revoking {
    /// Its number comes with its commit.
    Numbered,
    /// It has the lock. `ended`: it has ended the sessions that it saw.
    Others { ended: bool },
}

/// How far an adoption has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// It may begin, again and again.
    Idle,
    Sampled(u8),
    /// It has the lock, and has found nothing against the login.
    Looked(u8),
    /// The login is known, as a session or as ended.
    Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct OldLogin {
    /// Whether its user proved who they are after the revocation.
    is_young: bool,
    step: Step,
    session: Option<Session>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Session {
    created_seq: u8,
    ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    head: u8,
    /// Number of the revocation, while it is kept.
    mass: u8,
    /// Whether old logins that are older than the revocation are known to be too late.
    cut_off: bool,
    revoking: Option<Revoking>,
    revoked: bool,
    logins: [OldLogin; 2],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    BeginNumbered,
    BeginOthers,
    EndOthers,
    Commit,
    /// The numbered revocation is settled: rows are marked, and it goes.
    Housekeep,
    Sample(usize),
    Look(usize),
    Store(usize),
}

impl State {
    fn lives(&self, session: Session) -> bool {
        !session.ended && self.mass <= session.created_seq
    }

    fn is_locked(&self) -> bool {
        let adopts = self
            .logins
            .iter()
            .any(|login| matches!(login.step, Step::Looked(_)));
        adopts || matches!(self.revoking, Some(Revoking::Others { .. }))
    }

    fn end_sessions(&mut self) {
        for login in &mut self.logins {
            if let Some(session) = &mut login.session {
                session.ended = true;
            }
        }
    }
}

impl OldLogins {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn may_lock(&self, state: &State) -> bool {
        self.is(Mutant::Unlocked) || !state.is_locked()
    }

    fn look(&self, state: &mut State, at: usize) {
        let login = state.logins[at];
        let Step::Sampled(sampled) = login.step else {
            return;
        };
        let is_late = state.cut_off && !login.is_young && !self.is(Mutant::Unasked);
        let overtaken = state.mass > sampled && !self.is(Mutant::SampledLate);
        state.logins[at].step = if overtaken {
            Step::Idle
        } else if is_late {
            Step::Known
        } else if self.may_lock(state) {
            Step::Looked(sampled)
        } else {
            return;
        };
    }

    fn store(&self, state: &mut State, at: usize) {
        let Step::Looked(sampled) = state.logins[at].step else {
            return;
        };
        let late = self.is(Mutant::SampledLate);
        state.logins[at].session = Some(Session {
            created_seq: if late { state.head } else { sampled },
            ended: false,
        });
        state.logins[at].step = Step::Known;
    }

    fn commit(&self, state: &mut State) -> Option<()> {
        match state.revoking? {
            Revoking::Numbered => {
                state.head += 1;
                state.mass = state.head;
            }
            Revoking::Others { ended } if ended => {}
            Revoking::Others { .. } => return None,
        }
        state.revoking = None;
        state.cut_off = true;
        state.revoked = true;
        Some(())
    }
}

impl Model for OldLogins {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let login = |is_young| OldLogin {
            is_young,
            step: Step::Idle,
            session: None,
        };
        vec![State {
            head: 0,
            mass: 0,
            cut_off: false,
            revoking: None,
            revoked: false,
            logins: [login(false), login(true)],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        use Action::*;
        if !state.revoked && state.revoking.is_none() {
            actions.extend([BeginNumbered, BeginOthers]);
        }
        actions.extend([EndOthers, Commit, Housekeep]);
        for (at, login) in state.logins.iter().enumerate() {
            // A young one is not there before.
            if state.revoked || !login.is_young {
                actions.extend([Sample(at), Look(at), Store(at)]);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::BeginNumbered => state.revoking = Some(Revoking::Numbered),
            Action::BeginOthers => {
                let first = self.is(Mutant::EndsFirst);
                if !first && !self.may_lock(&state) {
                    return None;
                }
                if first {
                    state.end_sessions();
                }
                state.revoking = Some(Revoking::Others { ended: first });
            }
            Action::EndOthers => {
                let Some(Revoking::Others { ended: false }) = state.revoking else {
                    return None;
                };
                state.end_sessions();
                state.revoking = Some(Revoking::Others { ended: true });
            }
            Action::Commit => self.commit(&mut state)?,
            Action::Housekeep => {
                for login in &mut state.logins {
                    if let Some(session) = &mut login.session {
                        session.ended |= session.created_seq < state.mass;
                    }
                }
                // Not while a login that it overtakes is still under way.
                let under_way = state.logins.iter().any(|login| {
                    matches!(login.step, Step::Sampled(seq) | Step::Looked(seq) if seq < state.mass)
                });
                if under_way || state.mass == 0 {
                    return None;
                }
                state.mass = 0;
                state.cut_off &= !self.is(Mutant::ForgottenEarly);
            }
            Action::Sample(at) => {
                if state.logins[at].step == Step::Idle {
                    state.logins[at].step = Step::Sampled(state.head);
                }
            }
            Action::Look(at) => self.look(&mut state, at),
            Action::Store(at) => self.store(&mut state, at),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(TOO_LATE, |_: &Self, state: &State| {
                let mut old = state.logins.iter().filter(|login| !login.is_young);
                !state.revoked
                    || old.all(|login| login.session.is_none_or(|session| !state.lives(session)))
            }),
            Property::sometimes(COMES, |_: &Self, state: &State| {
                let mut young = state.logins.iter().filter(|login| login.is_young);
                young.any(|login| login.session.is_some_and(|session| state.lives(session)))
            }),
        ]
    }
}

#[test]
fn no_old_login_outlives_its_revocation() {
    let checked = OldLogins { mutant: None }.checker().spawn_bfs().join();
    checked.assert_properties();
    println!("{} states", checked.unique_state_count());
}

#[test]
fn every_mistake_about_old_logins_is_caught() {
    use Mutant::*;
    for mutant in [Unasked, Unlocked, EndsFirst, SampledLate, ForgottenEarly] {
        let logins = OldLogins {
            mutant: Some(mutant),
        };
        let failed = HasDiscoveries::AnyFailures;
        let checked = logins.checker().finish_when(failed).spawn_bfs().join();
        let trace = checked.discovery(TOO_LATE);
        let trace = trace.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
        println!("{mutant:?} is caught: {:?}", trace.into_actions());
    }
}
