//! How many signals about one session are reported in an hour.
//!
//! A rule that a session breaks again and again says nothing new. Each rule therefore has a budget of its own for each
//! session, so that breaking a harmless one cannot silence another. What a rule is to *do*, a new sid or the end of the
//! session, has no budget: it is always done.

use std::time::Duration;

use quick_cache::unsync::Cache;
use session_core::clock::Boot;
use session_core::session::RiskRule;
use strum::VariantArray as _;
use uuid::Uuid;

/// Sessions whose budgets are remembered: about 100 bytes each. One that is forgotten begins anew.
const SESSIONS_MAX: usize = 20_000;
/// Signals of one rule about one session.
const SIGNALS_MAX: u8 = 8;
/// Times that the past of a session may follow it to another handle.
const MOVES_MAX: u8 = 4;
/// The time after which a budget begins anew.
const PERIOD: Duration = Duration::from_secs(3_600);

/// Budgets of sessions.
pub(super) struct Budgets(Cache<Uuid, Spent>);

/// What a session has spent in its period.
#[derive(Clone, Copy, Debug)]
struct Spent {
    since: Boot,
    signals: [u8; RiskRule::VARIANTS.len()],
    moves: u8,
    is_told: bool,
}

/// Which of the broken rules are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Rules within their budget, each reported by itself.
    pub(super) rules: Vec<RiskRule>,
    /// The first rule beyond its budget, once in each period. It announces that further signals are not reported.
    pub(super) crowded: Option<RiskRule>,
}

impl Budgets {
    /// Creates it empty.
    pub(super) fn new() -> Self {
        Self(Cache::new(SESSIONS_MAX))
    }

    /// Spends for the rules that `session` breaks now.
    pub(super) fn signals(&mut self, session: Uuid, broken: &[RiskRule], now: Boot) -> Said {
        let mut said = Said::default();
        if broken.is_empty() {
            return said;
        }
        let mut spent = self.spent(session, now);
        for (rule, count) in RiskRule::VARIANTS.iter().zip(&mut spent.signals) {
            if !broken.contains(rule) {
                continue;
            }
            if *count < SIGNALS_MAX {
                *count += 1;
                said.rules.push(*rule);
            } else if !spent.is_told {
                spent.is_told = true;
                said.crowded = Some(*rule);
            }
        }
        self.0.insert(session, spent);
        said
    }

    /// Moves the budget of the handle `from` to `to`. `false`: the history of the session was copied too often and must
    /// not be copied again.
    pub(super) fn moved(&mut self, from: Uuid, to: Uuid, now: Boot) -> bool {
        let mut spent = self.spent(from, now);
        let has_place = spent.moves < MOVES_MAX;
        spent.moves += u8::from(has_place);
        self.0.remove(&from);
        self.0.insert(to, spent);
        has_place
    }

    fn spent(&self, session: Uuid, now: Boot) -> Spent {
        let spent = self.0.get(&session).copied();
        spent
            .filter(|spent| now.since(spent.since) < PERIOD)
            .unwrap_or(Spent {
                since: now,
                signals: [0; RiskRule::VARIANTS.len()],
                moves: 0,
                is_told: false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);

    fn at(seconds: u64) -> Boot {
        Boot::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn one_rule_is_said_so_often_then_that_it_is_too_often_and_then_nothing() {
        let mut budgets = Budgets::new();
        let broken = [RiskRule::UserAgent];
        for _ in 0..SIGNALS_MAX {
            let said = budgets.signals(SESSION, &broken, at(1));
            assert_eq!((said.rules, said.crowded), (broken.to_vec(), None));
        }
        let said = budgets.signals(SESSION, &broken, at(2));
        assert_eq!((said.rules, said.crowded), (vec![], Some(broken[0])));
        assert_eq!(budgets.signals(SESSION, &broken, at(3)), Said::default());
        assert_eq!(budgets.signals(SESSION, &broken, at(3_601)).rules, broken);
    }

    /// Whoever is silenced for one rule is not for another, and nobody else is for anything.
    #[test]
    fn rules_and_sessions_have_budgets_of_their_own() {
        let mut budgets = Budgets::new();
        for _ in 0..100 {
            budgets.signals(SESSION, &[RiskRule::UserAgent], at(1));
        }
        let both = [RiskRule::UserAgent, RiskRule::ImpossibleTravel];
        let said = budgets.signals(SESSION, &both, at(2));
        assert_eq!(said.rules, [RiskRule::ImpossibleTravel]);
        let said = budgets.signals(Uuid::from_u128(2), &both, at(2));
        assert_eq!(said.rules, both);
    }

    #[test]
    fn a_new_handle_is_no_new_budget() {
        let mut budgets = Budgets::new();
        let (mut handle, mut copied) = (SESSION, 0);
        for n in 2..30 {
            let next = Uuid::from_u128(n);
            for _ in 0..3 {
                budgets.signals(handle, &[RiskRule::UserAgent], at(1));
            }
            copied += u32::from(budgets.moved(handle, next, at(1)));
            handle = next;
        }
        assert_eq!(copied, u32::from(MOVES_MAX));
        let said = budgets.signals(handle, &[RiskRule::UserAgent], at(1));
        assert_eq!(said, Said::default());
    }
}
