//! A URL that names several servers: the one that takes writes is found, and found again after a fail-over.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;

/// As many loads at a time, so that as many connections are opened.
const AT_ONCE: usize = 6;

fn store_on(first: u16, second: u16, database: &TestDatabase, direct: u16) -> PostgresStore {
    let url = database.url().expose().replace(
        &format!("127.0.0.1:{direct}"),
        &format!("127.0.0.1:{first},127.0.0.1:{second}"),
    );
    PostgresStore::new(&SecretString::new(url), PostgresOptions::default()).unwrap()
}

async fn answers(store: &PostgresStore) {
    for _ in 0..100 {
        if store.pulse(Uuid::nil(), 0).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no server answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_waited_for_once() {
    let database = TestPostgres::shared().database();
    let port = TestPostgres::shared().port();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let first = silent.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::runtime::Handle::current().spawn(async move {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = silent.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            kept.push(socket);
        }
    });
    let store = store_on(first, port, &database, port);
    answers(&store).await;
    let before = asked.load(Ordering::Relaxed);
    assert!(before >= 1, "the URL names it first");
    let key = SessionKey::from_bytes([1; 32]);
    for loaded in join_all([(); AT_ONCE].map(|()| store.load(&key))).await {
        assert!(loaded.unwrap().row.is_none());
    }
    assert_eq!(asked.load(Ordering::Relaxed), before, "asked again");
}

/// Connections that were idle when the primary fell silent are given up as soon as another server is known to take writes:
/// nobody else waits for one of them.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_to_a_former_primary_are_given_up() {
    let primary = TestPostgres::start();
    let database = primary.database();
    let standby = TestPostgres::standby_of(&primary, primary.port());
    primary.wait_for_standby();
    let store = store_on(primary.port(), standby.port(), &database, primary.port());
    let session = store.insert(&login(1)).await.unwrap();
    let loads = || join_all([(); AT_ONCE].map(|()| store.load(&session.key)));
    assert!(loads().await.iter().all(Result::is_ok));
    let mut hints = store.listen().await.unwrap().unwrap();

    primary.pause();
    standby.promote();
    answers(&store).await;

    for loaded in loads().await {
        assert!(loaded.unwrap().row.is_some(), "the standby has it");
    }
    let broken = tokio::time::timeout(Duration::from_secs(5), hints.next()).await;
    assert!(
        broken
            .expect("long before it would have been tested")
            .is_err(),
        "hints come from the new primary"
    );
}
