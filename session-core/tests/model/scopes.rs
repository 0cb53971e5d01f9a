//! What is checked: the protocol in several scopes, and each mistake in a scope where it can do harm.

use stateright::{Checker, HasDiscoveries, Model, Path};

use crate::invariants::{INV_1, INV_2, INV_3};
use crate::mutant::Mutant;
use crate::protocol::{Action, Scope};
use crate::store::Subject::{Flush, Other, Session, User};

const THREADS: usize = 2;

/// One node, any number of others behind the shared cache, and every kind of event.
fn one_node() -> Scope {
    Scope {
        nodes: 1,
        lease: 1,
        events: 2,
        kinds: vec![
            (Session, true),
            (User, true),
            (Flush, true),
            (Session, false),
            (Other, false),
        ],
        window: 2,
        pulse: 2,
        adversary: true,
        trims: false,
        rebuilds: 0,
        losses: 0,
        standby: false,
        hints: true,
        mutant: None,
    }
}

/// The window forgets, housekeeping removes events, heartbeats carry one event each.
fn forgetful() -> Scope {
    Scope {
        events: 3,
        kinds: vec![(User, true), (Other, false)],
        window: 1,
        pulse: 1,
        trims: true,
        hints: false,
        ..one_node()
    }
}

/// The store is rebuilt with a new log, and a standby answers at times.
fn rebuilt() -> Scope {
    Scope {
        lease: 1,
        kinds: vec![(Session, true), (Other, false)],
        rebuilds: 1,
        standby: true,
        hints: false,
        ..one_node()
    }
}

/// A fail-over loses the last event, and the log goes on without it.
fn lossy() -> Scope {
    Scope {
        kinds: vec![(Session, true), (Other, false)],
        losses: 1,
        hints: false,
        ..one_node()
    }
}

/// Two nodes with a shared cache that behaves: what the adversary stands for in the other scopes.
fn two_nodes() -> Scope {
    Scope {
        nodes: 2,
        lease: 1,
        events: 1,
        kinds: vec![(User, true)],
        adversary: false,
        hints: false,
        ..one_node()
    }
}

fn holds(scope: Scope) {
    let what = format!("{scope:?}");
    let checked = scope.checker().threads(THREADS).spawn_bfs().join();
    checked.assert_properties();
    println!("{} states: {what}", checked.unique_state_count());
}

/// The shortest way to a violation.
fn counterexample(scope: Scope) -> Option<Vec<Action>> {
    let checked = scope
        .checker()
        .threads(THREADS)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let found = [INV_1, INV_2, INV_3].map(|name| checked.discovery(name));
    let found = found.into_iter().flatten().map(Path::into_actions);
    found.min_by_key(Vec::len)
}

#[test]
fn the_protocol_holds_with_every_kind_of_event() {
    holds(one_node());
}

#[test]
fn the_protocol_holds_with_a_window_that_forgets() {
    holds(forgetful());
}

#[test]
fn the_protocol_holds_over_resets() {
    holds(rebuilt());
}

#[test]
fn the_protocol_holds_over_a_fail_over_that_loses_events() {
    holds(lossy());
}

#[test]
fn the_protocol_holds_with_two_nodes() {
    holds(two_nodes());
}

#[test]
#[ignore = "minutes: wider scopes"]
fn the_protocol_holds_in_wider_scopes() {
    holds(Scope {
        lease: 3,
        ..one_node()
    });
    holds(Scope {
        events: 3,
        hints: false,
        ..one_node()
    });
    holds(Scope {
        lease: 2,
        events: 3,
        standby: true,
        ..forgetful()
    });
    holds(Scope {
        lease: 2,
        trims: true,
        window: 1,
        ..rebuilt()
    });
    holds(Scope {
        lease: 2,
        events: 2,
        kinds: vec![(User, true), (Session, false)],
        ..two_nodes()
    });
}

/// Without an adversary: each mistake does harm all by itself.
fn usual() -> Scope {
    Scope {
        kinds: vec![(User, true), (Session, false), (Other, false)],
        adversary: false,
        hints: false,
        ..one_node()
    }
}

fn with_hints() -> Scope {
    Scope {
        hints: true,
        ..usual()
    }
}

/// Where each mistake does harm.
fn mutants() -> Vec<(Mutant, Scope)> {
    use Mutant::*;
    let slow = Scope {
        lease: 2,
        ..usual()
    };
    let narrow = Scope {
        pulse: 1,
        ..usual()
    };
    let shared = Scope {
        adversary: true,
        ..usual()
    };
    let trimmed = Scope {
        window: 2,
        ..forgetful()
    };
    vec![
        (DeleteAndPublish, with_hints()),
        (LeaseFromReceipt, slow),
        (LeaseBeforeEvents, usual()),
        (LeaseBehindHead, narrow),
        (LeaseOnError, usual()),
        (HintExtendsLease, with_hints()),
        (HintAdvances, with_hints()),
        (SharedUnchecked, shared),
        (SharedUnchecked, two_nodes()),
        (InstallUnchecked, usual()),
        (UseUnchecked, usual()),
        (ApplyWithoutTick, usual()),
        (InstallBeforeWindow, forgetful()),
        (UseBeforeWindow, forgetful()),
        (ResetFromZero, forgetful()),
        (InstallAcrossIncarnations, rebuilt()),
        (UseAcrossEpochs, rebuilt()),
        (GapUnseen, trimmed),
        (LossUntold, lossy()),
        (IncarnationUnseen, rebuilt()),
        (ErrorIsAbsence, usual()),
    ]
}

#[test]
fn every_mistake_is_caught() {
    for (mutant, scope) in mutants() {
        let scope = Scope {
            mutant: Some(mutant),
            ..scope
        };
        let found = counterexample(scope);
        let trace = found.unwrap_or_else(|| panic!("{mutant:?} is not caught"));
        println!("{mutant:?} is caught in {} steps: {trace:?}", trace.len());
    }
}
