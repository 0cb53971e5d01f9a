//! The apps behind the gateway: their servers, what each may ask for, and the signed client of the one that knows the users.

pub(crate) mod address;
pub(crate) mod app;
pub(crate) mod backend;
mod balance;
pub(crate) mod client;
pub(crate) mod http_client;
mod names;
pub(crate) mod own_addresses;
pub(crate) mod pool;
pub(crate) mod probe;
pub(crate) mod resolver;
pub(crate) mod server;
mod shared_assertion;
pub(crate) mod standing;
#[cfg(test)]
mod testing;
mod tls_fault;
pub(crate) mod upstream_fault;
pub(crate) mod way;
