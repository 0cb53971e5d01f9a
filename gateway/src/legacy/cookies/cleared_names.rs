//! Which names has this browser been told to forget already?
//!
//! A page sends dozens of requests with the same old cookies before the browser has seen the first answer; for
//! [`PATIENCE`] all of them are answered alike. A name that comes again after that was set for a domain or path outside
//! the configuration, and is cleared for every one that it can have. A name that still comes is counted and left.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use session_core::clock::Boot;

use super::clear::{BYTES_MAX, Clearing, Reach, size};

/// How long a browser may still send a name after an answer has cleared it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most names that are remembered for one browser: as many as one request may bring, one [`Swept`] each.
const NAMES_MAX: usize = 64;
/// Names are remembered as digests, because they are a client's text and may be long. The key is random for each
/// process, so that clients cannot search for collisions.
static DIGESTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The names that one browser was told to forget. Kept with its session, or with the refusal of its login.
#[derive(Debug, Default)]
pub(crate) struct ClearedNames(Mutex<Vec<Swept>>);

/// What a browser was told about one name, in 16 bytes.
#[derive(Debug)]
struct Swept {
    name: u64,
    at: Moment,
    tries: u8,
}

/// Tenths of a second on the clock of [`Boot`], for thirteen years.
#[derive(Clone, Copy, Debug)]
struct Moment(u32);

impl Moment {
    const UNIT_NANOS: u64 = 100_000_000;

    fn of(now: Boot) -> Self {
        Self(u32::try_from(now.as_nanos() / Self::UNIT_NANOS).unwrap_or(u32::MAX))
    }

    fn boot(self) -> Boot {
        Boot::from_nanos(u64::from(self.0) * Self::UNIT_NANOS)
    }
}

/// What one answer clears.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Lines for this answer.
    pub(crate) lines: Vec<HeaderValue>,
    /// Names that could not be cleared. Each is reported once.
    pub(crate) given_up: Vec<String>,
}

impl ClearedNames {
    /// Lines for the names that a request for `path` has brought. Lines that do not fit wait for the next answer,
    /// because their names come again.
    pub(crate) fn sweep(
        &self,
        clearing: &Clearing,
        names: &[String],
        path: &str,
        now: Boot,
    ) -> Sweep {
        let mut swept = self.0.lock();
        let mut sweep = Sweep::default();
        let mut left = BYTES_MAX;
        // Untried names come first, so that names that cannot be cleared do not crowd them out.
        let tries = |swept: &[Swept], digest: u64| {
            let known = swept.iter().find(|one| one.name == digest);
            known.map_or(0, |one| one.tries)
        };
        let digested = names.iter().map(|name| (name, DIGESTS.hash_one(name)));
        let mut names: Vec<(&String, u64)> = digested.collect();
        names.sort_by_key(|(_, digest)| tries(&swept, *digest));
        for (name, digest) in names {
            let known = swept.iter_mut().find(|one| one.name == digest);
            let reach = match known.map(|one| one.next(now)) {
                None => Reach::Configured,
                Some(Next::Tell(reach)) => reach,
                Some(Next::Nothing) => continue,
                Some(Next::GiveUp) => {
                    sweep.given_up.push(name.clone());
                    continue;
                }
            };
            let lines = fitting(clearing.lines(name, reach, path), left);
            if !lines.is_empty() {
                left -= size(&lines);
                sweep.lines.extend(lines);
                note(&mut swept, digest, now);
            }
        }
        sweep
    }
}

enum Next {
    Tell(Reach),
    GiveUp,
    /// It was given up.
    Nothing,
}

impl Swept {
    /// What to do about a name that comes again.
    fn next(&mut self, now: Boot) -> Next {
        match (self.tries, self.is_fresh(now)) {
            (1, true) => Next::Tell(Reach::Configured),
            (1, false) | (2, true) => Next::Tell(Reach::Anywhere),
            (2, false) => {
                self.tries = 3;
                Next::GiveUp
            }
            _ => Next::Nothing,
        }
    }

    /// Whether the browser may not have seen the last answer yet.
    fn is_fresh(&self, now: Boot) -> bool {
        now.since(self.at.boot()) < PATIENCE
    }
}

fn note(swept: &mut Vec<Swept>, name: u64, now: Boot) {
    let at = Moment::of(now);
    if let Some(one) = swept.iter_mut().find(|one| one.name == name) {
        if !one.is_fresh(now) {
            (one.tries, one.at) = (one.tries + 1, at);
        }
    } else if swept.len() < NAMES_MAX {
        let tries = 1;
        swept.push(Swept { name, at, tries });
    }
}

/// All lines of a name or none; only a name that would never fit is cleared in part.
fn fitting(mut lines: Vec<HeaderValue>, left: usize) -> Vec<HeaderValue> {
    if left == BYTES_MAX {
        while size(&lines) > left {
            lines.pop();
        }
    }
    if size(&lines) > left {
        Vec::new()
    } else {
        lines
    }
}

#[cfg(test)]
mod tests;
