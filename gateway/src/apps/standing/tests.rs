use super::*;

const S: u64 = 1_000_000_000;

fn at(nanos: u64) -> Now {
    Now {
        boot: Boot::from_nanos(nanos),
        wall: Timestamp::from_micros(i64::try_from(nanos / 1_000).unwrap()),
    }
}

fn rules() -> PassiveConfig {
    PassiveConfig {
        failures: 3,
        eject: Duration::from_secs(10),
        eject_max: Duration::from_secs(60),
    }
}

fn ejected(seconds: u64) -> Option<Change> {
    Some(Change::Ejected(Duration::from_secs(seconds)))
}

/// Fails a request that was sent just now.
fn fail(standing: &mut Standing, how: Failure, now: Now) -> Option<Change> {
    standing.failed(how, now.boot, now, &rules())
}

#[test]
fn failures_in_a_row_eject_and_an_answer_between_them_does_not_count_them_together() {
    let mut standing = Standing::default();
    assert!(standing.is_serving());
    for _ in 0..5 {
        assert_eq!(fail(&mut standing, Failure::Answer, at(S)), None);
        assert_eq!(fail(&mut standing, Failure::Answer, at(S)), None);
        assert_eq!(standing.served(at(S).boot, at(S)), None);
    }
    assert!(!standing.is_noted(), "nothing is left of it");
    assert_eq!(fail(&mut standing, Failure::Answer, at(S)), None);
    assert_eq!(fail(&mut standing, Failure::Answer, at(S)), None);
    assert_eq!(fail(&mut standing, Failure::Answer, at(S)), ejected(10));
    assert!(!standing.is_serving());
}

#[test]
fn a_refused_connection_ejects_at_once_for_longer_each_time() {
    let mut standing = Standing::default();
    assert_eq!(fail(&mut standing, Failure::Connect, at(S)), ejected(10));
    assert!(!standing.take_probe(at(10 * S).boot), "not yet");
    assert!(standing.take_probe(at(11 * S).boot));
    assert!(!standing.take_probe(at(12 * S).boot), "one at a time");
    for (now, lasts) in [(12, 20), (40, 40), (100, 60), (200, 60)] {
        assert_eq!(
            standing.probed(false, at(now * S), &rules()),
            ejected(lasts)
        );
        let due = at((now + lasts) * S).boot;
        assert!(standing.take_probe(due), "probed after {lasts}");
    }
    let back = standing.probed(true, at(300 * S), &rules());
    let since = at(S).wall;
    assert_eq!(back, Some(Change::Back(Some(since))), "told since when");
    assert!(standing.is_serving());
}

#[test]
fn who_fails_again_soon_after_is_ejected_for_longer_and_who_stays_well_is_forgiven() {
    let mut standing = Standing::default();
    assert_eq!(fail(&mut standing, Failure::Connect, at(0)), ejected(10));
    let _back = standing.probed(true, at(10 * S), &rules());
    assert_eq!(
        fail(&mut standing, Failure::Connect, at(12 * S)),
        ejected(20)
    );
    let _back = standing.probed(true, at(32 * S), &rules());
    assert_eq!(
        fail(&mut standing, Failure::Connect, at(52 * S)),
        ejected(10)
    );
}

#[test]
fn what_began_before_an_ejection_says_nothing_about_it() {
    let mut standing = Standing::default();
    let long_ago = at(S).boot;
    assert_eq!(
        fail(&mut standing, Failure::Connect, at(2 * S)),
        ejected(10)
    );
    assert_eq!(
        standing.served(long_ago, at(3 * S)),
        None,
        "it goes down in order"
    );
    let late = standing.failed(Failure::Connect, long_ago, at(3 * S), &rules());
    assert_eq!(late, None, "it was ejected for that already");
    assert!(!standing.is_serving());
    // All others fail too, so it is tried, and works.
    let back = standing.served(at(4 * S).boot, at(5 * S));
    assert_eq!(back, Some(Change::Back(Some(at(2 * S).wall))));
}

