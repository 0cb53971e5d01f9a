use super::*;
use crate::advise::advice::Verdict;
use crate::advise::rules::testing::{facts, node};

/// A node with as many look-ups, evictions and sessions, and caches of this size.
fn judged(
    lookups: f64,
    evicted: Option<f64>,
    held: f64,
    entries: usize,
    bytes: f64,
) -> Vec<Advice> {
    let mut node = node("a");
    node.counted.found.local = lookups;
    node.counted.evicted = evicted;
    node.now.sessions = held;
    node.now.session_bytes = bytes;
    let mut all = facts(vec![node]);
    all.set.local_max_entries = entries;
    judge(&all)
}

fn verdict(lookups: f64, evicted: Option<f64>) -> Verdict {
    judged(lookups, evicted, 1_000.0, 1_000, 1e6)
        .remove(0)
        .verdict
}

#[test]
fn a_hundredth_of_the_lookups_is_worth_a_larger_cache() {
    assert_eq!(verdict(999.0, Some(999.0)), Verdict::NotJudged);
    assert_eq!(verdict(10_000.0, Some(99.0)), Verdict::Keep);
    assert!(matches!(verdict(10_000.0, Some(100.0)), Verdict::Change(_)));
    assert_eq!(verdict(10_000.0, None), Verdict::NotJudged, "an old node");
}

#[test]
fn it_is_raised_to_what_was_in_use_and_a_quarter() {
    // 6,000 within 600 seconds are 3,000 within `local_ttl`, beside the 1,000 that are held.
    let advice = judged(10_000.0, Some(6_000.0), 1_000.0, 1_000, 1e6);
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].key, "cache.local_max_entries");
    assert_eq!(advice[0].verdict, Verdict::Change("5_000".to_owned()));
}

#[test]
fn more_sessions_need_more_bytes() {
    let advice = judged(1e7, Some(2e6), 1e5, 100_000, 2e8);
    let keys: Vec<&str> = advice.iter().map(|advice| advice.key).collect();
    assert_eq!(keys, ["cache.local_max_entries", "cache.local_max_bytes"]);
}

#[test]
fn where_the_bytes_are_used_up_first_they_are_raised() {
    let advice = judged(1e6, Some(1e5), 10_000.0, 100_000, 190e6);
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].key, "cache.local_max_bytes");
    assert!(matches!(&advice[0].verdict, Verdict::Change(to) if to.ends_with("MiB")));
}

#[test]
fn of_several_nodes_the_worst_decides() {
    let (mut quiet, mut full) = (node("quiet"), node("full"));
    quiet.counted.found.local = 1e6;
    full.counted.found.local = 1e6;
    full.counted.evicted = Some(1e5);
    let advice = judge(&facts(vec![quiet, full]));
    assert!(matches!(advice[0].verdict, Verdict::Change(_)));
    assert!(advice[0].measured.contains("(full)"), "{advice:?}");
}
