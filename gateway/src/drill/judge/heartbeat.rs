//! A node sent no heartbeat: did it stop admitting in time, and did it come back?

use std::time::Duration;

use session_core::clock::Boot;
use session_core::freshness::LEASE;
use session_core::freshness::tail::BEAT;

use super::{broken_if, first, last_admission, ms, refused, slow_if, strange};
use crate::drill::record::{Record, Said, count};
use crate::drill::verdict::{Figure, Shown};

/// How long a node may take to be back. Its next heartbeat is due at once, and may be asked again half a second later.
pub(in crate::drill) const BACK_WITHIN: Duration = BEAT.saturating_mul(2);

/// What happened at the node.
pub(in crate::drill) struct Held<'a> {
    /// A session that it knew.
    pub(in crate::drill) record: &'a Record,
    /// What `/readyz` said, and when it was asked.
    pub(in crate::drill) ready: &'a [(Boot, Option<bool>)],
    /// When it had said that it sends no heartbeat.
    pub(in crate::drill) held: Boot,
    /// When it was told to send them again.
    pub(in crate::drill) released: Boot,
}

impl Held<'_> {
    /// Judges the node itself.
    pub(in crate::drill) fn judge(&self) -> Shown {
        let meanwhile = || self.record.within(self.held, self.released);
        let late = last_admission(meanwhile(), self.held);
        let undecided = first(meanwhile(), self.held, |asked| asked.is_undecided());
        let unready = self.ready_said(self.held, self.released, false);
        let back = first(self.record.since(self.released), self.released, |asked| {
            asked.is_admitted()
        });
        let ready = self.ready_said(self.released, Boot::from_nanos(u64::MAX), true);
        let figures = vec![
            Figure::time("last_admission_ms", late),
            Figure::time("first_503_ms", undecided),
            Figure::time("not_ready_ms", unready),
            Figure::time("admits_again_ms", back),
            Figure::time("ready_again_ms", ready),
        ];
        let late = late.unwrap_or_default();
        let slow = back.max(ready).unwrap_or_default();
        let without_word = count(meanwhile(), |asked| {
            asked.said == Said::Undecided { says_when: false }
        });
        let found = [
            broken_if(late > LEASE, || {
                format!("admitted {} after the last heartbeat", ms(late))
            }),
            broken_if(undecided.is_none(), || "never answered 503".to_owned()),
            broken_if(unready.is_none(), || "/readyz never said no".to_owned()),
            broken_if(back.is_none(), || "did not admit again".to_owned()),
            broken_if(ready.is_none(), || "did not get ready again".to_owned()),
            broken_if(without_word > 0, || {
                format!("{without_word} times 503 without Retry-After")
            }),
            slow_if(slow > BACK_WITHIN, || {
                format!(
                    "back after {}, normally within {}",
                    ms(slow),
                    ms(BACK_WITHIN)
                )
            }),
            refused(self.record.0.iter()),
            strange(self.record.0.iter()),
        ];
        Shown::of(figures, found.into_iter().flatten())
    }

    fn ready_said(&self, from: Boot, until: Boot, what: bool) -> Option<Duration> {
        let mut asked = self.ready.iter();
        let (at, _) = asked.find(|(at, said)| (from..until).contains(at) && *said == Some(what))?;
        Some(at.since(from))
    }
}

/// Judges a node that the exercise does not concern.
pub(in crate::drill) fn bystander(record: &Record) -> Shown {
    let undecided = count(record.0.iter(), |asked| asked.is_undecided());
    let figures = vec![
        Figure::count("asked", record.0.len()),
        Figure::count("undecided", undecided),
    ];
    let found = [
        broken_if(undecided > 0, || format!("{undecided} times 503")),
        refused(record.0.iter()),
        strange(record.0.iter()),
    ];
    Shown::of(figures, found.into_iter().flatten())
}
