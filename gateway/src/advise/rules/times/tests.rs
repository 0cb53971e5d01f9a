use super::*;
use crate::advise::advice::Verdict;
use crate::advise::facts::Counted;
use crate::advise::rules::testing::{facts, node};

fn with(change: impl Fn(&mut Counted)) -> Facts {
    let mut node = node("a");
    node.counted.found.local = 1_000.0;
    change(&mut node.counted);
    facts(vec![node])
}

fn verdict(rule: fn(&Facts) -> Vec<Advice>, facts: &Facts) -> Verdict {
    rule(facts).remove(0).verdict
}

#[test]
fn sessions_are_kept_longer_when_reading_them_again_costs_something() {
    // Watched for 600 seconds.
    let reads = |reads| with(|counted| counted.found.store = reads);
    let twice = Verdict::Change("10m".to_owned());
    assert_eq!(verdict(local_ttl, &reads(299_999.0)), Verdict::Keep);
    assert_eq!(verdict(local_ttl, &reads(300_000.0)), twice);

    let mut brief = reads(300_000.0);
    brief.nodes[0].watched = Duration::from_secs(299);
    assert_eq!(verdict(local_ttl, &brief), Verdict::NotJudged);
    let mut longest = reads(300_000.0);
    longest.set.local_ttl_max = Duration::from_secs(599);
    assert_eq!(verdict(local_ttl, &longest), Verdict::Keep);
}

#[test]
fn first_reads_and_evictions_are_no_reason() {
    let new = with(|counted| {
        counted.found.store = 400_000.0;
        counted.sessions_made = 300_000.0;
    });
    assert_eq!(verdict(local_ttl, &new), Verdict::Keep);
    let pushed_out = with(|counted| {
        counted.found.store = 400_000.0;
        counted.evicted = Some(300_000.0);
    });
    assert_eq!(verdict(local_ttl, &pushed_out), Verdict::Keep);
}

#[test]
fn what_is_not_there_is_remembered_for_longer_when_it_is_asked_for_a_lot() {
    let gone = |gone, loads| {
        with(|counted| {
            counted.gone = gone;
            counted.store_loads = loads;
        })
    };
    assert_eq!(verdict(negative_ttl, &gone(99.0, 1e6)), Verdict::NotJudged);
    assert_eq!(verdict(negative_ttl, &gone(1e6, 299_999.0)), Verdict::Keep);
    let longer = gone(1e6, 300_000.0);
    assert_eq!(
        verdict(negative_ttl, &longer),
        Verdict::Change("30s".to_owned())
    );
}

#[test]
fn redis_keeps_values_as_long_as_it_may() {
    let mut all = with(|counted| counted.found.store = 1e6);
    assert_eq!(redis_ttl(&all), [], "there is none");
    all.set.has_redis = true;
    assert_eq!(verdict(redis_ttl, &all), Verdict::NotJudged, "half an hour");
    all.set.redis_ttl = Duration::from_secs(60);
    let longest = Verdict::Change("30m".to_owned());
    assert_eq!(verdict(redis_ttl, &all), longest);
    all.nodes[0].counted.found.store = 10.0;
    assert_eq!(verdict(redis_ttl, &all), Verdict::Keep);
}
