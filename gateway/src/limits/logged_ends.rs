//! Ends of sessions that are in the log already.

use std::collections::HashSet;

use parking_lot::Mutex;
use session_core::sid::SessionKey;

/// Most ends that are remembered, at 32 bytes each. A full set is emptied, so a line may come twice.
const MAX: usize = 10_000;

/// Sessions whose end was logged lately, so that a browser that keeps its old cookie does not write a line with each request.
#[derive(Debug, Default)]
pub(crate) struct LoggedEnds(Mutex<HashSet<SessionKey>>);

impl LoggedEnds {
    /// Whether the end of `key` was not logged yet. It counts as logged from now on.
    pub(crate) fn is_first(&self, key: SessionKey) -> bool {
        let mut logged = self.0.lock();
        if logged.len() >= MAX {
            logged.clear();
        }
        logged.insert(key)
    }
}
