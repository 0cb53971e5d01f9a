use std::time::Duration;

use session_core::clock::Boot;

use super::bulkhead::Filled;
use super::canary;
use super::heartbeat::{Held, bystander};
use super::redis::Paused;
use crate::drill::record::{Asked, Record, Said};
use crate::drill::verdict::{Measured, Shown, Verdict};

const NORMAL: Duration = Duration::from_millis(100);
const SHED: Said = Said::Undecided { says_when: true };

fn at(ms: u64) -> Boot {
    Boot::from_nanos(ms * 1_000_000)
}

/// A record in which each answer takes a millisecond.
fn record(said: &[(u64, Said)]) -> Record {
    let asked = said.iter().map(|(ms, said)| Asked {
        start: at(*ms),
        end: at(ms + 1),
        said: *said,
    });
    Record(asked.collect())
}

/// `said` every ten milliseconds.
fn always(from: u64, until: u64, said: Said) -> Vec<(u64, Said)> {
    (from..until).step_by(10).map(|ms| (ms, said)).collect()
}

fn figure(shown: &Shown, name: &str) -> Measured {
    let mut figures = shown.figures.iter();
    let figure = figures.find(|figure| figure.name == name);
    figure.expect("a figure of that name").value.clone()
}

fn time(ms: u64) -> Measured {
    Measured::Time(Some(Duration::from_millis(ms)))
}

/// Admitted until `ms`, asked for after it in vain; the session was ended at 1,000.
fn canary_until(ms: u64) -> Shown {
    let said = [
        always(0, ms, Said::Admitted),
        always(ms, ms + 4_000, Said::Refused),
    ];
    canary::judge(&record(&said.concat()), at(1_000), NORMAL)
}

#[test]
fn a_canary_that_is_refused_at_once_is_held() {
    let shown = canary_until(1_020);
    assert_eq!(shown.verdict, Verdict::Held, "{shown:?}");
    assert_eq!(shown.why, None);
    assert_eq!(figure(&shown, "last_admission_ms"), time(10));
    assert_eq!(figure(&shown, "first_refusal_ms"), time(20));
}

#[test]
fn a_canary_within_the_bound_is_slow_and_beyond_it_broken() {
    assert_eq!(canary_until(1_110).verdict, Verdict::Held);
    let shown = canary_until(1_700);
    assert_eq!(shown.verdict, Verdict::Slow);
    let why = shown.why.unwrap_or_default();
    assert_eq!(
        why,
        "within the bound of 2000 ms, slower than the normal 100 ms"
    );
    assert_eq!(canary_until(3_010).verdict, Verdict::Slow);
    let shown = canary_until(3_020);
    assert_eq!(shown.verdict, Verdict::Broken, "{shown:?}");
    assert_eq!(
        shown.why.as_deref(),
        Some("admitted 2010 ms after the commit")
    );
}

#[test]
fn a_canary_that_comes_back_is_broken() {
    let said = [
        always(0, 1_000, Said::Admitted),
        always(1_000, 1_500, Said::Refused),
        vec![(1_500, Said::Admitted)],
        always(1_510, 2_000, Said::Refused),
    ];
    let shown = canary::judge(&record(&said.concat()), at(1_000), NORMAL);
    assert_eq!(shown.verdict, Verdict::Broken);
    assert_eq!(figure(&shown, "admitted_again"), Measured::Count(1));
}

#[test]
fn a_node_in_doubt_admits_nobody_and_is_no_proof_of_a_refusal() {
    let said = [always(0, 1_900, Said::Admitted), always(1_900, 4_000, SHED)];
    let shown = canary::judge(&record(&said.concat()), at(1_000), NORMAL);
    assert_eq!(shown.verdict, Verdict::Slow);
    assert!(shown.why.unwrap_or_default().contains("never refused"));
    let unasked = canary::judge(
        &record(&always(1_000, 2_000, Said::Refused)),
        at(1_000),
        NORMAL,
    );
    assert_eq!(unasked.verdict, Verdict::NotShown, "it never admitted it");
    let silent = canary::judge(&record(&always(0, 2_000, Said::Nothing)), at(1_000), NORMAL);
    assert_eq!(silent.verdict, Verdict::Broken);
}

/// A node that was held at 1,000 and released at 5,000: admitted until `late`, and again from `back` on.
fn held(late: u64, back: u64, meanwhile: Said) -> Shown {
    let said = [
        always(0, late, Said::Admitted),
        always(late, back, meanwhile),
        always(back, 7_000, Said::Admitted),
    ];
    let said = record(&said.concat());
    let ready: Vec<_> = (0..7_000)
        .step_by(20)
        .map(|ms| (at(ms), Some(!(late..back).contains(&ms))))
        .collect();
    Held {
        record: &said,
        ready: &ready,
        held: at(1_000),
        released: at(5_000),
    }
    .judge()
}

