//! The rules. Each looks at the facts and says something about a key, or nothing where the key means nothing.

use super::advice::Advice;
use super::facts::Facts;

mod connections;
mod descriptors;
mod local_cache;
mod log_lines;
mod login_limits;
mod nodes;
mod overload;
mod redis;
mod sqlite;
mod times;

#[cfg(test)]
mod testing;

/// A rule.
type Judge = fn(&Facts) -> Vec<Advice>;

/// All of them, in the order in which equals are shown.
pub(super) const ALL: [Judge; 13] = [
    local_cache::judge,
    times::local_ttl,
    times::negative_ttl,
    times::redis_ttl,
    connections::of_a_node,
    connections::of_the_server,
    nodes::judge,
    descriptors::judge,
    sqlite::judge,
    redis::judge,
    login_limits::judge,
    overload::judge,
    log_lines::judge,
];

/// Fewer look-ups, requests or the like say nothing.
const ENOUGH: f64 = 1_000.0;
