//! `edge.max_requests`: are requests turned away because there are too many at once, and would more of them help?

use super::ENOUGH;
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, Node};
use crate::advise::words::{count, float, number, percent, round_up};

/// Above this part of its threads a node has no time for more requests.
const BUSY: f64 = 0.7;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let turned_away = |node: &Node| node.counted.shed + node.counted.reads_refused;
    let Some((node, name)) = facts.worst(turned_away) else {
        return Vec::new();
    };
    let counted = &node.counted;
    let looked = Looked {
        key: "edge.max_requests",
        rule: Rule::Overload,
        set: number(float(facts.set.max_requests)),
        measured: format!(
            "{} requests, {} turned away because there were too many, {} because 80 reads of sessions were under way{name}",
            count(counted.requests),
            count(counted.shed),
            count(counted.reads_refused)
        ),
    };
    if counted.requests + counted.shed < ENOUGH {
        return vec![looked.not_judged(format!("{} requests are needed", count(ENOUGH)))];
    }
    if counted.shed == 0.0 && counted.reads_refused == 0.0 {
        return vec![looked.keep("nobody was turned away")];
    }
    if counted.shed == 0.0 {
        return vec![looked.keep(
            "it is not the number of requests: reads of sessions are slow. Look at `store.max_connections`, at the store, and at \
             the local cache",
        )];
    }
    let Some(threads) = node.now.worker_threads else {
        return vec![
            looked.not_judged("the node does not say how many threads it has: upgrade it"),
        ];
    };
    let busy = node.a_second(counted.cpu_seconds) / threads.max(1.0);
    if busy > BUSY {
        return vec![looked.keep(format!(
            "the node uses {} of its CPU: it needs more cores, or another node, not more requests",
            percent(busy, 1.0)
        ))];
    }
    vec![looked.change(
        number(round_up(float(facts.set.max_requests) * 2.0)),
        format!(
            "the node uses {} of its CPU and turns requests away that wait for slow apps. Make those faster first: what waits \
             takes memory, and a connection to an app",
            percent(busy, 1.0)
        ),
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::advice::Verdict;
    use crate::advise::rules::testing::{facts, node};

    fn verdict(shed: f64, reads_refused: f64, cpu_seconds: f64) -> Verdict {
        let mut all = facts(vec![node("a")]);
        let counted = &mut all.nodes[0].counted;
        counted.requests = 1_000.0;
        counted.shed = shed;
        counted.reads_refused = reads_refused;
        counted.cpu_seconds = cpu_seconds;
        judge(&all).remove(0).verdict
    }

    #[test]
    fn more_requests_help_a_node_with_time_for_them_only() {
        // Two threads, 600 seconds.
        assert_eq!(verdict(0.0, 0.0, 1.0), Verdict::Keep);
        assert_eq!(verdict(0.0, 5.0, 1.0), Verdict::Keep);
        assert_eq!(verdict(5.0, 0.0, 840.1), Verdict::Keep, "busy");
        let raise = Verdict::Change("20_000".to_owned());
        assert_eq!(verdict(5.0, 0.0, 839.0), raise);
    }
}