#[test]
fn a_slow_connection_is_a_doubt_which_a_probe_settles_at_once() {
    let mut standing = Standing::default();
    let now = at(S);
    assert_eq!(
        fail(&mut standing, Failure::Slow, now),
        Some(Change::Doubted)
    );
    assert!(!standing.is_serving());
    assert_eq!(fail(&mut standing, Failure::Slow, now), None, "told once");
    assert!(standing.take_probe(now.boot), "at once");
    let back = standing.probed(true, at(2 * S), &rules());
    assert_eq!(back, Some(Change::Back(Some(now.wall))));

    let _doubted = fail(&mut standing, Failure::Slow, at(3 * S));
    assert!(standing.take_probe(at(3 * S).boot));
    assert_eq!(standing.probed(false, at(5 * S), &rules()), ejected(10));
}

#[test]
fn without_passive_checks_nothing_is_ejected() {
    let mut standing = Standing::default();
    let off = PassiveConfig {
        failures: 0,
        ..rules()
    };
    for how in [Failure::Connect, Failure::Slow, Failure::Answer] {
        assert_eq!(standing.failed(how, at(S).boot, at(S), &off), None);
    }
    assert!(standing.is_serving());
}

#[test]
fn health_checks_have_thresholds_both_ways() {
    let mut standing = Standing::default();
    let health = HealthConfig {
        path: "/healthz".to_owned(),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(2),
        healthy: 2,
        unhealthy: 3,
    };
    let mut check = |is_good| standing.checked(is_good, at(S), &health);
    let told: Vec<_> = [
        false, false, true, false, false, false, false, true, false, true, true,
    ]
    .into_iter()
    .map(&mut check)
    .collect();
    let mut expected = vec![None; 11];
    expected[5] = Some(Change::Unhealthy);
    expected[10] = Some(Change::Back(Some(at(S).wall)));
    assert_eq!(told, expected);
    assert!(standing.is_serving());
}

#[test]
fn a_server_that_is_ejected_and_unhealthy_is_back_when_neither_holds() {
    let mut standing = Standing::default();
    let health = HealthConfig {
        path: "/".to_owned(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        healthy: 1,
        unhealthy: 1,
    };
    let _ejected = fail(&mut standing, Failure::Connect, at(S));
    assert_eq!(
        standing.checked(false, at(2 * S), &health),
        Some(Change::Unhealthy)
    );
    assert_eq!(
        standing.probed(true, at(11 * S), &rules()),
        None,
        "still unhealthy"
    );
    assert!(!standing.is_serving());
    let back = standing.checked(true, at(12 * S), &health);
    assert_eq!(back, Some(Change::Back(Some(at(S).wall))));
}

#[test]
fn without_health_checks_nothing_that_one_has_said_is_left() {
    let health = HealthConfig {
        path: "/".to_owned(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        healthy: 1,
        unhealthy: 2,
    };
    let mut standing = Standing::default();
    let check = |standing: &mut Standing| standing.checked(false, at(S), &health);
    assert_eq!(check(&mut standing), None);
    assert_eq!(standing.is_not_checked(), None, "it was serving");
    assert_eq!(check(&mut standing), None, "the one of before is forgotten");
    assert_eq!(check(&mut standing), Some(Change::Unhealthy));
    let back = standing.is_not_checked();
    assert_eq!(back, Some(Change::Back(Some(at(S).wall))));
    assert!(standing.is_serving());

    let _ejected = fail(&mut standing, Failure::Connect, at(2 * S));
    let _unhealthy = (check(&mut standing), check(&mut standing));
    assert_eq!(standing.is_not_checked(), None, "it is still ejected");
    let back = standing.probed(true, at(12 * S), &rules());
    assert_eq!(back, Some(Change::Back(Some(at(2 * S).wall))));
}
