//! Budgets, and who is exempt.

use super::*;

fn limiter(count: u32) -> UnknownSidLimiter {
    UnknownSidLimiter::new(Rate {
        count: count.try_into().unwrap(),
        per: Duration::from_secs(60),
    })
}

fn client(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const NOW: Boot = Boot::from_nanos(1_000_000);

#[test]
fn client_beyond_its_budget_asks_few_at_a_time_and_others_freely() {
    let limiter = limiter(2);
    let (a, same, other) = (
        client("2001:db8::1"),
        client("2001:db8::2"),
        client("192.0.2.1"),
    );
    assert!(limiter.count(a, NOW).is_ok());
    assert!(limiter.count(same, NOW).is_ok());
    assert!(
        matches!(limiter.admit(a, NOW), Admission::Free),
        "not yet beyond it"
    );

    assert!(limiter.count(a, NOW).is_err());

    let held: Vec<_> = (0..READS_MAX).map(|_| limiter.admit(same, NOW)).collect();
    assert!(
        held.iter()
            .all(|admission| matches!(admission, Admission::Once(_)))
    );
    assert!(matches!(limiter.admit(a, NOW), Admission::Denied));
    assert!(matches!(limiter.admit(other, NOW), Admission::Free));
    drop(held);
    assert!(matches!(limiter.admit(a, NOW), Admission::Once(_)));
}

#[test]
fn nothing_is_remembered_for_long() {
    let limiter = limiter(1);
    let a = client("192.0.2.1");
    assert!(limiter.count(a, NOW).is_ok());
    assert!(limiter.count(a, NOW).is_err());
    let later = NOW.plus(BEYOND_FOR);
    assert!(matches!(limiter.admit(a, later), Admission::Free));
    limiter.forget_idle(later);
    assert!(limiter.beyond.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_a_session_waits_for_a_turn_and_not_for_ever() {
    let limiter = limiter(1);
    let a = client("192.0.2.1");
    assert!(limiter.count(a, NOW).is_ok() && limiter.count(a, NOW).is_err());
    let mut held: Vec<_> = (0..READS_MAX).map(|_| limiter.admit(a, NOW)).collect();

    let in_turn = limiter.admit_in_turn(a, NOW).await;
    assert!(matches!(in_turn, Admission::Denied), "nobody made room");

    let waits = limiter.admit_in_turn(a, NOW);
    let makes_room = async {
        tokio::task::yield_now().await;
        held.pop();
    };
    let (admission, ()) = tokio::join!(waits, makes_room);
    assert!(matches!(admission, Admission::Once(_)));

    let _crowd = limiter.waiting.try_acquire_many(64).unwrap();
    let denied = limiter.admit_in_turn(a, NOW).await;
    assert!(matches!(denied, Admission::Denied), "the queue is bounded");
}
