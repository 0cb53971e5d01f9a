use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Boot {
    Boot::from_nanos(millis * 1_000_000)
}

fn call(breaker: &Breaker, now: Boot, ok: bool) -> bool {
    let admitted = breaker.admit(now);
    if admitted {
        breaker.report(now, ok, 0);
    }
    admitted
}

fn opened_at(now: Boot) -> Breaker {
    let breaker = Breaker::default();
    for _ in 0..BreakerLimits::default().failures {
        assert!(call(&breaker, now, false));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

#[test]
fn five_failures_in_a_row_open_it_and_a_success_starts_the_count_again() {
    let breaker = Breaker::default();
    for ok in [false, false, false, false, true, false, false, false, false] {
        assert!(call(&breaker, at(1), ok));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(call(&breaker, at(1), false));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn half_of_twenty_calls_open_it_but_not_when_they_are_spread_over_two_windows() {
    let breaker = Breaker::default();
    for round in 0..20 {
        call(&breaker, at(1), round % 2 == 0);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    let spread = Breaker::default();
    for round in 0..19_u64 {
        call(&spread, at(round * 1_000), round % 2 == 0);
    }
    assert_eq!(spread.state(), BreakerState::Closed);
}

#[test]
fn one_probe_at_a_time_decides() {
    let breaker = opened_at(at(0));
    assert!(!breaker.admit(at(999)));
    assert!(breaker.admit(at(1_000)), "the probe");
    assert!(!breaker.admit(at(1_001)), "only one probe");
    breaker.report(at(1_002), true, 0);
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(breaker.admit(at(1_003)));
}

#[test]
fn failing_probes_double_the_pause_up_to_half_a_minute() {
    let breaker = opened_at(at(0));
    let mut now = 1_000;
    for pause in [2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        assert!(call(&breaker, at(now), false));
        assert!(!breaker.admit(at(now + pause - 1)));
        now += pause;
    }
    assert!(call(&breaker, at(now), true));
    for _ in 0..BreakerLimits::default().failures {
        call(&breaker, at(now), false);
    }
    assert!(
        breaker.admit(at(now + 1_000)),
        "a success forgets the long pause"
    );
}

#[test]
fn a_probe_that_never_reports_does_not_wedge_it() {
    let breaker = opened_at(at(0));
    assert!(breaker.admit(at(1_000)));
    assert!(!breaker.admit(at(1_999)));
    assert!(breaker.admit(at(2_000)), "another probe may try");
}

#[test]
fn a_late_result_from_before_it_opened_changes_nothing() {
    let breaker = opened_at(at(0));
    breaker.report(at(1), true, 0);
    assert_eq!(breaker.state(), BreakerState::Open);
}

proptest! {
    #[test]
    fn an_open_breaker_always_lets_a_probe_through_in_the_end(steps in proptest::collection::vec((0_u64..40_000, any::<bool>(), any::<u8>(), any::<bool>()), 0..200)) {
        let breaker = Breaker::default();
        let mut now = 0;
        for (wait, ok, jitter, reports) in steps {
            now += wait;
            if breaker.admit(at(now)) && reports {
                breaker.report(at(now), ok, jitter);
            }
        }
        prop_assert!(breaker.admit(at(now + 31_000)));
    }
}
