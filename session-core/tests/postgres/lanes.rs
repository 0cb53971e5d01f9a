//! Who waits for whom: lists and operators have connections of their own.

use std::sync::Arc;

use session_core::clock::Timestamp;
use session_core::store::{Cursor, LegacyStore as _, Search, SightingStore as _};
use tokio::runtime::Handle;

use super::*;

fn one_connection() -> PostgresOptions {
    PostgresOptions {
        max_connections: 1,
        ..options()
    }
}

/// Whatever is asked for lists and operators. True when all of it was answered.
async fn lists_are_answered(store: &PostgresStore, id: Uuid) -> bool {
    let search = Search {
        limit: 10,
        ..Search::default()
    };
    let cursor = Cursor::before(Timestamp::default());
    store
        .list_by_user("7", &Group::default(), None, 10)
        .await
        .is_ok()
        && store.flags(&[id], 10).await.is_ok()
        && store.search(&search).await.is_ok()
        && store.count_live().await.is_ok()
        && store.sightings_from(cursor, 10).await.is_ok()
        && store.tallied().await.is_ok()
}

#[tokio::test]
async fn lists_are_answered_while_a_write_waits() {
    let database = TestPostgres::shared().database();
    let store = Arc::new(database.store_with(one_connection()));
    let session = store.insert(&login(1)).await.unwrap();
    let other = database.client().await;
    other
        .batch_execute("BEGIN; SELECT FROM sidgate_clock FOR UPDATE")
        .await
        .unwrap();
    let writing = Arc::clone(&store);
    let write = Handle::current().spawn(async move {
        let scope = Scope::Key(session.key);
        writing.revoke(&scope, RevokeReason::Logout).await
    });

    let mut answered = 0;
    while !write.is_finished() {
        assert!(lists_are_answered(&store, session.id).await);
        answered += 1;
    }

    assert!(answered > 0, "the write was held");
    assert!(write.await.unwrap().is_err());
}

#[tokio::test]
async fn logins_and_reads_go_on_while_lists_wait() {
    let database = TestPostgres::shared().database();
    let store = Arc::new(database.store_with(options()));
    let session = store.insert(&login(1)).await.unwrap();
    let other = database.client().await;
    other
        .batch_execute("BEGIN; LOCK TABLE sidgate_activity")
        .await
        .unwrap();
    let ask = || {
        let store = Arc::clone(&store);
        async move {
            let flags = store.flags(&[session.id], 10).await;
            assert!(flags.is_err(), "it was held");
        }
    };
    let asked: Vec<_> = (0..64).map(|_| Handle::current().spawn(ask())).collect();

    for n in 2..12 {
        store.insert(&login(n)).await.unwrap();
        store.load(&session.key).await.unwrap();
        revoke(&store, Scope::Key(SessionKey::from_bytes([n; 32]))).await;
    }

    assert!(asked.iter().any(|asked| !asked.is_finished()));
    for asked in asked {
        asked.await.unwrap();
    }
}
