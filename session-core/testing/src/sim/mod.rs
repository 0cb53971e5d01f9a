//! A world that a seed decides: time, chance, a store and a shared cache that fail in every way they may.
//!
//! Run it on a current-thread tokio runtime with paused time, and a seed gives the same history each time. Two things make
//! that true where the code under test draws on chance that cannot be seeded (tokio wakes the waiters of one channel in
//! random order): every decision is a function of *what* is asked and how often it was asked before, never of the order
//! in which two tasks come to ask ([`Dice`]); and no answer arrives in the very tick in which a node's next heartbeat is due
//! ([`SimLink`]).
//!
//! - [`SimClock`]: the boot clock is tokio's; each node's wall clock is as wrong as it is told to be.
//! - [`SimStore`]: a linearizable store in memory that keeps a journal of its commits.
//! - [`SimLink`]: one node's way to the store, with faults: the node's [`SessionStore`](session_core::store::SessionStore).
//! - [`SimShared`], [`SimSharedLink`]: the shared cache, which forgets, lies and rolls back, and one node's way to it.

mod clock;
mod dice;
mod fate;
mod hints;
mod journal;
mod link;
mod mass;
mod shared;
mod store;
mod truth;

pub use clock::SimClock;
pub use dice::{Dice, Roll, SimEntropy};
pub use fate::Weather;
pub use journal::{Change, Commit};
pub use link::SimLink;
pub use shared::{SharedWeather, SimShared, SimSharedLink};
pub use store::SimStore;
pub use truth::Doomed;
