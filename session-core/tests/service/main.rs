//! The session service as its callers see it: several nodes over one store, with faults in between.

#![cfg(test)]

mod drill;
mod faults;
mod groups;
mod legacy;
mod lifecycle;
mod listing;
mod logins;
mod peek;
mod races;
mod shared;
mod support;
