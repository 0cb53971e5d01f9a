//! Forward-auth: edges ask what becomes of a request, and send it to the app themselves.

#[path = "authz/asking.rs"]
pub(crate) mod asking;
#[path = "authz/events.rs"]
mod events;
#[path = "authz/kept.rs"]
mod kept;
#[path = "authz/peers.rs"]
mod peers;
#[path = "authz/questions.rs"]
mod questions;
#[path = "authz/refusals.rs"]
mod refusals;
#[path = "authz/spoofing.rs"]
mod spoofing;
#[path = "authz/traced.rs"]
mod traced;
