//! `cache.redis_url`: does Redis earn its keep?
//!
//! It saves reads of sessions that another node has read before. One node alone has no use for it, and PostgreSQL hardly
//! notices a few hundred reads a second.

use super::ENOUGH;
use super::times::{WORTH_SAVING, rereads};
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, StoreKind};
use crate::advise::words::{count, percent, rate};

/// The part of what is not in memory that Redis should answer.
const EARNS: f64 = 0.1;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    match facts.set.has_redis {
        true => vec![with(facts)],
        false if facts.set.store == StoreKind::Postgres => vec![without(facts)],
        // Whoever has a file has one node.
        false => Vec::new(),
    }
}

fn with(facts: &Facts) -> Advice {
    let shared = facts.sum(|counted| counted.found.shared);
    let store = facts.sum(|counted| counted.found.store);
    let errors = facts.sum(|counted| counted.redis_errors);
    let asked = shared + store;
    let looked = Looked {
        key: "cache.redis_url",
        rule: Rule::Redis,
        set: "a Redis".to_owned(),
        measured: format!(
            "{} look-ups were not answered from memory, {} of them by Redis; {} calls failed",
            count(asked),
            percent(shared, asked),
            count(errors)
        ),
    };
    if asked < ENOUGH {
        return looked.not_judged(format!("{} such look-ups are needed", count(ENOUGH)));
    }
    if errors > asked / 2.0 {
        return looked.not_judged(
            "it failed too often to say what it is worth: see `redis fails` in the log",
        );
    }
    if shared >= EARNS * asked {
        return looked.keep("it answers what the store would be asked otherwise");
    }
    looked.change(
        "\"\"",
        "each look-up that is not in memory asks it first, hardly ever finds anything, and then writes what the store said. Without \
         it there is one thing less to run, and revocations are as fast",
    )
}

fn without(facts: &Facts) -> Advice {
    let nodes = facts.node_count();
    let rereads = rereads(facts);
    let looked = Looked {
        key: "cache.redis_url",
        rule: Rule::Redis,
        set: "no Redis".to_owned(),
        measured: format!(
            "{nodes} node{}; about {} reads of the store a second for sessions that were known before",
            if nodes == 1 { "" } else { "s" },
            rate(rereads)
        ),
    };
    if nodes > 1 && rereads >= WORTH_SAVING {
        return looked.change(
            "a Redis",
            "nodes read from the store what another node has read before: a Redis between them answers that",
        );
    }
    looked.keep("the store is hardly asked for what a Redis would know")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::advice::Verdict;
    use crate::advise::rules::testing::{facts, node};

    fn verdict(has_redis: bool, nodes: usize, shared: f64, store: f64) -> Verdict {
        let mut all = facts((0..nodes).map(|_| node("a")).collect());
        all.set.has_redis = has_redis;
        for node in &mut all.nodes {
            node.counted.found.shared = shared;
            node.counted.found.store = store;
        }
        judge(&all).remove(0).verdict
    }

    #[test]
    fn redis_stays_while_it_answers() {
        let away = Verdict::Change("\"\"".to_owned());
        assert_eq!(verdict(true, 2, 50.0, 449.0), Verdict::NotJudged);
        assert_eq!(verdict(true, 2, 50.0, 450.0), Verdict::Keep, "a tenth");
        assert_eq!(verdict(true, 2, 49.0, 451.0), away);
    }

    #[test]
    fn redis_comes_when_nodes_read_the_same_sessions() {
        let come = Verdict::Change("a Redis".to_owned());
        // Watched for 600 seconds each.
        assert_eq!(verdict(false, 2, 0.0, 149_999.0), Verdict::Keep);
        assert_eq!(verdict(false, 2, 0.0, 150_000.0), come);
        assert_eq!(verdict(false, 1, 0.0, 600_000.0), Verdict::Keep, "alone");
    }

    #[test]
    fn a_redis_that_fails_is_not_judged() {
        let mut all = facts(vec![node("a")]);
        all.set.has_redis = true;
        let counted = &mut all.nodes[0].counted;
        counted.found.store = 2_000.0;
        counted.redis_errors = 1_001.0;
        assert_eq!(judge(&all).remove(0).verdict, Verdict::NotJudged);
    }
}
