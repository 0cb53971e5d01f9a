//! A server that is down, slow, silent or gone: every call ends, and nothing that failed is mistaken for an answer.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::*;

async fn timed<T>(limit: Duration, call: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, call)
        .await
        .expect("it ends in time")
}

fn store_at(port: u16) -> PostgresStore {
    let url = format!("postgres://postgres@127.0.0.1:{port}/x");
    PostgresStore::new(&SecretString::new(url), options()).unwrap()
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable_at_once() {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let store = store_at(socket.local_addr().unwrap().port());
    drop(socket);
    let limit = Duration::from_millis(300);
    let loaded = timed(limit, store.load(&SessionKey::from_bytes([1; 32]))).await;
    assert!(
        matches!(loaded, Err(StoreError::Unavailable(_))),
        "{loaded:?}"
    );
    let pulse = timed(limit, store.pulse(Uuid::nil(), 0)).await;
    assert!(
        matches!(pulse, Err(StoreError::Unavailable(_))),
        "{pulse:?}"
    );
    let revoked = timed(limit, store.revoke(&Scope::All, RevokeReason::Admin)).await;
    assert!(
        matches!(revoked, Err(StoreError::Unavailable(_))),
        "{revoked:?}"
    );
}

/// Report and heartbeat go out together, also when a fault stands in front of the store.
#[tokio::test]
async fn a_beat_whose_answer_is_lost_has_reported() {
    let database = TestPostgres::shared().database();
    let (store, faults) = FaultStore::new(Arc::new(database.store()));
    let node = Uuid::from_u128(1);
    faults.lose_answers(Call::report_and_pulse);
    let beat = store.report_and_pulse(node, 0, None).await;
    assert!(matches!(beat, Err(StoreError::Timeout(_))), "{beat:?}");
    let alone = faults.calls(Call::report) + faults.calls(Call::pulse);
    assert_eq!((faults.calls(Call::report_and_pulse), alone), (1, 0));
    let nodes = store.nodes(Duration::from_secs(3_600)).await.unwrap();
    assert_eq!(
        nodes.iter().map(|node| node.node).collect::<Vec<_>>(),
        [node]
    );
    faults.up();
    let beat = store.report_and_pulse(node, 0, None).await.unwrap();
    assert_eq!(beat.head, 0);
}

/// Two hundred who want something at once, of a server that turns everybody away: it is not asked two hundred times.
#[tokio::test]
async fn a_crowd_does_not_storm_a_server_that_refuses() {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let store = Arc::new(store_at(socket.local_addr().unwrap().port()));
    let asked = Arc::<AtomicU32>::default();
    let door = Handle::current().spawn({
        let asked = Arc::clone(&asked);
        async move {
            while let Ok((_turned_away, _)) = socket.accept().await {
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let began = Instant::now();
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let store = Arc::clone(&store);
        crowd.spawn(async move { store.head().await });
    }
    while let Some(answer) = crowd.join_next().await {
        assert!(answer.unwrap().is_err());
    }
    // Four at a time, and then none for 50 ms.
    let rounds = 1 + u32::try_from(began.elapsed().as_millis() / 50).unwrap();
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked <= 4 * rounds, "{asked} in {rounds} rounds");
    door.abort();
}

#[tokio::test]
async fn a_store_that_never_answers_is_a_timeout() {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let store = store_at(socket.local_addr().unwrap().port());
    let pulse = timed(Duration::from_millis(600), store.pulse(Uuid::nil(), 0)).await;
    assert!(
        matches!(pulse, Err(StoreError::Timeout(ref limit)) if limit.millis() == 400),
        "{pulse:?}"
    );
    let key = SessionKey::from_bytes([1; 32]);
    let loaded = timed(Duration::from_millis(1_500), store.load(&key)).await;
    assert!(loaded.is_err(), "{loaded:?}");
}

#[tokio::test]
async fn a_locked_row_is_a_timeout_and_the_store_goes_on() {
    let database = TestPostgres::shared().database();
    let store = database.store_with(options());
    let session = store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("BEGIN; SELECT FROM sidgate_session FOR UPDATE")
        .await
        .unwrap();
    let scope = Scope::Key(session.key);
    let revoked = timed(
        Duration::from_secs(1),
        store.revoke(&scope, RevokeReason::Admin),
    )
    .await;
    assert!(
        matches!(revoked, Err(StoreError::Timeout(ref limit)) if limit.millis() == 500),
        "{revoked:?}"
    );
    assert!(
        store.load(&session.key).await.unwrap().row.is_some(),
        "reads do not wait"
    );
    client.batch_execute("COMMIT").await.unwrap();
    // What was given up does not go on behind our back.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        store
            .find(session.id)
            .await
            .unwrap()
            .unwrap()
            .session
            .revoked,
        None
    );
    assert_eq!(revoke(&store, scope).await, 1);
}

#[tokio::test]
async fn a_locked_clock_delays_writers_and_not_readers() {
    let database = TestPostgres::shared().database();
    let store = database.store_with(options());
    let session = store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("BEGIN; UPDATE sidgate_clock SET lease_ms = lease_ms")
        .await
        .unwrap();
    let scope = Scope::Key(session.key);
    let revoked = timed(
        Duration::from_secs(1),
        store.revoke(&scope, RevokeReason::Admin),
    )
    .await;
    assert!(
        matches!(revoked, Err(StoreError::Timeout(ref limit)) if limit.millis() == 500),
        "{revoked:?}"
    );
    store.pulse(Uuid::nil(), 0).await.unwrap();
    store.load(&session.key).await.unwrap();
    store
        .insert(&login(2))
        .await
        .expect("a login bumps no clock");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(revoke(&store, scope).await, 1);
}

#[tokio::test]
async fn a_dead_pooled_connection_is_replaced_for_a_read() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let session = store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..5 {
        // Several connections, so that more than one is found dead.
        let loads = [(); 6].map(|()| store.load(&session.key));
        futures_util::future::try_join_all(loads).await.unwrap();
        store.pulse(Uuid::nil(), 0).await.unwrap();
        client.batch_execute(kill).await.unwrap();
        let loads = [(); 6].map(|()| store.load(&session.key));
        futures_util::future::try_join_all(loads).await.unwrap();
    }
    // The heartbeat does not retry: the next one does.
    client.batch_execute(kill).await.unwrap();
    let _ = store.pulse(Uuid::nil(), 0).await;
    store.pulse(Uuid::nil(), 0).await.unwrap();
}

#[tokio::test]
async fn a_full_pool_does_not_stop_the_heartbeat() {
    let database = TestPostgres::shared().database();
    let options = PostgresOptions {
        max_connections: 2,
        ..PostgresOptions::default()
    };
    let store = Arc::new(database.store_with(options));
    let session = store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("BEGIN; SELECT FROM sidgate_session FOR UPDATE")
        .await
        .unwrap();
    let mut stuck = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (store, scope) = (Arc::clone(&store), Scope::Key(session.key));
        stuck.spawn(async move { store.revoke(&scope, RevokeReason::Admin).await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let loaded = timed(Duration::from_millis(300), store.load(&session.key)).await;
    assert!(
        matches!(loaded, Err(StoreError::Timeout(ref limit)) if limit.millis() == 100),
        "{loaded:?}"
    );
    store.pulse(Uuid::nil(), 0).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    while let Some(done) = stuck.join_next().await {
        done.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_spoils_no_connection() {
    let database = TestPostgres::shared().database();
    let options = PostgresOptions {
        max_connections: 1,
        ..PostgresOptions::default()
    };
    let store = database.store_with(options);
    let session = store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("BEGIN; SELECT FROM sidgate_session FOR UPDATE")
        .await
        .unwrap();
    let scope = Scope::Key(session.key);
    let given_up = store.revoke(&scope, RevokeReason::Admin);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), given_up)
            .await
            .is_err()
    );
    store
        .load(&session.key)
        .await
        .expect("the one connection was replaced");
    let given_up = store.pulse(Uuid::nil(), 0);
    assert!(
        tokio::time::timeout(Duration::ZERO, given_up)
            .await
            .is_err()
    );
    store
        .pulse(Uuid::nil(), 0)
        .await
        .expect("so was that of the heartbeat");
    client.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn a_restart_a_freeze_and_a_loss_are_survived() {
    let server = TestPostgres::start();
    let database = server.database();
    let store = database.store_with(options());
    let session = store.insert(&login(1)).await.unwrap();
    store.pulse(Uuid::nil(), 0).await.unwrap();
    server.pause();
    let loaded = timed(Duration::from_secs(2), store.load(&session.key)).await;
    assert!(
        matches!(loaded, Err(StoreError::Timeout(ref limit)) if limit.millis() == 250),
        "{loaded:?}"
    );
    let pulse = timed(Duration::from_millis(600), store.pulse(Uuid::nil(), 0)).await;
    assert!(
        matches!(pulse, Err(StoreError::Timeout(ref limit)) if limit.millis() == 400),
        "{pulse:?}"
    );
    server.resume();
    store.load(&session.key).await.unwrap();
    store.pulse(Uuid::nil(), 0).await.unwrap();
    server.stop();
    let loaded = timed(Duration::from_secs(1), store.load(&session.key)).await;
    assert!(
        matches!(loaded, Err(StoreError::Unavailable(_))),
        "{loaded:?}"
    );
    assert!(store.pulse(Uuid::nil(), 0).await.is_err());
    server.restart();
    assert_eq!(
        store.load(&session.key).await.unwrap().row.unwrap().session,
        session
    );
    store.pulse(Uuid::nil(), 0).await.unwrap();
    assert_eq!(revoke(&store, Scope::Key(session.key)).await, 1);
}

#[tokio::test]
async fn a_standby_is_not_believed() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    let read_only = "ALTER DATABASE ONLY_THIS SET default_transaction_read_only = on";
    let name: String = client
        .query_one("SELECT current_database()::text", &[])
        .await
        .unwrap()
        .get(0);
    client
        .batch_execute(&read_only.replace("ONLY_THIS", &name))
        .await
        .unwrap();
    let loaded = store.load(&SessionKey::from_bytes([1; 32])).await;
    assert!(matches!(loaded, Err(StoreError::InRecovery)), "{loaded:?}");
    assert!(store.pulse(Uuid::nil(), 0).await.is_err());
}

#[tokio::test]
async fn errors_quote_no_rows() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let mut new = login(1);
    new.references = References::from_stored(Some("canary\0canary".into()));
    let refused = store.insert(&new).await.unwrap_err();
    let client = database.client().await;
    client
        .batch_execute("ALTER TABLE sidgate_session ADD CONSTRAINT no CHECK (ref <> 'canary')")
        .await
        .unwrap();
    new.references = References::from_stored(Some("canary".into()));
    let violated = store.insert(&new).await.unwrap_err();
    for error in [&refused, &violated] {
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("Failing row"),
            "{shown}"
        );
    }
}

/// The session that a caller would otherwise have to trust.
#[tokio::test]
async fn a_number_that_was_never_given_ends_everything() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let session: Session = store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    let silent = "ALTER TABLE sidgate_revocation DISABLE TRIGGER ALL; \
                  INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7')";
    client.batch_execute(silent).await.unwrap();
    let snapshot = store.load(&session.key).await.unwrap();
    assert!(snapshot.row.unwrap().verdict(snapshot.now).is_err());
    let refused = store.insert(&login(2)).await;
    assert!(
        matches!(refused, Err(StoreError::RevokedMeanwhile)),
        "{refused:?}"
    );
}
