//! What should be set otherwise, by what was measured: the rules of `docs/capacity.md`, applied to a running system.
//!
//! Everything here is pure: [`Facts`] go in, [`Advice`] comes out. Who asks the nodes and the store is `cli/advise`.

pub(crate) mod advice;
pub(crate) mod facts;
pub(crate) mod node;
pub(crate) mod report;
mod rules;
pub(crate) mod sample;
mod words;

use self::advice::Advice;
use self::facts::Facts;

/// What every rule says, changes first. Among equals the order is that of the rules.
pub(crate) fn judge(facts: &Facts) -> Vec<Advice> {
    let mut advice: Vec<Advice> = rules::ALL.iter().flat_map(|rule| rule(facts)).collect();
    advice.sort_by_key(|advice| advice.verdict.weight());
    advice
}
