//! Sids that are being renewed by this process.

use std::collections::HashSet;

use parking_lot::Mutex;
use session_core::sid::SessionKey;

/// Sessions whose sid is being renewed: parallel requests of one browser need not ask the store as well. One key for each
/// request in progress at most.
#[derive(Debug, Default)]
pub(crate) struct RenewalsInProgress(Mutex<HashSet<SessionKey>>);

impl RenewalsInProgress {
    /// Begins the renewal of `key`; `None` when one is in progress.
    pub(crate) fn begin(&self, key: SessionKey) -> Option<Renewal<'_>> {
        let begun = self.0.lock().insert(key);
        // Not `then_some`: a permit that is made is also given back.
        begun.then(|| Renewal(self, key))
    }
}

/// A renewal in progress; over when it is dropped.
pub(crate) struct Renewal<'a>(&'a RenewalsInProgress, SessionKey);

impl Drop for Renewal<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}
