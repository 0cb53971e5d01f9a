//! Rules on the past: what they would have done to the sessions that were recorded.
//!
//! Each rule is applied alone, so that its numbers do not depend on the others. A session that it would have ended is
//! not counted for it from then on. Only changes of context are recorded, so the two rules about refused clients cannot
//! be tried out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use session_core::clock::Timestamp;
use session_core::session::{RiskRule, Text};
use session_core::store::{Cursor, SessionStore, Sighting, StoreError};
use strum::VariantArray as _;
use uuid::Uuid;

use super::rules::{HISTORY, judge};
use crate::config::{Config, RiskAction, RiskRules};

/// Sightings read at a time.
const PAGE: usize = 2_000;

/// What would have happened.
#[derive(Debug)]
pub(crate) struct Report {
    changes: u64,
    sessions: HashSet<Uuid>,
    users: HashSet<Text>,
    rules: Vec<Outcome>,
}

/// What one rule would have done.
#[derive(Debug)]
struct Outcome {
    rule: RiskRule,
    action: RiskAction,
    signals: u64,
    sessions: HashSet<Uuid>,
    users: HashSet<Text>,
}

/// Reads what was recorded in the time before `now` and asks the rules of `config`.
///
/// # Errors
/// When the store failed.
pub(crate) async fn run(
    store: &dyn SessionStore,
    config: &Config,
    now: Timestamp,
    since: Duration,
) -> Result<Report, StoreError> {
    let ago = |age: Duration| {
        let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.as_micros().saturating_sub(micros))
    };
    // Sessions that began before are known with their past. None is older than this.
    let life = config.session.absolute_timeout;
    let mut replay = Replay::new(&config.risk.rules, ago(since));
    let mut from = Some(Cursor::before(ago(since.saturating_add(life))));
    while let Some(cursor) = from {
        let page = store.sightings_from(cursor, PAGE).await?;
        if let Some(last) = page.seen.last() {
            replay.forget_before(last.at, life);
        }
        page.seen.into_iter().for_each(|seen| replay.see(seen));
        from = page.next;
    }
    Ok(replay.report)
}

struct Replay<'a> {
    rules: &'a RiskRules,
    begin: Timestamp,
    /// What was seen of each session.
    past: HashMap<Uuid, VecDeque<Sighting>>,
    report: Report,
}

impl<'a> Replay<'a> {
    fn new(rules: &'a RiskRules, begin: Timestamp) -> Self {
        let outcome = |rule| Outcome {
            rule,
            action: rules.action(rule),
            signals: 0,
            sessions: HashSet::new(),
            users: HashSet::new(),
        };
        Self {
            rules,
            begin,
            past: HashMap::new(),
            report: Report {
                changes: 0,
                sessions: HashSet::new(),
                users: HashSet::new(),
                rules: RiskRule::VARIANTS.iter().copied().map(outcome).collect(),
            },
        }
    }

    fn see(&mut self, mut seen: Sighting) {
        let past = self.past.entry(seen.session).or_default();
        // The signals of the rules under test replace those that were recorded.
        seen.signals = judge(self.rules, past.make_contiguous(), &seen);
        if seen.at >= self.begin {
            self.report.count(&seen);
        }
        if past.len() > HISTORY {
            // The first is the login.
            past.remove(1);
        }
        past.push_back(seen);
    }

    /// Forgets sessions that must have expired.
    fn forget_before(&mut self, now: Timestamp, life: Duration) {
        self.past
            .retain(|_, past| past.back().is_some_and(|last| now.since(last.at) <= life));
    }
}

impl Report {
    fn count(&mut self, seen: &Sighting) {
        self.changes += 1;
        self.sessions.insert(seen.session);
        self.users.insert(seen.user_id.clone());
        for outcome in &mut self.rules {
            let has_ended =
                outcome.action == RiskAction::Revoke && outcome.sessions.contains(&seen.session);
            if seen.signals.contains(&outcome.rule) && !has_ended {
                outcome.signals += 1;
                outcome.sessions.insert(seen.session);
                outcome.users.insert(seen.user_id.clone());
            }
        }
    }

    /// The report for programs.
    pub(crate) fn view(&self) -> Value {
        let rules = self.rules.iter().map(|outcome| {
            json!({
                "rule": outcome.rule.as_str(),
                "action": outcome.action.as_str(),
                "signals": outcome.signals,
                "sessions": outcome.sessions.len(),
                "users": outcome.users.len(),
            })
        });
        json!({
            "changes": self.changes,
            "sessions": self.sessions.len(),
            "users": self.users.len(),
            "rules": rules.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sessions, users) = (self.sessions.len(), self.users.len());
        write!(
            f,
            "recorded: {} changes of {sessions} sessions of {users} users",
            self.changes
        )?;
        for outcome in &self.rules {
            let verb = match outcome.action {
                RiskAction::Observe => "have flagged",
                RiskAction::Notify => "have notified about",
                RiskAction::Rotate => "have rotated",
                RiskAction::Revoke => "have ended",
            };
            let (sessions, users) = (outcome.sessions.len(), outcome.users.len());
            write!(
                f,
                "\n{:<18} {:<8} would {verb} {sessions} sessions of {users} users ({} signals)",
                outcome.rule.as_str(),
                outcome.action.as_str(),
                outcome.signals
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
