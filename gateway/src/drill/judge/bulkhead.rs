//! A node had no place left for a read: what did those notice whom it knows, and what the others?

use std::time::Duration;

use session_core::clock::Boot;

use super::{broken_if, first, ms, refused, slow_if, strange};
use crate::drill::record::{Asked, Record, Said, count, percentile};
use crate::drill::verdict::{Figure, Shown, Verdict};

/// How long a node may take to serve a session that it did not know, when it has places again.
const BACK_WITHIN: Duration = Duration::from_secs(1);
/// What is shed is answered at once; so much is for the way there and back.
const AT_ONCE: Duration = Duration::from_millis(250);

/// What happened at the node.
pub(in crate::drill) struct Filled<'a> {
    /// A session that it knew.
    pub(in crate::drill) known: &'a Record,
    /// A session that it did not know.
    pub(in crate::drill) unknown: &'a Record,
    /// When it had said that it is full, and when it was told to free its places.
    pub(in crate::drill) full: Boot,
    pub(in crate::drill) freed: Boot,
    /// Places that it said were taken meanwhile.
    pub(in crate::drill) in_use: usize,
}

impl Filled<'_> {
    /// Judges the node itself.
    pub(in crate::drill) fn judge(&self) -> Shown {
        let unknown = || self.unknown.within(self.full, self.freed);
        let shed = count(unknown(), Asked::is_undecided);
        let passed = count(unknown(), Asked::is_admitted);
        let without_word = count(unknown(), |asked| {
            asked.said == Said::Undecided { says_when: false }
        });
        let slowest = percentile(unknown(), 100);
        let known = || self.known.within(self.full, self.freed);
        let doubted = count(known(), Asked::is_undecided);
        let back = first(
            self.unknown.since(self.freed),
            self.freed,
            Asked::is_admitted,
        );
        let figures = vec![
            Figure::count("places_taken", self.in_use),
            Figure::count("known_asked", known().count()),
            Figure::count("known_undecided", doubted),
            Figure::count("unknown_shed", shed),
            Figure::time("shed_max_ms", slowest),
            Figure::time("unknown_admitted_again_ms", back),
        ];
        let all = || self.known.0.iter().chain(&self.unknown.0);
        let found = [
            broken_if(doubted > 0, || {
                format!("{doubted} times 503 for a session that it knew")
            }),
            broken_if(without_word > 0, || {
                format!("{without_word} times 503 without Retry-After")
            }),
            broken_if(back.is_none(), || {
                "did not serve the unknown session afterwards".to_owned()
            }),
            (shed == 0 || passed > 0).then(|| {
                let why = format!(
                    "it was not full: {passed} of {} reads had a place",
                    shed + passed
                );
                (Verdict::NotShown, why)
            }),
            slow_if(slowest.unwrap_or_default() > AT_ONCE, || {
                format!(
                    "shed after {} instead of at once",
                    ms(slowest.unwrap_or_default())
                )
            }),
            slow_if(back.unwrap_or_default() > BACK_WITHIN, || {
                format!(
                    "back after {}, normally within {}",
                    ms(back.unwrap_or_default()),
                    ms(BACK_WITHIN)
                )
            }),
            refused(all()),
            strange(all()),
        ];
        Shown::of(figures, found.into_iter().flatten())
    }
}
