use super::*;
use crate::advise::advice::Verdict;
use crate::advise::facts::Server;
use crate::advise::rules::testing::{facts, node};

/// Nodes with two threads, each of which has used so much CPU in 600 seconds.
fn judged(nodes: usize, cpu_seconds: f64) -> Facts {
    let mut node = node("a");
    node.counted.requests = 1_000.0;
    node.counted.cpu_seconds = cpu_seconds;
    facts(vec![node; nodes])
}

fn verdict(facts: &Facts) -> Verdict {
    judge(facts).remove(0).verdict
}

#[test]
fn those_that_are_left_carry_the_load() {
    // 1.4 of the two threads of the one that is left.
    assert_eq!(verdict(&judged(2, 420.0)), Verdict::Keep);
    let more = Verdict::Change("3, or more cores for each".to_owned());
    assert_eq!(verdict(&judged(2, 421.0)), more);
    assert_eq!(verdict(&judged(3, 560.0)), Verdict::Keep);
}

#[test]
fn one_node_is_none_when_it_stops() {
    assert_eq!(verdict(&judged(1, 0.0)), Verdict::Change("2".to_owned()));
    let mut of_file = judged(1, 0.0);
    of_file.set.store = StoreKind::Sqlite(0);
    assert_eq!(verdict(&of_file), Verdict::Keep, "a file has one node");
}

#[test]
fn nodes_that_were_not_asked_count_too() {
    let mut all = judged(1, 1.0);
    all.server = Some(Server {
        nodes: 4,
        bytes: 0,
        sessions: None,
        connections_max: 100,
        connections_open: 1,
    });
    let advice = judge(&all).remove(0);
    assert_eq!(
        (advice.set.as_str(), advice.verdict),
        ("4 (asked: 1)", Verdict::Keep)
    );
}

#[test]
fn too_little_is_not_judged() {
    let mut idle = judged(2, 1.0);
    idle.nodes[0].counted.requests = 0.0;
    idle.nodes[1].counted.requests = 999.0;
    assert_eq!(verdict(&idle), Verdict::NotJudged);
    let mut brief = judged(2, 1.0);
    brief.nodes[1].watched = Duration::from_secs(9);
    assert_eq!(verdict(&brief), Verdict::NotJudged);
    let mut old = judged(2, 1.0);
    old.nodes[1].now.worker_threads = None;
    assert_eq!(verdict(&old), Verdict::NotJudged);
}
