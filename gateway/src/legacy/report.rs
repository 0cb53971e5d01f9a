//! `sidgate migration report`: who still sends old cookies, and may the rules be removed?

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use session_core::store::Tally;

use super::state::tally_book::{RESULT, RULE, WATCHED};
use crate::config::MigrationConfig;
use crate::telemetry::labels::Judged;

/// Hours that a day has.
const DAY: i64 = 24;
/// Days that are looked back, the last one included.
const DAYS: usize = 7;

/// Sums of what nodes have written down.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Results and rules, each with its sums by day; the last day first.
    days: BTreeMap<String, [u64; DAYS]>,
    /// How many of the last 24 full hours had a node that watched for old cookies.
    watched: usize,
    credentials: Vec<String>,
}

/// Whether the rules may be removed from the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Nobody has sent an old cookie for a day.
    Safe,
    /// Logins would be lost.
    Logins(u64),
    /// Nobody would be logged out; old cookies would stay in browsers and reach the apps.
    Leftovers(u64),
    /// Unknown, because migration was not on for this many of the last 24 hours.
    Unwatched(usize),
}

impl Report {
    /// Sums up what was seen under these rules.
    pub(crate) fn of(tally: &Tally, migration: &MigrationConfig) -> Self {
        let credentials = migration.credentials.iter();
        Self::new(
            tally,
            credentials.map(|name| name.as_str().to_owned()).collect(),
        )
    }

    /// `credentials` are the names that carry logins.
    fn new(tally: &Tally, credentials: Vec<String>) -> Self {
        let mut days: BTreeMap<String, [u64; DAYS]> = BTreeMap::new();
        let mut watched = 0;
        for (hour, seen) in &tally.seen {
            let age = tally.hour - hour;
            if &*seen.what == WATCHED {
                watched += usize::from((1..=DAY).contains(&age));
                continue;
            }
            // The present hour has just begun, and counts with the 24 before it.
            let day = usize::try_from((age - 1).max(0) / DAY).unwrap_or(DAYS);
            let sums = days.entry(seen.what.to_string()).or_default();
            if let Some(sum) = sums.get_mut(day) {
                *sum += seen.times;
            }
        }
        Self {
            days,
            watched,
            credentials,
        }
    }

    /// Whether the rules may be removed.
    pub(crate) fn removal(&self) -> Removal {
        let seen = |credential: bool| -> u64 {
            let rules = self
                .rules()
                .filter(|(rule, _)| credential == self.credentials.iter().any(|name| name == rule));
            rules.map(|(_, sums)| today(sums)).sum()
        };
        let hours = usize::try_from(DAY).unwrap_or_default();
        match (seen(true), seen(false)) {
            (0, 0) if self.watched < hours => Removal::Unwatched(hours - self.watched),
            (0, 0) => Removal::Safe,
            (0, leftovers) => Removal::Leftovers(leftovers),
            (logins, _) => Removal::Logins(logins),
        }
    }

    /// Users who still came with old cookies, by day; the last day first.
    fn users(&self) -> [u64; DAYS] {
        self.sum(RESULT, |result| {
            matches!(
                result.parse(),
                Ok(Judged::Migrated | Judged::ShadowMatch | Judged::Unavailable)
            )
        })
    }

    fn sum(&self, prefix: &'static str, counts: impl Fn(&str) -> bool) -> [u64; DAYS] {
        let mut total = [0; DAYS];
        for (_, sums) in self.section(prefix).filter(|(what, _)| counts(what)) {
            for (sum, more) in total.iter_mut().zip(sums) {
                *sum += more;
            }
        }
        total
    }

    /// The report for programs: users, refusals and requests by day, the last day first, and whether the rules may be
    /// removed.
    pub(crate) fn view(&self) -> Value {
        let users = self.users();
        let refused = self.sum(RESULT, |result| result.parse() == Ok(Judged::Refused));
        let requests = self.sum(RULE, |_| true);
        let days = users.iter().zip(refused).zip(requests);
        let days = days.map(|((users, refused), requests)| {
            json!({"users": users, "refused": refused, "requests": requests})
        });
        let removal = self.removal();
        json!({
            "days": days.collect::<Vec<_>>(),
            "removal": { "safe": removal == Removal::Safe, "why": removal.to_string() },
        })
    }

    fn rules(&self) -> impl Iterator<Item = (&str, &[u64; DAYS])> {
        self.section(RULE)
    }

