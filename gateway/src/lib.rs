//! The session gateway.
//!
//! ```text
//! main -> cli -> measured -> demo_app -> {diagnosis, drill, advise} -> run -> {proxy, authz} -> passage -> admin -> explain -> decision -> endpoints -> visit -> {legacy, risk} -> state
//!      -> otlp -> {apps, answer, views} -> {limits, telemetry} -> config -> policy -> session_core
//! ```
//!
//! A room uses only rooms that stand below it, and no files import each other in a loop: `scripts/tidy` checks both.
//! What is decided about a request stands in a crate of its own, `sidgate-policy`: like `config` it is tested without
//! sockets, clocks or runtimes. `run/wiring` is the one place that names the concrete store and cache.

mod admin;
mod advise;
mod answer;
mod apps;
mod authz;
pub mod cli;
pub mod config;
mod decision;
mod demo_app;
mod diagnosis;
mod drill;
mod endpoints;
mod explain;
mod legacy;
mod limits;
pub mod measured;
mod otlp;
mod passage;
mod proxy;
mod risk;
mod run;
mod state;
mod telemetry;
mod views;
mod visit;
