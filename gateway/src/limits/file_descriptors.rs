//! File descriptors: takes as many as the system gives, and keeps half of them from the connections of clients.
//!
//! A process without free descriptors cannot reach its store, its Redis or an app, and loses its lease: clients that
//! only hold connections open could do that. So connections of clients get at most half of the descriptors. The other
//! half is for the connection to an app behind each, and for everything else.

use std::sync::OnceLock;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Fallback when the system reports no limit.
const ASSUMED: u64 = 1_024;

static LIMIT: OnceLock<u64> = OnceLock::new();

/// Raises the limit to the most that the process may have. Called once, at the start.
pub(crate) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // What cannot be raised stays as it is; the cap on connections follows what there is.
        let _kept = setrlimit(Resource::Nofile, limit);
    }
    let _first = LIMIT.set(limit_now());
}

/// Most connections of clients, so that enough descriptors are left for everything else.
pub(crate) fn room_for_connections() -> usize {
    let limit = *LIMIT.get_or_init(limit_now);
    usize::try_from(limit / 2).unwrap_or(usize::MAX)
}

fn limit_now() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(ASSUMED)
}
