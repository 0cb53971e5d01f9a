//! The apps behind the gateway: their servers, what each may ask for, and the signed client of the one that knows the users.

pub(crate) mod app;
pub(crate) mod backend;
pub(crate) mod http_client;
mod names;
pub(crate) mod own_addresses;
pub(crate) mod pool;
pub(crate) mod reachable;
mod shared_assertion;
