//! The number of nodes: do those that are left carry the load when one is away?

use std::time::Duration;

use super::ENOUGH;
use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, Node, StoreKind};
use crate::advise::words::{count, float, percent, rate, time, whole};

/// The part of its threads that a node may use all the time. Above it requests wait for each other.
const MAY_USE: f64 = 0.7;
/// A shorter look is no load.
const LONG_ENOUGH: Duration = Duration::from_secs(10);

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let nodes = facts.node_count();
    let looked = Looked {
        key: "nodes",
        rule: Rule::Nodes,
        set: format!("{nodes} (asked: {})", facts.nodes.len()),
        measured: measured(facts),
    };
    // Two nodes cannot share a file: what that means, the rule about SQLite says.
    if facts.set.store == StoreKind::Postgres && nodes == 1 {
        return vec![looked.change(
            "2",
            "when the only node stops, for a rollout or by a fault, nobody is served",
        )];
    }
    let Some(threads) = threads_of_one(facts) else {
        return vec![looked.not_judged("a node does not say how many threads it has: upgrade it")];
    };
    let requests = facts.sum(|counted| counted.requests);
    if requests < ENOUGH || facts.watched() < LONG_ENOUGH {
        return vec![looked.not_judged(format!(
            "{} requests in {}: {} in {} are needed",
            count(requests),
            time(facts.watched()),
            count(ENOUGH),
            time(LONG_ENOUGH)
        ))];
    }
    let spare = usize::from(nodes > 1);
    let busy = busy(facts) * float(nodes) / float(facts.nodes.len().max(1));
    let left = float(nodes - spare) * threads;
    if busy <= MAY_USE * left {
        return vec![looked.keep(format!(
            "{} would use {} of their CPU",
            if spare == 1 {
                "those that are left when one is away"
            } else {
                "all of them"
            },
            percent(busy, left)
        ))];
    }
    let needed = (busy / (MAY_USE * threads)).ceil() + float(spare);
    vec![looked.change(
        format!("{needed:.0}, or more cores for each"),
        format!(
            "{} of CPU are used, and the nodes that are left when one is away have {left:.0} threads: above {} of it requests wait for each other",
            rate(busy),
            percent(MAY_USE, 1.0)
        ),
    )]
}

/// CPU seconds that the nodes that were asked use in a second.
fn busy(facts: &Facts) -> f64 {
    facts.a_second(|counted| counted.cpu_seconds)
}

/// Threads of the smallest node.
fn threads_of_one(facts: &Facts) -> Option<f64> {
    let threads: Option<Vec<f64>> = facts
        .nodes
        .iter()
        .map(|node: &Node| node.now.worker_threads)
        .collect();
    threads?.into_iter().min_by(f64::total_cmp)
}

fn measured(facts: &Facts) -> String {
    let requests = facts.sum(|counted| counted.requests);
    let cpu = facts.sum(|counted| counted.cpu_seconds);
    let each = if requests > 0.0 {
        format!(", {:.0} µs of CPU for each", cpu / requests * 1_000_000.0)
    } else {
        String::new()
    };
    format!(
        "{} requests a second at {} node{}{each}; {} cores busy",
        rate(facts.a_second(|counted| counted.requests)),
        whole(facts.nodes.len()),
        if facts.nodes.len() == 1 { "" } else { "s" },
        rate(busy(facts))
    )
}

#[cfg(test)]
mod tests;
