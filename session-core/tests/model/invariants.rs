//! What must hold in every state.

use stateright::Property;

use crate::protocol::{Node, Scope, State};
use crate::store::Store;
use crate::window::Entry;

/// INV-1 once a change is as old as the lease, no node decides by a value from before it.
pub(crate) const INV_1: &str = "INV-1 nothing outdated is admitted once the lease is over";
/// INV-2 no node decides by a value that an event it has applied has overtaken.
pub(crate) const INV_2: &str = "INV-2 no applied event is newer than what decides";
/// INV-3 a live session is never known to be absent.
pub(crate) const INV_3: &str = "INV-3 an error is never an absence";
/// The model is of use only if sessions are served after all the trouble.
pub(crate) const SERVED: &str = "a session is served after everything that can happen";

pub(crate) fn invariants() -> Vec<Property<Scope>> {
    vec![
        Property::always(INV_1, |scope: &Scope, state: &State| {
            let settled = state.store.settled(scope.lease);
            state
                .nodes
                .iter()
                .filter(|node| scope.usable(node))
                .all(|node| {
                    node.entry
                        .is_none_or(|entry| entry.value.version >= settled)
                })
        }),
        Property::always(INV_2, |scope: &Scope, state: &State| {
            state
                .nodes
                .iter()
                .filter(|node| scope.usable(node))
                .all(|node| {
                    node.entry
                        .is_none_or(|entry| !overtaken(&state.store, node, &entry))
                })
        }),
        Property::always(INV_3, |_: &Scope, state: &State| {
            !state.store.live || state.nodes.iter().all(|node| !node.absent)
        }),
        Property::sometimes(SERVED, |scope: &Scope, state: &State| {
            let store = &state.store;
            store.rebuilds() == scope.rebuilds
                && store.timeline() == scope.losses
                && store.head() == scope.events
                && state.nodes.iter().all(|node| scope.usable(node))
        }),
    ]
}

/// Whether the node has applied an event that the entry does not know of, going by the log and not by its window.
fn overtaken(store: &Store, node: &Node, entry: &Entry) -> bool {
    node.window.incarnation == store.incarnation
        && entry.value.incarnation == store.incarnation
        && store.log().iter().any(|event| {
            event.subject.concerns_us()
                && event.seq > entry.value.as_of
                && event.seq <= node.window.head
        })
}
