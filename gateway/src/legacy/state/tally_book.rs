//! Counts what is still seen of the old cookies, by result and by rule.

use std::collections::HashMap;

use parking_lot::Mutex;
use session_core::store::Seen;

use crate::telemetry::labels::Judged;

/// Most different counts between two writes. A count is named after a result or a rule, never after a client's text.
const THINGS_MAX: usize = 1_024;

/// Prefix of a result of `migration_total`, and of a rule whose cookie was seen.
pub(in crate::legacy) const RESULT: &str = "result:";
pub(in crate::legacy) const RULE: &str = "name:";

/// Written by each node with every write. It tells "nothing was seen" from "no node was watching".
pub(crate) const WATCHED: &str = "watched";

/// Counts since the last write.
#[derive(Debug, Default)]
pub(crate) struct TallyBook(Mutex<HashMap<String, u64>>);

impl TallyBook {
    /// A result of `migration_total`.
    pub(crate) fn result(&self, result: Judged) {
        self.add(format!("{RESULT}{}", result.into_str()));
    }

    /// A request brought a cookie of this rule.
    pub(crate) fn seen(&self, rule: &str) {
        self.add(format!("{RULE}{rule}"));
    }

    fn add(&self, what: String) {
        let mut sums = self.0.lock();
        if let Some(times) = sums.get_mut(&what) {
            *times += 1;
        } else if sums.len() < THINGS_MAX && what.len() <= 300 {
            sums.insert(what, 1);
        }
    }

    /// Takes all counts since the last time, and adds [`WATCHED`].
    pub(crate) fn take(&self) -> Vec<Seen> {
        let sums = std::mem::take(&mut *self.0.lock());
        let watched = (WATCHED.to_owned(), 1);
        sums.into_iter()
            .chain([watched])
            .map(|(what, times)| Seen {
                what: what.into(),
                times,
            })
            .collect()
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, seen: Vec<Seen>) {
        let mut sums = self.0.lock();
        for Seen { what, times } in seen {
            if &*what != WATCHED {
                *sums.entry(what.into()).or_default() += times;
            }
        }
    }
}
