//! What the gateway decides about a request, without Pingora, sockets, clocks or a runtime.
//!
//! [`edge`] asks whether the request is fit to be looked at; [`auth`] says what it gets. Facts come in as arguments, verdicts
//! go out as types, so that every rule is tested by itself.

pub mod auth;
pub mod edge;
