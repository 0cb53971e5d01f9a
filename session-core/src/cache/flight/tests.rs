use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::*;

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes([byte; 32])
}

fn flights() -> Arc<Flights<u8>> {
    Arc::new(Flights::new(Handle::current()))
}

#[tokio::test]
async fn ten_thousand_requests_make_one_read() {
    let (flights, reads) = (flights(), Arc::new(AtomicUsize::new(0)));
    let requests = (0..10_000).map(|_| {
        let (flights, reads) = (Arc::clone(&flights), Arc::clone(&reads));
        async move {
            flights
                .join(key(1), || async move {
                    reads.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    7
                })
                .await
        }
    });
    assert!(
        join_all(requests)
            .await
            .into_iter()
            .all(|value| value == Ok(7))
    );
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    assert_eq!(flights.in_use(), 0);
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_cancel_the_read() {
    let flights = flights();
    let (release, released) = oneshot::channel::<()>();
    let leaver = {
        let flights = Arc::clone(&flights);
        Handle::current().spawn(async move {
            flights
                .join(key(1), || async move {
                    released.await.unwrap();
                    9
                })
                .await
        })
    };
    tokio::task::yield_now().await;
    leaver.abort();
    assert!(leaver.await.unwrap_err().is_cancelled());
    assert_eq!(flights.in_use(), 1, "the flight goes on");
    release.send(()).unwrap();
    assert_eq!(
        flights.join(key(1), || async { 1 }).await,
        Ok(9),
        "and its value is shared"
    );
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bulkhead_a_flight_is_refused_at_once_and_a_passenger_is_not() {
    let flights = flights();
    let hanging: Vec<_> = (0..RUNNING_MAX + WAITING_MAX)
        .map(|n| {
            let flights = Arc::clone(&flights);
            Box::pin(async move {
                flights
                    .join(key(u8::try_from(n).unwrap()), std::future::pending::<u8>)
                    .await
            })
        })
        .collect();
    let mut hanging = Box::pin(join_all(hanging));
    assert!(futures_util::poll!(hanging.as_mut()).is_pending());
    assert_eq!(
        flights.join(key(200), || async { 1 }).await,
        Err(Grounded::Full)
    );
    assert_eq!(
        flights.join(key(0), || async { 1 }).await,
        Err(Grounded::Deadline),
        "joined, and waited"
    );
    for result in hanging.await {
        assert!(matches!(result, Err(Grounded::Deadline | Grounded::Died)));
    }
    tokio::time::sleep(DEADLINE).await;
    assert_eq!(flights.in_use(), 0, "the seats are free again");
    let waiting = u64::try_from(WAITING_MAX).unwrap();
    assert_eq!(flights.queued(), waiting, "those that had no turn at once");
}

#[tokio::test]
async fn a_read_that_panics_is_an_error_and_frees_its_seat() {
    let flights = flights();
    assert_eq!(
        flights
            .join(key(1), || async { panic!("on purpose") })
            .await,
        Err(Grounded::Died)
    );
    assert_eq!(flights.join(key(1), || async { 3 }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_rest_and_it_is_done() {
    let flights = flights();
    let (done, is_done) = oneshot::channel();
    let landed = flights
        .join_with_rest(key(1), || async move {
            let rest = async move {
                tokio::time::sleep(DEADLINE * 4).await;
                done.send(()).unwrap();
            };
            (5, rest)
        })
        .await;
    assert_eq!(landed, Ok(5));
    assert_eq!(
        flights.in_use(),
        0,
        "a later request starts a flight of its own"
    );
    let began = tokio::time::Instant::now();
    is_done.await.unwrap();
    assert_eq!(began.elapsed(), DEADLINE * 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_do_keeps_its_place_among_the_running() {
    let flights = Arc::new(Flights::within(
        Handle::current(),
        FlightLimits {
            running: 1,
            ..FlightLimits::default()
        },
    ));
    let slow = || async { (1, tokio::time::sleep(DEADLINE / 2)) };
    let began = tokio::time::Instant::now();
    assert_eq!(flights.join_with_rest(key(1), slow).await, Ok(1));
    assert_eq!(flights.join(key(2), || async { 2 }).await, Ok(2));
    assert!(began.elapsed() >= DEADLINE / 2);
}

#[tokio::test(start_paused = true)]
async fn an_occupied_bulkhead_is_full_for_everybody_and_free_again_when_it_is_over() {
    let flights = flights();
    let (landing, landed) = oneshot::channel::<()>();
    let under_way = flights.join(key(1), || async move {
        landed.await.unwrap();
        9
    });
    let mut under_way = Box::pin(under_way);
    assert!(futures_util::poll!(under_way.as_mut()).is_pending());
    let (end, ended) = oneshot::channel::<()>();
    let occupation = Handle::current().spawn(flights.occupy(async move {
        drop(ended.await);
    }));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(flights.in_use(), RUNNING_MAX + WAITING_MAX);
    let refused = flights.join(key(2), || async { 1 }).await;
    assert_eq!(refused, Err(Grounded::Full));
    landing.send(()).unwrap();
    assert_eq!(under_way.await, Ok(9), "what was under way lands");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        flights.in_use(),
        RUNNING_MAX + WAITING_MAX,
        "its place is taken, too"
    );
    end.send(()).unwrap();
    occupation.await.unwrap();
    assert_eq!(flights.in_use(), 0);
    assert_eq!(
        flights.join(key(2), || async { 3 }).await,
        Ok(3),
        "and it has a turn"
    );
}
