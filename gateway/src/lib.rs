//! The session gateway.
//!
//! ```text
//! main -> cli -> run -> proxy -> {admin, endpoints} -> visit -> {legacy, risk} -> state
//!      -> {apps, answer, views} -> {limits, telemetry} -> config -> {edge, auth} -> session_core
//! ```
//!
//! A room uses only rooms that stand below it, and no files import each other in a loop: `scripts/tidy` checks both.
//! `auth`, `edge` and `config` are pure: they are tested without sockets, clocks or runtimes. `run/wiring` is the one place
//! that names the concrete store and cache.

mod admin;
mod answer;
mod apps;
pub mod auth;
pub mod cli;
pub mod config;
#[cfg(test)]
mod corpus;
pub mod edge;
mod endpoints;
mod legacy;
mod limits;
mod proxy;
mod risk;
mod run;
mod state;
mod telemetry;
mod views;
mod visit;
