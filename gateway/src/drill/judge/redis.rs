//! Redis answered nobody: was anybody refused or left in doubt, and is it used again?

use std::time::Duration;

use session_core::clock::Boot;

use super::{broken_if, ms, refused, strange};
use crate::drill::record::{Asked, Record, count, percentile};
use crate::drill::verdict::{Figure, Shown, Verdict};

/// What happened at one node.
pub(in crate::drill) struct Paused<'a> {
    /// Sessions that it knew, and sessions that it had to look for.
    pub(in crate::drill) known: &'a Record,
    pub(in crate::drill) unknown: &'a Record,
    /// When Redis had said that it answers nobody, and when it was to answer again.
    pub(in crate::drill) from: Boot,
    pub(in crate::drill) until: Boot,
    /// The state of the breaker, and when it was asked for. `None`: no Redis in its configuration.
    pub(in crate::drill) breaker: &'a [(Boot, Option<String>)],
    /// Longest time until it asks Redis again.
    pub(in crate::drill) patience: Duration,
}

impl Paused<'_> {
    /// Judges the node.
    pub(in crate::drill) fn judge(&self) -> Shown {
        let known = || self.known.within(self.from, self.until);
        let unknown = || self.unknown.within(self.from, self.until);
        let all = || known().chain(unknown());
        let undecided = count(all(), Asked::is_undecided);
        let recovered = self.recovered();
        let figures = vec![
            Figure::count("known_asked", known().count()),
            Figure::time("known_p99_ms", percentile(known(), 99)),
            Figure::count("unknown_asked", unknown().count()),
            Figure::time("unknown_p50_ms", percentile(unknown(), 50)),
            Figure::time("unknown_max_ms", percentile(unknown(), 100)),
            Figure::count("undecided", undecided),
            Figure::word("breaker", if self.opened() { "opened" } else { "closed" }),
            Figure::time("redis_used_again_ms", recovered),
        ];
        let found = [
            self.without_redis(),
            broken_if(undecided > 0, || {
                format!("{undecided} of {} requests got 503", all().count())
            }),
            refused(all()),
            strange(all()),
            broken_if(
                recovered.is_none() && self.without_redis().is_none(),
                || format!("does not use Redis {} after it was back", ms(self.patience)),
            ),
        ];
        Shown::of(figures, found.into_iter().flatten())
    }

    fn opened(&self) -> bool {
        self.breaker
            .iter()
            .any(|(_, state)| state.as_deref().is_some_and(|state| state != "closed"))
    }

    /// From the end of the pause until the breaker was seen closed.
    fn recovered(&self) -> Option<Duration> {
        let mut after = self.breaker.iter().filter(|(at, _)| *at >= self.until);
        let (at, _) = after.find(|(_, state)| state.as_deref() == Some("closed"))?;
        Some(at.since(self.until)).filter(|took| *took <= self.patience)
    }

    fn without_redis(&self) -> Option<(Verdict, String)> {
        let has_none = self.breaker.iter().all(|(_, state)| state.is_none());
        let why = "it has no Redis in its configuration";
        has_none.then(|| (Verdict::NotShown, why.to_owned()))
    }
}
