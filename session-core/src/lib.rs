//! What a session is, where it lives, and how long it may be believed.
//!
//! ```text
//! service -> {cache, activity} -> freshness -> store (trait) -> session -> {sid, keys, clock}
//! ```
//!
//! [`service::Sessions`] is the entry point. It promises:
//!
//! - **INV-1** Once a revocation has committed, no node admits that session later than [`freshness::LEASE`] after.
//! - **INV-2** A value from any cache decides only if no applied event newer than it names its session, its user, its
//!   tenant or everybody.
//! - **INV-3** An error is never an absence: [`service::Resolution`] has three answers.
//! - **INV-4** Nothing brings an ended session back: inserts never overwrite, updates compare and set, touches never
//!   create.
//! - **INV-5** A forged sid costs no I/O.
//! - **INV-6** Only the store's clock can extend a session.
//! - **INV-7** A session of one group of sites is never admitted on a site of another.

pub mod activity;
pub mod asked;
pub mod cache;
pub mod cause;
pub mod clock;
mod complaints;
pub mod credentials;
pub mod entropy;
pub mod freshness;
pub mod hint;
pub mod keys;
pub mod lease;
mod sealing;
pub mod secret;
pub mod service;
pub mod session;
pub mod sid;
pub mod stats;
pub mod store;
pub mod trust;
