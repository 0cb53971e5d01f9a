//! What was asked of a node, when, and what it said.

use std::time::Duration;

use session_core::clock::Boot;

/// What a node said about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is a session, and whose.
    Admitted,
    /// It is none.
    Refused,
    /// That is unknown: `503`, and whether with `Retry-After`.
    Undecided {
        /// Whether it says when to ask again.
        says_when: bool,
    },
    /// Something that no drill expects: this status.
    Strange(u16),
    /// Nothing: no connection, or no answer in time.
    Nothing,
}

/// One request for a session at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) start: Boot,
    pub(super) end: Boot,
    pub(super) said: Said,
}

impl Asked {
    pub(super) fn is_admitted(&self) -> bool {
        self.said == Said::Admitted
    }

    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.said, Said::Undecided { .. })
    }
}

/// What one node was asked, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(pub(super) Vec<Asked>);

impl Record {
    /// Those that began in this time.
    pub(super) fn within(&self, from: Boot, until: Boot) -> impl Iterator<Item = &Asked> + Clone {
        self.0
            .iter()
            .filter(move |asked| (from..until).contains(&asked.start))
    }

    /// Those that began then or later.
    pub(super) fn since(&self, from: Boot) -> impl Iterator<Item = &Asked> + Clone {
        self.0.iter().filter(move |asked| asked.start >= from)
    }
}

/// How many of `asked` are so.
pub(super) fn count<'a>(
    asked: impl Iterator<Item = &'a Asked>,
    is_so: impl Fn(&Asked) -> bool,
) -> usize {
    asked.filter(|asked| is_so(asked)).count()
}

/// The time below which this share of the answers came, in hundredths; `None` without any.
pub(super) fn percentile<'a>(
    asked: impl Iterator<Item = &'a Asked>,
    hundredths: usize,
) -> Option<Duration> {
    let mut took: Vec<Duration> = asked.map(|asked| asked.end.since(asked.start)).collect();
    took.sort_unstable();
    let place = (took.len() * hundredths).div_ceil(100).saturating_sub(1);
    took.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_times_that_were_measured() {
        let asked: Vec<Asked> = (1..=100)
            .map(|ms| Asked {
                start: Boot::from_nanos(0),
                end: Boot::from_nanos(ms * 1_000_000),
                said: Said::Admitted,
            })
            .collect();
        let ms = Duration::from_millis;
        assert_eq!(percentile(asked.iter(), 50), Some(ms(50)));
        assert_eq!(percentile(asked.iter(), 99), Some(ms(99)));
        assert_eq!(percentile(asked.iter(), 100), Some(ms(100)));
        assert_eq!(percentile(asked.iter().take(1), 99), Some(ms(1)));
        assert_eq!(percentile(asked.iter().take(0), 99), None);
    }
}
