//! Groups of sites: what a sid opens where, and a revocation of a user within one group.
//!
//! One user with logins in two groups, up to two sessions, one revocation of the shop's in two steps. A site has a program
//! that knows groups, or one from before there were any, which serves the default group alone: that is a fleet in the middle
//! of an upgrade. Such a program does not look at revocations within a group, so none of the default group is made here.

use stateright::{Checker, HasDiscoveries, Model, Property};

const ELSEWHERE: &str = "INV-7 a session of one group is never admitted on a site of another";
const REVOKED: &str = "INV-1 a login that began before its group's revocation does not outlive it";
const SPARED: &str = "a revocation within a group ends no session of another";
const ADMITTED: &str = "sessions of both groups are admitted after everything that can happen";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mutant {
    /// The row alone says of which group a session is, the sid says nothing.
    Untagged,
    /// Whoever asks by key does not ask of which group the row is.
    RowUnasked,
    /// A session gets another sid for the group of whoever asks, not for its own.
    RenewedForAnother,
    /// A read does not look at revocations within a group.
    MemberUnseen,
    /// A revocation within a group ends the user's sessions in all.
    MemberIsUser,
    /// The head is sampled when the session is stored, not before the credentials are checked.
    SampledLate,
    /// A revocation takes its number when it begins.
    NumberedEarly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    /// Its tag is what sids had at their end before there were groups.
    Default,
    Shop,
}

const GROUPS: [Group; 2] = [Group::Default, Group::Shop];

/// How a session is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    /// By its sid, with a program that knows groups.
    Sid,
    /// By its key, with a program that knows groups: whoever recognised the sid earlier.
    Key,
    /// By its sid, with a program that knows none.
    SidOfOld,
}

