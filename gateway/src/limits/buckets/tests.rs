//! What is taken, what comes back, and what happens without room.

use governor::clock::FakeRelativeClock;

use super::*;

fn rate(count: u32) -> Rate {
    Rate {
        count: count.try_into().unwrap(),
        per: Duration::from_secs(60),
    }
}

#[test]
fn who_is_known_keeps_a_bucket_of_their_own_when_there_is_no_room_for_more() {
    let buckets = Buckets {
        room: 2,
        ..Buckets::new(&rate(2))
    };
    let spent = |name| buckets.take(name).is_ok() && buckets.take(name).is_ok();
    assert!(buckets.take("alice").is_ok());
    assert!(buckets.take("bob").is_ok());

    assert!(spent("carol"), "the shared bucket");
    assert!(buckets.take("dave").is_err(), "is empty");

    assert!(
        buckets.take("alice").is_ok(),
        "known, with one attempt left"
    );
    assert!(buckets.take("alice").is_err(), "and no more");
    assert!(buckets.take("bob").is_ok());
}

#[test]
fn what_is_reserved_is_missing_until_it_comes_back() {
    let buckets = Arc::new(Buckets::new(&rate(2)));
    let one = buckets.reserve("alice").unwrap();
    let two = buckets.reserve("alice").unwrap();
    assert!(buckets.reserve("alice").is_err());
    drop(one);
    let again = buckets.reserve("alice").unwrap();
    again.spend();
    drop(two);
    assert!(buckets.take("alice").is_ok());
    assert!(buckets.take("alice").is_err(), "one was spent");
}

/// Whoever keeps giving back must not save up.
#[test]
fn a_full_bucket_gets_no_fuller() {
    let clock = FakeRelativeClock::default();
    let buckets = Arc::new(Buckets::with_clock(&rate(2), clock.clone()));
    for _ in 0..10 {
        drop(buckets.reserve("alice").unwrap());
        clock.advance(Duration::from_secs(100));
    }
    let late = buckets.reserve("alice").unwrap();
    clock.advance(Duration::from_secs(1_000));
    drop(late);
    assert!(buckets.take("alice").is_ok() && buckets.take("alice").is_ok());
    assert!(buckets.take("alice").is_err());
}

/// What was taken from the shared bucket goes back there, also when there is room by then.
#[test]
fn it_comes_back_to_where_it_was_taken() {
    let clock = FakeRelativeClock::default();
    let buckets = Arc::new(Buckets {
        room: 1,
        ..Buckets::with_clock(&rate(1), clock.clone())
    });
    assert!(buckets.take("alice").is_ok());
    let shared = buckets.reserve("bob").unwrap();
    assert!(buckets.take("carol").is_err());
    drop(shared);
    assert!(buckets.take("carol").is_ok());
    assert!(buckets.take("alice").is_err());
}
