//! End to end: the real program between raw clients and recording apps, with real databases, a real Redis and the real
//! Django demo.
//!
//! Every test asserts on the bytes that an app received, not only on the answer. One crate, so that it links once.

#[cfg(test)]
mod admin_api;
#[cfg(test)]
mod admin_listener;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backends;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod cookie_attacks;
#[cfg(test)]
mod csrf;
#[cfg(test)]
mod dev;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod django;
#[cfg(test)]
mod django_login;
#[cfg(test)]
mod django_nodes;
#[cfg(test)]
mod event;
#[cfg(test)]
mod event_permissions;
#[cfg(test)]
mod event_refused;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod foreign_roles;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod h2_abuse;
#[cfg(test)]
mod https;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod keys_cache;
#[cfg(test)]
mod keys_edge;
#[cfg(test)]
mod keys_server;
#[cfg(test)]
mod keys_upstream;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod login;
#[cfg(test)]
mod login_errors;
#[cfg(test)]
mod login_limits;
#[cfg(test)]
mod logouts;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod marker;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod migration_admin;
#[cfg(test)]
mod migration_budget;
#[cfg(test)]
mod migration_counted;
#[cfg(test)]
mod migration_django;
#[cfg(test)]
mod migration_jar;
#[cfg(test)]
mod migration_judged;
#[cfg(test)]
mod migration_modes;
#[cfg(test)]
mod migration_nodes;
#[cfg(test)]
mod migration_revoked;
#[cfg(test)]
mod migration_rollback;
#[cfg(test)]
mod migration_ways;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod nothing_opens;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod overload_figures;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod redirects;
#[cfg(test)]
mod redis_faults;
#[cfg(test)]
mod remember;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod revoking;
#[cfg(test)]
mod risk;
#[cfg(test)]
mod risk_actions;
#[cfg(test)]
mod risk_floods;
#[cfg(test)]
mod risk_places;
#[cfg(test)]
mod risk_webhook;
#[cfg(test)]
mod security_events;
#[cfg(test)]
mod session_events;
#[cfg(test)]
mod session_limit;
#[cfg(test)]
mod spoofing;
#[cfg(test)]
mod start_refused;
#[cfg(test)]
mod store_faults;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod streams_apart;
#[cfg(test)]
mod target;
#[cfg(test)]
mod trusted_proxies;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod vectors;
