//! The freshness protocol (DESIGN 5), checked in every order of its steps at a small scope.
//!
//! The model follows the code, not the design's prose: an entry is judged against the window each time it is used
//! (`freshness/window.rs`), so dropping entries from the local tier is hygiene, and the model never relies on it.
//!
//! - [`store`] is the truth: a log of numbered events and one session.
//! - [`window`] is what a node remembers of the log, a port of `freshness::Window`.
//! - [`protocol`] is nodes, their heartbeats, reads, hints and resets; [`invariants`] what must hold.
//! - [`scopes`] is what is checked: how much may happen.
//! - [`authority`] is the store's own side: logins, updates and rotations that race a revocation.
//! - [`adoption`] is the same for old logins, which begin long before they come.
//! - [`receipts`] is the list of nodes, and what whoever waits for all of them is told.
//! - [`groups`] is what a sid opens on the sites of which group, also while programs without groups still run.
//! - [`mutant`] lists the mistakes that the invariants must catch.
//!
//! Three things keep the state space small without making it weaker. Time is relative (what is left of a lease, the age of a
//! change, both cut off at the lease), so there is no last moment and a result holds for any length of run. Other nodes are an
//! adversary: the shared cache may answer with anything that was ever true, which is more than any number of nodes could
//! write. And an entry is never dropped by the protocol, only by chance, so a request that still holds one is covered.

#![cfg(test)]

mod adoption;
mod authority;
mod groups;
mod invariants;
mod mutant;
mod protocol;
mod receipts;
mod scopes;
mod store;
mod window;