/// Every way, on a site of every group.
fn places() -> impl Iterator<Item = (Way, Group)> {
    let ways = [Way::Sid, Way::Key, Way::SidOfOld].into_iter();
    ways.flat_map(|way| GROUPS.map(|on| (way, on)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    group: Group,
    /// What is sealed into its sid.
    tag: Group,
    created_seq: u8,
    /// Its credentials were checked before the revocation committed.
    before: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Login {
    None,
    Begun {
        group: Group,
        sampled: u8,
    },
    Checked {
        group: Group,
        sampled: u8,
        before: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// The last number given, and the last one that readers see.
    given: u8,
    head: u8,
    /// The revocation of the user in the shop under way, with its number if it has one already.
    revoking: Option<Option<u8>>,
    /// Its number.
    member: u8,
    revoked: bool,
    login: Login,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    /// An event about somebody else.
    Unrelated,
    BeginRevocation,
    CommitRevocation,
    BeginLogin(Group),
    CheckCredentials,
    Insert,
    /// A session gets another sid. The group of the site that asks for it.
    Renew(usize, Group),
}

const ROWS: usize = 2;
const EVENTS: u8 = 3;

#[derive(Clone, Debug)]
struct Sites {
    mutant: Option<Mutant>,
}

impl Sites {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What is sealed into a sid of `group`.
    fn tag(&self, group: Group) -> Group {
        match self.is(Mutant::Untagged) {
            true => Group::Default,
            false => group,
        }
    }

    fn lives(&self, state: &State, row: &Row) -> bool {
        let named = row.group == Group::Shop || self.is(Mutant::MemberIsUser);
        !named || self.is(Mutant::MemberUnseen) || state.member <= row.created_seq
    }

    /// Whether a site of the group `on` admits a session.
    fn admits(&self, state: &State, row: &Row, way: Way, on: Group) -> bool {
        let asked = self.is(Mutant::RowUnasked) || row.group == on;
        let accepted = match way {
            Way::Sid => row.tag == self.tag(on) && asked,
            Way::Key => asked,
            // It looks at nothing else, neither in the row nor at revocations within a group.
            Way::SidOfOld => return on == Group::Default && row.tag == Group::Default,
        };
        accepted && self.lives(state, row)
    }

    fn is_admitted(&self, state: &State, row: &Row) -> bool {
        places().any(|(way, on)| self.admits(state, row, way, on))
    }
}

impl State {
    fn event(&mut self) -> u8 {
        self.given += 1;
        self.head = self.given;
        self.head
    }
}

impl Model for Sites {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            given: 0,
            head: 0,
            revoking: None,
            member: 0,
            revoked: false,
            login: Login::None,
            rows: Vec::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        use Action::*;
        if state.given < EVENTS {
            actions.push(Unrelated);
            if !state.revoked && state.revoking.is_none() {
                actions.push(BeginRevocation);
            }
            for at in 0..state.rows.len() {
                actions.extend(GROUPS.map(|asking| Renew(at, asking)));
            }
        }
        if state.revoking.is_some() {
            actions.push(CommitRevocation);
        }
        actions.extend(GROUPS.map(BeginLogin));
        actions.extend([CheckCredentials, Insert]);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Unrelated => drop(state.event()),
            Action::BeginRevocation => {
                let early = self.is(Mutant::NumberedEarly);
                state.given += u8::from(early);
                state.revoking = Some(early.then_some(state.given));
            }
            Action::CommitRevocation => {
                let number = state.revoking.take()?;
                state.member = number.unwrap_or_else(|| state.event());
                state.head = state.head.max(state.member);
                state.revoked = true;
            }
            Action::BeginLogin(group) => {
                let sampled = state.head;
                state.login = Login::Begun { group, sampled };
            }
            Action::CheckCredentials => {
                if let Login::Begun { group, sampled } = state.login {
                    let before = !state.revoked;
                    state.login = Login::Checked {
                        group,
                        sampled,
                        before,
                    };
                }
            }
            Action::Insert => self.insert(&mut state),
            Action::Renew(at, asking) => {
                let row = state.rows[at];
                let another = self.is(Mutant::RenewedForAnother);
                if !(self.lives(&state, &row) && (row.group == asking || another)) {
                    return None;
                }
                state.rows[at].tag = self.tag(asking);
                state.event();
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ELSEWHERE, |sites: &Self, state: &State| {
                state.rows.iter().all(|row| {
                    let mut elsewhere = places().filter(|(_, on)| *on != row.group);
                    elsewhere.all(|(way, on)| !sites.admits(state, row, way, on))
                })
            }),
            Property::always(REVOKED, |sites: &Self, state: &State| {
                let mut named = state.rows.iter().filter(|row| row.group == Group::Shop);
                !state.revoked || named.all(|row| !row.before || !sites.is_admitted(state, row))
            }),
            Property::always(SPARED, |sites: &Self, state: &State| {
                let mut others = state.rows.iter().filter(|row| row.group != Group::Shop);
                others.all(|row| sites.lives(state, row))
            }),
            Property::sometimes(ADMITTED, |sites: &Self, state: &State| {
                let admitted = |group| {
                    let mut of_group = state.rows.iter().filter(|row| row.group == group);
                    of_group.any(|row| sites.is_admitted(state, row))
                };
                state.revoked && GROUPS.into_iter().all(admitted)
            }),
        ]
    }
}

impl Sites {
    fn insert(&self, state: &mut State) {
        let Login::Checked {
            group,
            sampled,
            before,
        } = std::mem::replace(&mut state.login, Login::None)
        else {
            return;
        };
        let late = self.is(Mutant::SampledLate);
        let refused = group == Group::Shop && state.member > sampled && !late;
        if refused || state.rows.len() == ROWS {
            return;
        }
        state.rows.push(Row {
            group,
            tag: self.tag(group),
            created_seq: if late { state.head } else { sampled },
            before,
        });
    }
}

#[test]
fn a_session_is_one_in_its_own_group_only() {
    let checked = Sites { mutant: None }.checker().spawn_bfs().join();
    checked.assert_properties();
    println!("{} states", checked.unique_state_count());
}

#[test]
fn every_mistake_about_groups_is_caught() {
    use Mutant::*;
    for (mutant, broken) in [
        (Untagged, ELSEWHERE),
        (RowUnasked, ELSEWHERE),
        (RenewedForAnother, ELSEWHERE),
        (MemberUnseen, REVOKED),
        (MemberIsUser, SPARED),
        (SampledLate, REVOKED),
        (NumberedEarly, REVOKED),
    ] {
        let sites = Sites {
            mutant: Some(mutant),
        };
        let failed = HasDiscoveries::AnyFailures;
        let checked = sites.checker().finish_when(failed).spawn_bfs().join();
        let trace = checked.discovery(broken);
        let trace = trace.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
        println!("{mutant:?} is caught: {:?}", trace.into_actions());
    }
}