#[test]
fn a_node_without_heartbeats_stops_within_the_lease_and_comes_back() {
    let shown = held(2_600, 5_100, SHED);
    assert_eq!(shown.verdict, Verdict::Held, "{shown:?}");
    assert_eq!(figure(&shown, "last_admission_ms"), time(1_590));
    assert_eq!(figure(&shown, "first_503_ms"), time(1_600));
    assert_eq!(figure(&shown, "not_ready_ms"), time(1_600));
    assert_eq!(figure(&shown, "admits_again_ms"), time(100));
    assert_eq!(
        held(3_020, 5_100, SHED).verdict,
        Verdict::Broken,
        "too late"
    );
    assert_eq!(held(2_600, 6_500, SHED).verdict, Verdict::Slow);
    let refused = held(2_600, 5_100, Said::Refused);
    assert_eq!(refused.verdict, Verdict::Broken, "unknown is not no");
    let speechless = Said::Undecided { says_when: false };
    assert_eq!(held(2_600, 5_100, speechless).verdict, Verdict::Broken);
    let never_back = held(2_600, 7_000, SHED);
    assert_eq!(never_back.verdict, Verdict::Broken);
    let untouched = held(7_000, 7_000, SHED);
    assert_eq!(untouched.verdict, Verdict::Broken, "the lease did not end");
}

#[test]
fn other_nodes_notice_nothing() {
    let mut said = always(0, 1_000, Said::Admitted);
    assert_eq!(bystander(&record(&said)).verdict, Verdict::Held);
    said.push((1_000, SHED));
    assert_eq!(bystander(&record(&said)).verdict, Verdict::Broken);
}

fn paused(unknown: Said, states: &[(u64, Option<&str>)]) -> Shown {
    let known = record(&always(1_000, 6_000, Said::Admitted));
    let unknown = record(&always(1_000, 6_000, unknown));
    let breaker: Vec<_> = states
        .iter()
        .map(|(ms, state)| (at(*ms), state.map(str::to_owned)))
        .collect();
    Paused {
        known: &known,
        unknown: &unknown,
        from: at(1_000),
        until: at(6_000),
        breaker: &breaker,
        patience: Duration::from_secs(3),
    }
    .judge()
}

#[test]
fn without_redis_nobody_is_in_doubt() {
    let states = [
        (1_500, Some("open")),
        (6_500, Some("half_open")),
        (7_000, Some("closed")),
    ];
    let shown = paused(Said::Admitted, &states);
    assert_eq!(shown.verdict, Verdict::Held, "{shown:?}");
    assert_eq!(
        figure(&shown, "breaker"),
        Measured::Word("opened".to_owned())
    );
    assert_eq!(figure(&shown, "redis_used_again_ms"), time(1_000));
    assert_eq!(paused(SHED, &states).verdict, Verdict::Broken);
    assert_eq!(paused(Said::Refused, &states).verdict, Verdict::Broken);
    let late = [(1_500, Some("open")), (9_500, Some("closed"))];
    assert_eq!(paused(Said::Admitted, &late).verdict, Verdict::Broken);
    let without = paused(Said::Admitted, &[(1_500, None), (6_500, None)]);
    assert_eq!(without.verdict, Verdict::NotShown);
}

fn filled(known: Said, unknown: Said) -> Shown {
    let known = record(&always(0, 5_000, known));
    let said = [
        always(1_000, 4_000, unknown),
        always(4_000, 4_050, SHED),
        always(4_050, 5_000, Said::Admitted),
    ];
    let unknown = record(&said.concat());
    Filled {
        known: &known,
        unknown: &unknown,
        full: at(1_000),
        freed: at(4_000),
        in_use: 80,
    }
    .judge()
}

#[test]
fn a_full_node_serves_those_it_knows_and_sheds_the_others() {
    let shown = filled(Said::Admitted, SHED);
    assert_eq!(shown.verdict, Verdict::Held, "{shown:?}");
    assert_eq!(figure(&shown, "unknown_shed"), Measured::Count(300));
    assert_eq!(figure(&shown, "unknown_admitted_again_ms"), time(50));
    assert_eq!(filled(SHED, SHED).verdict, Verdict::Broken);
    assert_eq!(
        filled(Said::Admitted, Said::Refused).verdict,
        Verdict::Broken
    );
    let not_full = filled(Said::Admitted, Said::Admitted);
    assert_eq!(not_full.verdict, Verdict::NotShown);
    let speechless = Said::Undecided { says_when: false };
    assert_eq!(filled(Said::Admitted, speechless).verdict, Verdict::Broken);
}
