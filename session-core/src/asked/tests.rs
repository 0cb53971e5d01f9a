use std::sync::Mutex;

use super::*;
use crate::clock::Timestamp;

/// Goes on by a microsecond each time that somebody looks.
#[derive(Debug, Default)]
struct Ticking(Mutex<u64>);

impl Clock for Ticking {
    fn boot(&self) -> Boot {
        let mut now = self.0.lock().unwrap();
        *now += 1_000;
        Boot::from_nanos(*now)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::default()
    }
}

async fn ask(clock: &Ticking, what: &'static str, answer: Result<u8, &'static str>) {
    let question = async { answer };
    let asked = timed((Of::Store, what), clock, question, |failed| *failed);
    assert_eq!(asked.await, answer);
}

#[tokio::test]
async fn what_is_asked_is_kept_for_whoever_wants_to_know() {
    let clock = Ticking::default();
    let ((), asked) = noted(async {
        ask(&clock, "load", Ok(1)).await;
        ask(&clock, "insert", Err("timeout")).await;
    })
    .await;
    let told: Vec<_> = asked.iter().map(|it| (it.what, it.failed)).collect();
    assert_eq!(told, [("load", None), ("insert", Some("timeout"))]);
    assert!(asked.iter().all(|it| it.took == Duration::from_micros(1)));
}

#[tokio::test]
async fn where_nobody_wants_to_know_nothing_is_measured() {
    let clock = Ticking::default();
    ask(&clock, "load", Ok(1)).await;
    assert_eq!(*clock.0.lock().unwrap(), 0);
}

#[tokio::test]
async fn the_inner_one_hears_of_what_the_inner_work_asks() {
    let clock = Ticking::default();
    let (inner, outer) = noted(async {
        ask(&clock, "before", Ok(1)).await;
        let ((), inner) = noted(ask(&clock, "within", Ok(1))).await;
        inner
    })
    .await;
    let names = |asked: &[Asked]| asked.iter().map(|it| it.what).collect::<Vec<_>>();
    assert_eq!(
        (names(&outer), names(&inner)),
        (vec!["before"], vec!["within"])
    );
}

#[tokio::test]
async fn a_task_that_asks_for_ever_is_kept_in_bounds() {
    let clock = Ticking::default();
    let ((), asked) = noted(async {
        for _ in 0..KEPT + 10 {
            ask(&clock, "load", Ok(1)).await;
        }
    })
    .await;
    assert_eq!(asked.len(), KEPT);
}
