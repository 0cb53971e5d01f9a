//! What was promised against what was measured. Pure: records and times come in, a verdict comes out.

pub(super) mod bulkhead;
pub(super) mod canary;
pub(super) mod heartbeat;
pub(super) mod redis;

use std::time::Duration;

use session_core::clock::{Boot, millis};

use super::record::{Asked, Said, count};
use super::verdict::Verdict;

/// What is found, and how bad it is.
type Found = Option<(Verdict, String)>;

/// Answers that no exercise expects.
fn strange<'a>(asked: impl Iterator<Item = &'a Asked> + Clone) -> Found {
    let is_strange = |asked: &Asked| matches!(asked.said, Said::Strange(_) | Said::Nothing);
    let number = count(asked.clone(), is_strange);
    let mut those = asked.filter(|asked| is_strange(asked));
    let word = match those.next()?.said {
        Said::Strange(status) => format!("status {status}"),
        _ => "no answer".to_owned(),
    };
    Some((
        Verdict::Broken,
        format!("{number} answers that nobody expects, the first: {word}"),
    ))
}

/// A session that lives was refused.
fn refused<'a>(asked: impl Iterator<Item = &'a Asked>) -> Found {
    let number = count(asked, |asked| asked.said == Said::Refused);
    broken_if(number > 0, || {
        format!("{number} times a live session was refused")
    })
}

fn broken_if(is_so: bool, why: impl FnOnce() -> String) -> Found {
    is_so.then(|| (Verdict::Broken, why()))
}

fn slow_if(is_so: bool, why: impl FnOnce() -> String) -> Found {
    is_so.then(|| (Verdict::Slow, why()))
}

/// Start of the last admission after `since`, as time from then.
fn last_admission<'a>(asked: impl Iterator<Item = &'a Asked>, since: Boot) -> Option<Duration> {
    asked
        .filter(|asked| asked.is_admitted())
        .map(|asked| asked.start.since(since))
        .max()
}

/// Start of the first request that is so, as time from `since`.
fn first<'a>(
    mut asked: impl Iterator<Item = &'a Asked>,
    since: Boot,
    is_so: impl Fn(&Asked) -> bool,
) -> Option<Duration> {
    let found = asked.find(|asked| is_so(asked))?;
    Some(found.start.since(since))
}

fn ms(time: Duration) -> String {
    format!("{} ms", millis(time))
}

#[cfg(test)]
mod tests;
