//! Sessions that had to make room for others, counted by whether they would still have been of use.

use std::sync::Arc;

use quick_cache::Lifecycle;

use crate::cache::Entry;
use crate::clock::Boot;
use crate::sid::SessionKey;
use crate::stats::Counter;

/// How many sessions were pushed out.
#[derive(Debug, Default)]
pub struct Evictions {
    /// Those that could have been served: whoever comes with one of them again is read again.
    pub fresh: Counter,
    /// Those that were to be read again anyway. Nothing is lost with them.
    pub due: Counter,
}

impl Evictions {
    /// Counts what the insertion of `key` at `now` has pushed out. An older entry of `key` was replaced and is no eviction.
    pub(super) fn note(&self, out: &PushedOut, key: &SessionKey, now: Boot) {
        let others = out.0.iter().filter(|entry| entry.session().key != *key);
        for entry in others {
            match entry.wants_refresh(now) {
                true => self.due.add(),
                false => self.fresh.add(),
            }
        }
    }
}

/// Hands out what is pushed out, so that it is counted and dropped after the cache's lock is free.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HandOut;

/// What one insertion has pushed out.
#[derive(Debug, Default)]
pub(super) struct PushedOut(Vec<Arc<Entry>>);

impl Lifecycle<SessionKey, Arc<Entry>> for HandOut {
    type RequestState = PushedOut;

    fn on_evict(&self, out: &mut PushedOut, _key: SessionKey, entry: Arc<Entry>) {
        out.0.push(entry);
    }
}