    fn section<'a>(
        &'a self,
        prefix: &'static str,
    ) -> impl Iterator<Item = (&'a str, &'a [u64; DAYS])> {
        self.days
            .iter()
            .filter_map(move |(what, sums)| Some((what.strip_prefix(prefix)?, sums)))
    }
}

fn today(sums: &[u64; DAYS]) -> u64 {
    sums.first().copied().unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = |f: &mut fmt::Formatter<'_>, prefix| -> fmt::Result {
            for (what, sums) in self.section(prefix) {
                write!(f, "  {what:32}")?;
                for sum in sums {
                    write!(f, " {sum:>8}")?;
                }
                writeln!(f)?;
            }
            Ok(())
        };
        writeln!(
            f,
            "Old logins by result, the last {DAYS} days, the last 24 hours first:"
        )?;
        table(f, RESULT)?;
        writeln!(f, "Requests with old cookies, by rule:")?;
        table(f, RULE)?;
        let [now, before, ..] = self.users();
        let trend = match now.cmp(&before) {
            std::cmp::Ordering::Less => "falling",
            std::cmp::Ordering::Equal => "level",
            std::cmp::Ordering::Greater => "rising",
        };
        writeln!(
            f,
            "Users still on old cookies: {now} in the last 24 hours, {before} in the 24 before: {trend}"
        )?;
        write!(f, "{}", self.removal())
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Safe to remove: ")?;
        match self {
            Self::Safe => f.write_str("yes"),
            Self::Logins(times) => write!(
                f,
                "no, {times} requests with old logins in the last 24 hours"
            ),
            Self::Leftovers(times) => write!(
                f,
                "not yet, {times} requests with companions in the last 24 hours (nobody would be logged out)"
            ),
            Self::Unwatched(hours) => write!(
                f,
                "unknown, migration was not on in {hours} of the last 24 hours"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use session_core::store::Seen;

    use super::*;

    fn tally(seen: &[(i64, &str, u64)]) -> Report {
        let seen = seen.iter().map(|(age, what, times)| {
            let what = (*what).into();
            let times = *times;
            (1_000 - age, Seen { what, times })
        });
        let watched = (1..=24).map(|age| {
            let what = WATCHED.into();
            (1_000 - age, Seen { what, times: 60 })
        });
        let tally = Tally {
            hour: 1_000,
            seen: seen.chain(watched).collect(),
        };
        Report::new(&tally, vec!["token".to_owned()])
    }

    #[test]
    fn the_rules_may_go_when_nothing_was_seen_for_a_day() {
        assert_eq!(tally(&[(25, "name:token", 9)]).removal(), Removal::Safe);
        assert_eq!(tally(&[(0, "name:token", 9)]).removal(), Removal::Logins(9));
        assert_eq!(
            tally(&[(24, "name:token", 1)]).removal(),
            Removal::Logins(1)
        );
        let leftovers = [(3, "name:theme", 2), (25, "name:token", 1)];
        assert_eq!(tally(&leftovers).removal(), Removal::Leftovers(2));
    }

    #[test]
    fn unwatched_is_not_safe() {
        let nothing = Tally {
            hour: 1_000,
            seen: vec![],
        };
        assert_eq!(
            Report::new(&nothing, vec![]).removal(),
            Removal::Unwatched(24)
        );
    }

    #[test]
    fn programs_get_the_burn_down_by_day() {
        let view = tally(&[
            (1, "result:migrated", 2),
            (2, "result:refused", 3),
            (30, "result:shadow_match", 5),
            (1, "name:token", 4),
            (1, "name:theme", 1),
        ])
        .view();
        let days = view["days"].as_array().unwrap();
        assert_eq!(days.len(), DAYS);
        assert_eq!(days[0], json!({"users": 2, "refused": 3, "requests": 5}));
        assert_eq!(days[1], json!({"users": 5, "refused": 0, "requests": 0}));
        assert_eq!(view["removal"]["safe"], false);
    }

    #[test]
    fn it_says_so_in_words() {
        let text = tally(&[
            (1, "result:migrated", 2),
            (30, "result:migrated", 5),
            (1, "name:token", 4),
        ])
        .to_string();
        assert!(
            text.contains("migrated                                2        5"),
            "{text}"
        );
        assert!(
            text.contains("2 in the last 24 hours, 5 in the 24 before: falling"),
            "{text}"
        );
        assert!(
            text.ends_with("Safe to remove: no, 4 requests with old logins in the last 24 hours"),
            "{text}"
        );
    }
}
