//! Where sessions are used: kept apart from the sessions, and for a limited time.

use super::*;
use session_core::session::RiskRule;
use session_core::store::{Cursor, Flag, Sighting, StoreResult};

const HOUR: Duration = Duration::from_secs(3_600);

fn ok<T>(answer: StoreResult<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error:?}"))
}

/// A sighting of session `n`, so many seconds after the year 2026 began.
pub(super) fn seen(n: u128, seconds: i64) -> Sighting {
    Sighting {
        session: Uuid::from_u128(n),
        user_id: "7".into(),
        tenant_id: None,
        at: Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000),
        left_at: None,
        network: IpAddr::from([203, 0, 113, 0]),
        family: "Chrome on macOS".into(),
        country: None,
        asn: None,
        location: None,
        signals: Vec::new(),
    }
}

async fn of(f: &impl Fixture, n: u128) -> Vec<Sighting> {
    ok(f.other_node().sightings_of(Uuid::from_u128(n), 100).await)
}

/// Every part, also where it is absent.
pub async fn answers_what_was_given(f: &impl Fixture) {
    let bare = seen(1, 0);
    let full = Sighting {
        tenant_id: Some("t1".into()),
        left_at: Some(Timestamp::from_micros(1_767_225_630_123_456)),
        network: IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, 0]),
        family: "Überbrowser on Linux".into(),
        country: Some("DE".into()),
        asn: Some(u32::MAX),
        location: Some((52.5, -13.4)),
        signals: vec![RiskRule::UserAgent, RiskRule::ImpossibleTravel],
        ..seen(1, 60)
    };
    for sighting in [&bare, &full, &seen(2, 30)] {
        ok(f.store().sight(sighting).await);
    }
    assert_eq!(of(f, 1).await, [bare, full.clone()], "the oldest first");
    let last = ok(f.store().sightings_of(Uuid::from_u128(1), 1).await);
    assert_eq!(last, [full]);
    assert_eq!(of(f, 3).await, []);
}

/// No session changes, so there is nothing to announce.
pub async fn is_no_event(f: &impl Fixture) {
    let session = f.log_in("7", None).await;
    let sighting = Sighting {
        session: session.id,
        ..seen(1, 0)
    };
    ok(f.store().sight(&sighting).await);
    assert_eq!(f.head().await, 0);
    assert!(f.is_live(&session.key).await);
}

/// Of the sessions asked for, newest first.
pub async fn flags_name_session_time_and_rule(f: &impl Fixture) {
    let flagged = |n, seconds, rules: &[RiskRule]| Sighting {
        signals: rules.to_vec(),
        ..seen(n, seconds)
    };
    for sighting in [
        flagged(1, 0, &[]),
        flagged(1, 10, &[RiskRule::Country, RiskRule::Asn]),
        flagged(2, 20, &[RiskRule::Parallel]),
        flagged(3, 30, &[RiskRule::UserAgent]),
    ] {
        ok(f.store().sight(&sighting).await);
    }
    let flag = |n, seconds, rule| Flag {
        session: Uuid::from_u128(n),
        at: seen(n, seconds).at,
        rule,
    };
    let asked = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(9)];
    let found = ok(f.other_node().flags(&asked, 100).await);
    let expected = [
        flag(2, 20, RiskRule::Parallel),
        flag(1, 10, RiskRule::Country),
        flag(1, 10, RiskRule::Asn),
    ];
    assert_eq!(found, expected);
    assert_eq!(ok(f.store().flags(&asked, 1).await).len(), 1);
    assert_eq!(ok(f.store().flags(&[], 100).await), []);
}

/// In the order of their times, each once, whatever order they came in and however many have the same time.
pub async fn pages_go_on_after_the_last(f: &impl Fixture) {
    for (n, seconds) in [(1, 50), (2, 10), (3, 10), (4, 10), (5, 30), (6, 5)] {
        ok(f.store().sight(&seen(n, seconds)).await);
    }
    for limit in 1..=7 {
        let mut from = Some(Cursor::before(seen(0, 10).at));
        let mut found = Vec::new();
        while let Some(cursor) = from {
            let page = ok(f.store().sightings_from(cursor, limit).await);
            assert!(page.seen.len() <= limit);
            found.extend(page.seen.iter().map(|seen| seen.session.as_u128()));
            from = page.next;
        }
        assert_eq!(found, [2, 3, 4, 5, 1], "pages of {limit}");
    }
}

/// By the store's clock, the oldest first, and a few at a time.
pub async fn forgets_in_batches(f: &impl Fixture) {
    let now = f.now().await.as_micros();
    for (n, minutes) in [(1, 200), (2, 100), (3, 61), (4, 59), (5, 0)] {
        let sighting = Sighting {
            at: Timestamp::from_micros(now - minutes * 60_000_000),
            ..seen(n, 0)
        };
        ok(f.store().sight(&sighting).await);
    }
    for (forgotten, left) in [(2, [false, false, true]), (1, [false; 3]), (0, [false; 3])] {
        assert_eq!(ok(f.store().forget_sightings(HOUR, 2).await), forgotten);
        for (n, is_left) in (1..).zip(left) {
            assert_eq!(!of(f, n).await.is_empty(), is_left, "{n}");
        }
    }
    assert_eq!((of(f, 4).await.len(), of(f, 5).await.len()), (1, 1));
}
