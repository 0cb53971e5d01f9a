//! File descriptors: as many as the system gives, and never all of them for clients.
//!
//! A process without descriptors cannot reach its store, its Redis or an app any more; then clients that only hold
//! connections open would cost everybody the lease. So no more connections are accepted than leave as many descriptors as
//! they take: one for an app behind each, and some for everything else.

use std::sync::OnceLock;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Fallback when the system reports no limit.
const ASSUMED: u64 = 1_024;

static LIMIT: OnceLock<u64> = OnceLock::new();

/// Asks for as many as the process may have. Called once, at the start.
pub(crate) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // What cannot be raised stays as it is; the cap on connections follows what there is.
        let _kept = setrlimit(Resource::Nofile, limit);
    }
    let _first = LIMIT.set(limit_now());
}

/// How many connections of clients leave enough for everything else.
pub(crate) fn room_for_connections() -> usize {
    let limit = *LIMIT.get_or_init(limit_now);
    usize::try_from(limit / 2).unwrap_or(usize::MAX)
}

fn limit_now() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(ASSUMED)
}
