//! The session gateway.
//!
//! ```text
//! main -> cli -> server -> proxy -> {auth, edge, endpoints} -> session_core
//! ```
//!
//! `auth`, `edge` and `config` are pure: they are tested without sockets, clocks or runtimes. `wiring` is the one place
//! that names the concrete store and cache.

mod admin;
mod answer;
pub mod auth;
mod backend;
mod body;
mod buckets;
mod caretakers;
pub mod cli;
pub mod config;
#[cfg(test)]
mod corpus;
mod descriptors;
pub mod edge;
mod endpoints;
mod gate;
mod http_client;
mod legacy;
mod listeners;
mod login_limits;
mod look_up;
mod misses;
mod permissions;
mod proxy;
mod risk;
mod server;
mod set_cookie;
mod shedding;
mod site;
mod telemetry;
mod upgrade;
mod upstream;
mod wiring;
