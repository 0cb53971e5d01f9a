//! `cache.local_ttl`, `cache.negative_ttl` and `cache.redis_ttl`: what is read again because its time is over?
//!
//! None of them has to do with revocation, which events tell: they only say how often the store is read.

use std::time::Duration;

use super::ENOUGH;
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::Facts;
use crate::advise::words::{count, duration, float, percent, rate, time};

/// Reads of the store in a second, over all nodes, that are worth saving. PostgreSQL takes 100 microseconds of CPU for each
/// (docs/capacity.md), so these are a twentieth of one of its cores.
pub(super) const WORTH_SAVING: f64 = 500.0;
/// A core of PostgreSQL could read so many sessions in a second.
const READS_A_CORE: f64 = 10_000.0;
/// As long as `cache.negative_ttl` should be.
const NEGATIVE_MAX: Duration = Duration::from_secs(30);
/// As long as `cache.redis_ttl` may be.
const REDIS_MAX: Duration = Duration::from_secs(1_800);

/// Reads of sessions in a second, without those that a login causes and those that evictions cause.
pub(super) fn rereads(facts: &Facts) -> f64 {
    let nodes = facts.nodes.len().max(1);
    let first = facts.a_second(|counted| counted.sessions_made) * float(nodes);
    let pushed_out = facts.a_second(|counted| counted.evicted.unwrap_or(0.0));
    let read = facts.a_second(|counted| counted.found.store);
    (read - first - pushed_out).max(0.0)
}

pub(super) fn local_ttl(facts: &Facts) -> Vec<Advice> {
    let set = &facts.set;
    let rereads = rereads(facts);
    let looked = Looked {
        key: "cache.local_ttl",
        rule: Rule::LocalTtl,
        set: duration(set.local_ttl),
        measured: format!(
            "about {} reads of sessions a second that were known before, {} of what a core of PostgreSQL does",
            rate(rereads),
            percent(rereads, READS_A_CORE)
        ),
    };
    let watched = facts.watched();
    if watched < set.local_ttl {
        return vec![looked.not_judged(format!(
            "{} were watched, and nothing is read again before {} are over",
            time(watched),
            duration(set.local_ttl)
        ))];
    }
    if facts.sum(|counted| counted.found.all()) < ENOUGH {
        return vec![looked.not_judged(format!("{} look-ups are needed", count(ENOUGH)))];
    }
    let longer = set.local_ttl * 2;
    if rereads < WORTH_SAVING || longer > set.local_ttl_max {
        return vec![looked.keep("what is read again costs the store next to nothing")];
    }
    vec![looked.change(
        duration(longer),
        "sessions in use are read again each time it is over. Twice as long is half as many reads; revocations do not wait for it",
    )]
}

pub(super) fn negative_ttl(facts: &Facts) -> Vec<Advice> {
    // Several requests share a read, so this is what is left of the reads at least.
    let empty = facts.a_second(|counted| (counted.store_loads - counted.found.store).max(0.0));
    let looked = Looked {
        key: "cache.negative_ttl",
        rule: Rule::NegativeTtl,
        set: duration(facts.set.negative_ttl),
        measured: format!(
            "{} look-ups found no session; about {} reads a second were in vain",
            count(facts.sum(|counted| counted.gone)),
            rate(empty)
        ),
    };
    if facts.sum(|counted| counted.gone) < 100.0 {
        return vec![looked.not_judged("hardly anybody came with a session that is over")];
    }
    if empty < WORTH_SAVING || facts.set.negative_ttl >= NEGATIVE_MAX {
        return vec![looked.keep("looking for what is not there costs the store next to nothing")];
    }
    vec![looked.change(
        duration(NEGATIVE_MAX),
        "clients go on with sessions that are over. A sid that is unknown stays so, so it may be remembered for longer",
    )]
}

pub(super) fn redis_ttl(facts: &Facts) -> Vec<Advice> {
    if !facts.set.has_redis {
        return Vec::new();
    }
    let rereads = rereads(facts);
    let looked = Looked {
        key: "cache.redis_ttl",
        rule: Rule::RedisTtl,
        set: duration(facts.set.redis_ttl),
        measured: format!(
            "about {} reads of the store a second for sessions that were known before",
            rate(rereads)
        ),
    };
    if facts.watched() < facts.set.redis_ttl {
        return vec![looked.not_judged(format!(
            "{} were watched, and nothing leaves Redis before {} are over",
            time(facts.watched()),
            duration(facts.set.redis_ttl)
        ))];
    }
    if facts.set.redis_ttl >= REDIS_MAX {
        return vec![looked.keep("it is as long as it may be")];
    }
    if rereads < WORTH_SAVING {
        return vec![looked.keep("few sessions are read from the store again")];
    }
    vec![looked.change(
        duration(REDIS_MAX),
        "values leave Redis while their sessions are in use, and the store is read in their place",
    )]
}

#[cfg(test)]
mod tests;
