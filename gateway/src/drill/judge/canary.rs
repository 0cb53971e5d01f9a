//! A session was ended: from when on does a node not admit it, and does that last?

use std::time::Duration;

use session_core::clock::Boot;
use session_core::freshness::LEASE;

use super::{broken_if, first, last_admission, ms, slow_if, strange};
use crate::drill::record::{Record, Said, count};
use crate::drill::verdict::{Figure, Shown, Verdict};

/// What one node has said about a session whose end was committed no later than `committed`. `normal`: how long it normally takes.
pub(in crate::drill) fn judge(record: &Record, committed: Boot, normal: Duration) -> Shown {
    let before = || record.0.iter().filter(|asked| asked.start < committed);
    let after = || record.since(committed);
    let late = last_admission(after(), committed);
    let refusal = first(after(), committed, |asked| asked.said == Said::Refused);
    let refused_by = record.0.iter().find(|asked| asked.said == Said::Refused);
    let revived = refused_by.map_or(0, |refused| {
        count(record.since(refused.end), |asked| asked.is_admitted())
    });
    let undecided = count(after(), |asked| asked.is_undecided());
    let figures = vec![
        Figure::count("asked", after().count()),
        Figure::time("last_admission_ms", late),
        Figure::time("first_refusal_ms", refusal),
        Figure::count("undecided", undecided),
        Figure::count("admitted_again", revived),
    ];
    let late = late.unwrap_or_default();
    let found = [
        broken_if(late > LEASE, || {
            format!("admitted {} after the commit", ms(late))
        }),
        broken_if(revived > 0, || {
            "admitted again after it had been refused".to_owned()
        }),
        slow_if(late > normal && late <= LEASE, || {
            format!(
                "within the bound of {}, slower than the normal {}",
                ms(LEASE),
                ms(normal)
            )
        }),
        not_shown(
            count(before(), |asked| asked.is_admitted()),
            after().count(),
        ),
        slow_if(refusal.is_none() && undecided > 0, || {
            "never refused: it could not be decided, which admits nobody".to_owned()
        }),
        strange(after()),
    ];
    Shown::of(figures, found.into_iter().flatten())
}

fn not_shown(admitted: usize, asked: usize) -> Option<(Verdict, String)> {
    let why = match (admitted, asked) {
        (0, _) => "it did not admit the session before it was ended",
        (_, 0) => "it was not asked after the commit",
        _ => return None,
    };
    Some((Verdict::NotShown, why.to_owned()))
}
