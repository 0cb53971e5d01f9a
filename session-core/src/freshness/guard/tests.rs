use crate::clock::SystemClock;
use crate::freshness::signals::{Phase, Signals};
use crate::store::SessionStore;
use crate::store::sqlite::SqliteStore;

use super::*;

const OFTEN: Duration = Duration::from_millis(10);

async fn settled(signals: &Signals, phase: Phase) -> bool {
    for _ in 0..500 {
        if signals.phase() == phase {
            return true;
        }
        tokio::time::sleep(OFTEN).await;
    }
    false
}

#[tokio::test]
async fn triggers_that_are_gone_end_the_lease_and_the_belief_in_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.db");
    let store = SqliteStore::open(&file, Arc::new(SystemClock))
        .await
        .unwrap();
    store.apply_schema().await.unwrap();
    let node = Arc::new(Node::new(
        uuid::Uuid::from_u128(1),
        Arc::new(store),
        Arc::new(SystemClock),
    ));
    let (lease, signals, stats) = (&node.lease, &node.signals, &node.stats);
    signals.believe_for_test();
    lease.extend(crate::clock::Boot::from_nanos(u64::MAX / 2));
    let guard = Guard {
        node: Arc::clone(&node),
    };
    let stop = CancellationToken::new();
    let running = tokio::runtime::Handle::current().spawn(guard.run(OFTEN, stop.clone()));
    tokio::time::sleep(OFTEN * 5).await;
    assert_eq!(signals.phase(), Phase::Following, "all is well");

    let outside = rusqlite::Connection::open(&file).unwrap();
    let trigger: String = outside
        .query_row("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'sidgate_session' LIMIT 1", [], |row| row.get(0))
        .unwrap();
    outside
        .execute_batch(&format!("DROP TRIGGER {trigger}"))
        .unwrap();

    assert!(settled(signals, Phase::SchemaUnchecked).await);
    assert!(!lease.holds(crate::clock::Boot::default()));
    let alarms = stats.reset(ResetReason::Schema).unwrap();
    assert_eq!(alarms.get(), 1, "one alarm for one fault");
    stop.cancel();
    running.await.unwrap();
}
