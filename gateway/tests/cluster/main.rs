//! Revocation, proven on real processes: three gateways, a real PostgreSQL, a real Redis, and faults between them.
//!
//! Each test ends in a verdict on the whole history: how late the last admission after a commit was, and how long it took
//! until every node refused. The numbers are printed and not asserted; what is asserted is the promise (DESIGN 5). Catalogue
//! numbers (G, I, J) stand beside the tests. `make soak` runs the long forms (`SIDGATE_SOAK=1`).

#![cfg(test)]

mod harness;

mod drill;
mod failover;
mod faults;
mod herds;
mod housekeeping;
mod patroni;
mod poolers;
mod postgres;
mod redis;
mod redis_fleet;
mod regions;
mod revocation;
mod sites;
mod sql;
mod streams;
mod topologies;
