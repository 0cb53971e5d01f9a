use super::*;
use crate::advise::advice::Verdict;
use crate::advise::rules::testing::{facts, node};

fn verdict(connections: usize, at_once: f64, waited: f64, timed_out: f64) -> Verdict {
    let mut node = node("a");
    node.counted.acquires = Some(Acquires {
        at_once,
        waited,
        timed_out,
        wait_seconds: waited / 100.0,
    });
    let mut all = facts(vec![node]);
    all.set.store_connections = connections;
    of_a_node(&all).remove(0).verdict
}

#[test]
fn who_waits_gets_more_connections() {
    assert_eq!(verdict(16, 900.0, 99.0, 0.0), Verdict::NotJudged);
    assert_eq!(verdict(16, 991.0, 9.0, 0.0), Verdict::Keep);
    let twice = Verdict::Change("32".to_owned());
    assert_eq!(verdict(16, 990.0, 10.0, 0.0), twice);
    assert_eq!(verdict(16, 99_999.0, 0.0, 1.0), twice, "503 for somebody");
    assert_eq!(
        verdict(40, 0.0, 1_000.0, 0.0),
        Verdict::Change("64".to_owned())
    );
    assert_eq!(
        verdict(64, 0.0, 1_000.0, 0.0),
        Verdict::Keep,
        "enough of it"
    );
}

#[test]
fn a_node_that_does_not_count_is_not_judged() {
    let advice = of_a_node(&facts(vec![node("a")])).remove(0);
    assert_eq!(advice.verdict, Verdict::NotJudged);
    let mut of_file = facts(vec![node("a")]);
    of_file.set.store = StoreKind::Sqlite(0);
    assert_eq!(of_a_node(&of_file), []);
}

#[test]
fn the_server_takes_the_connections_of_all_nodes_twice() {
    let verdict = |connections_max| {
        let mut all = facts(vec![node("a")]);
        all.server = Some(Server {
            nodes: 2,
            bytes: 0,
            sessions: None,
            connections_max,
            connections_open: 40,
        });
        of_the_server(&all).remove(0).verdict
    };
    assert_eq!(verdict(80), Verdict::Keep);
    assert_eq!(verdict(79), Verdict::Change("80 at least".to_owned()));
    assert_eq!(of_the_server(&facts(vec![node("a")])), [], "unknown");
}
