//! The real service, three nodes of it, in a world that a seed decides.
//!
//! Each seed runs some twenty seconds of simulated time in a few milliseconds: people log in, sessions are updated, rotated
//! and revoked, while stores stall, answers get lost, writes arrive late, caches roll back, clocks jump and nodes crash.
//! Every admission and every commit is written down, and the invariants of `session_core` are checked on that history.
//!
//! ```text
//! SIDGATE_SEEDS=100000 cargo test -p session-core --all-features --test simulation      so many seeds
//! SIDGATE_FIRST_SEED=10000                                                             the first of them
//! SIDGATE_SEED=4711    cargo test -p session-core --all-features --test simulation      one of them, with its history
//! ```

#![cfg(test)]

mod ambush;
mod check;
mod history;
mod node;
mod plan;
mod requests;
mod seeds;
mod steps;
mod world;
