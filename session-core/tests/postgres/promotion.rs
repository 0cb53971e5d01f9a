//! A standby that takes over: nothing read from it counts, and what the old primary handed out counts no more.

use std::path::PathBuf;

use session_core::store::Snapshot;

use super::*;

/// Stops `server` and starts it again as a standby of nobody: a copy that has not been promoted yet.
async fn demote(server: &TestPostgres, database: &TestDatabase) {
    let folder: String = database
        .client()
        .await
        .query_one("SHOW data_directory", &[])
        .await
        .unwrap()
        .get(0);
    server.stop();
    std::fs::write(PathBuf::from(folder).join("standby.signal"), "").unwrap();
    server.restart();
}

/// What the store says of `key` when it takes writes. Who asks within a moment of a refusal hears that one again.
async fn taking_writes(store: &PostgresStore, key: &SessionKey) -> Snapshot {
    for _ in 0..100 {
        match store.load(key).await {
            Err(StoreError::InRecovery) => tokio::time::sleep(Duration::from_millis(50)).await,
            answer => return answer.unwrap(),
        }
    }
    panic!("it is a standby for five seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_another_incarnation() {
    let server = TestPostgres::start();
    let database = server.database();
    let store = database.store();
    let session = store.insert(&login(1)).await.unwrap();
    let before = store.load(&session.key).await.unwrap().incarnation;
    assert_eq!(
        store.pulse(Uuid::nil(), 0).await.unwrap().incarnation,
        before
    );

    demote(&server, &database).await;
    assert!(
        store.load(&session.key).await.is_err(),
        "a standby is not asked"
    );
    assert!(store.pulse(Uuid::nil(), 0).await.is_err());

    let promoted = database
        .client()
        .await
        .query_one("SELECT pg_promote()", &[])
        .await
        .unwrap();
    assert!(promoted.get::<_, bool>(0));
    let after = taking_writes(&store, &session.key).await;
    assert!(after.row.is_some(), "the sessions are still there");
    assert_ne!(after.incarnation, before);
    assert_eq!(
        store.pulse(Uuid::nil(), 0).await.unwrap().incarnation,
        after.incarnation
    );
    assert_eq!(
        store.history(10).await.unwrap().incarnation,
        after.incarnation
    );
}
