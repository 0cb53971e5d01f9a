//! The test support itself: a fault that does not happen would prove nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use session_core::clock::Clock;
use session_core::sid::SessionKey;
use session_core::store::sqlite::SqliteStore;
use session_core::store::{SessionStore, StoreError};
use session_testing::{Call, FaultStore, Faults, ManualClock, TestRedis};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3_600);
const KEY: SessionKey = SessionKey::from_bytes([1; 32]);

async fn faulty() -> (Arc<FaultStore>, Arc<Faults>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let store = SqliteStore::open(&path, ManualClock::new().shared())
        .await
        .unwrap();
    store.apply_schema().await.unwrap();
    let (store, faults) = FaultStore::new(Arc::new(store));
    (store, faults, directory)
}

#[tokio::test]
async fn a_store_fails_when_it_is_told_to() {
    let (store, faults, _directory) = faulty().await;
    store.head().await.unwrap();
    faults.down();
    assert!(matches!(
        store.head().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store.load(&KEY).await,
        Err(StoreError::Unavailable(_))
    ));
    faults.up();
    faults.down_only(Call::head);
    assert!(store.head().await.is_err());
    store.load(&KEY).await.unwrap();
    faults.up();
    faults.lose_answers(Call::head);
    assert!(matches!(store.head().await, Err(StoreError::Timeout(_))));
    faults.up();
    faults.slow(Duration::from_millis(100));
    assert!(
        tokio::time::timeout(Duration::from_millis(20), store.head())
            .await
            .is_err()
    );
    faults.up();
    store.head().await.unwrap();
    assert_eq!(
        (
            faults.calls(Call::head),
            faults.calls(Call::load),
            faults.calls(Call::pulse)
        ),
        (6, 2, 0)
    );
}

/// A store may send report and pulse at once: what stands in front of it must let it.
#[tokio::test]
async fn a_report_with_its_pulse_stays_one_call() {
    let (store, faults, _directory) = faulty().await;
    let node = Uuid::from_u128(1);
    let beat = || store.report_and_pulse(node, 0, None);
    beat().await.unwrap();
    let alone = faults.calls(Call::report) + faults.calls(Call::pulse);
    assert_eq!((faults.calls(Call::report_and_pulse), alone), (1, 0));
    store.retire(node).await.unwrap();
    faults.down_only(Call::report_and_pulse);
    assert!(beat().await.is_err());
    assert_eq!(store.nodes(HOUR).await.unwrap(), []);
    faults.up();
    faults.lose_answers(Call::report_and_pulse);
    assert!(matches!(beat().await, Err(StoreError::Timeout(_))));
    assert_eq!(store.nodes(HOUR).await.unwrap().len(), 1, "reported");
}

#[tokio::test]
async fn a_load_can_be_held_between_reading_and_answering() {
    let (store, faults, _directory) = faulty().await;
    let hold = faults.hold_loads();
    let mut loads = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let store = Arc::clone(&store);
        loads.spawn(async move { store.load(&KEY).await.unwrap() });
    }
    hold.until_one_has_read().await;
    hold.until_one_has_read().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(loads.try_join_next().is_none());
    store.head().await.expect("nothing else is held");
    hold.release();
    while let Some(load) = loads.join_next().await {
        load.unwrap();
    }
    store.load(&KEY).await.unwrap();
}

#[test]
fn a_manual_clock_moves_when_it_is_told_to() {
    let clock = ManualClock::new();
    let shared = clock.shared();
    let (boot, wall) = (clock.boot(), clock.wall());
    clock.advance(Duration::from_secs(5));
    assert_eq!(shared.boot().since(boot), Duration::from_secs(5));
    assert_eq!(shared.wall().since(wall), Duration::from_secs(5));
    clock.set_wall(wall);
    assert_eq!(shared.wall(), wall);
    assert_eq!(shared.boot().since(boot), Duration::from_secs(5));
}

fn ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.write_all(command.as_bytes())?;
    let mut answer = [0; 64];
    let length = socket.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[test]
fn a_redis_can_be_stopped_restarted_and_frozen() {
    let mut redis = TestRedis::start();
    let other = TestRedis::start();
    assert_ne!(redis.port(), other.port());
    assert_eq!(ask(redis.port(), "SET a b\r\n").unwrap(), "+OK\r\n");
    assert_eq!(ask(other.port(), "EXISTS a\r\n").unwrap(), ":0\r\n");
    redis.pause();
    assert!(ask(redis.port(), "PING\r\n").is_err());
    redis.resume();
    assert_eq!(ask(redis.port(), "EXISTS a\r\n").unwrap(), ":1\r\n");
    redis.stop();
    assert!(TcpStream::connect(("127.0.0.1", redis.port())).is_err());
    redis.restart();
    assert_eq!(
        ask(redis.port(), "EXISTS a\r\n").unwrap(),
        ":0\r\n",
        "nothing is kept"
    );
    let port = redis.port();
    drop(redis);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
