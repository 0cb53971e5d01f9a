//! `login_limits`: do people who are known here meet the limits? Strangers should.

use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::Facts;
use crate::advise::words::{count, percent};

/// Fewer logins say nothing.
const ENOUGH: f64 = 100.0;
/// The part of logins by people who are known that may be turned away.
const MAY_MEET: f64 = 0.01;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let logins = facts.sum(|counted| counted.logins);
    let known = facts.sum(|counted| counted.limited_known);
    let others = facts.sum(|counted| counted.limited_others);
    let looked = Looked {
        key: "login_limits",
        rule: Rule::LoginLimits,
        set: "per_account, per_client".to_owned(),
        measured: format!(
            "{} logins; turned away: {} from where the account has logged in before, {} others",
            count(logins),
            count(known),
            count(others)
        ),
    };
    if logins < ENOUGH {
        return vec![looked.not_judged(format!("{} logins are needed", count(ENOUGH)))];
    }
    if known > MAY_MEET * logins {
        return vec![looked.change(
            "a higher per_account, after a look at the audit trail",
            format!(
                "{} of all logins were turned away although their account is known there: that is people with a forgotten password \
                 rather than somebody who guesses",
                percent(known, logins)
            ),
        )];
    }
    vec![
        looked
            .keep("those who are turned away are not known here: that is what the limits are for"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::advice::Verdict;
    use crate::advise::rules::testing::{facts, node};

    #[test]
    fn only_people_who_are_known_are_a_reason() {
        let verdict = |logins, known, others| {
            let mut all = facts(vec![node("a")]);
            let counted = &mut all.nodes[0].counted;
            counted.logins = logins;
            counted.limited_known = known;
            counted.limited_others = others;
            judge(&all).remove(0).verdict
        };
        assert_eq!(verdict(99.0, 50.0, 0.0), Verdict::NotJudged);
        assert_eq!(verdict(100.0, 1.0, 90.0), Verdict::Keep);
        assert!(matches!(verdict(100.0, 2.0, 0.0), Verdict::Change(_)));
    }
}
