//! Housekeeping beside live traffic: one node at a time, and in nobody's way.

use super::*;

const EXPIRED: &str = "\
    INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, expires_at, created_seq) \
    SELECT sha256(i::text::bytea), gen_random_uuid(), '7', '{\"user\": {\"id\": \"7\"}}', now(), now(), now(), \
        now() - interval '25 h', 0 \
    FROM generate_series(1, 3000) i";

#[tokio::test]
async fn many_expired_sessions_go_without_a_word() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    client.batch_execute(EXPIRED).await.unwrap();
    let live = store.insert(&login(1)).await.unwrap();
    let (mut gone, mut rounds) = (0, 0);
    loop {
        let done = store.housekeep(500).await.unwrap();
        assert!(done.sessions <= 500);
        (gone, rounds) = (gone + done.sessions, rounds + 1);
        if !done.more {
            break;
        }
    }
    assert_eq!((gone, rounds), (3_000, 7));
    assert_eq!(store.head().await.unwrap(), 0, "no event");
    assert!(store.find(live.id).await.unwrap().is_some());
}

#[tokio::test]
async fn one_node_at_a_time() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    client.batch_execute(EXPIRED).await.unwrap();
    let lock = "BEGIN; SELECT FROM sidgate_turn WHERE slot = 0 FOR UPDATE";
    client.batch_execute(lock).await.unwrap();
    let done = store.housekeep(500).await.unwrap();
    assert_eq!(
        (done.sessions, done.more, done.taken),
        (0, false, true),
        "another node is at it"
    );
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.housekeep(500).await.unwrap().sessions, 500);
}

#[tokio::test]
async fn rows_in_other_hands_are_skipped_and_the_clock_is_not_needed() {
    let database = TestPostgres::shared().database();
    let store = database.store_with(options());
    let client = database.client().await;
    client.batch_execute(EXPIRED).await.unwrap();
    let held = "BEGIN; UPDATE sidgate_clock SET lease_ms = lease_ms; \
                SELECT FROM sidgate_session LIMIT 100 FOR KEY SHARE";
    client.batch_execute(held).await.unwrap();
    let done = store.housekeep(10_000).await.unwrap();
    assert_eq!((done.sessions, done.more), (2_900, false));
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.housekeep(10_000).await.unwrap().sessions, 100);
}

#[tokio::test]
async fn a_revocation_without_a_number_is_left_alone() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    revoke(&store, Scope::User("8".into())).await;
    let client = database.client().await;
    let silent = "ALTER TABLE sidgate_revocation DISABLE TRIGGER ALL; \
                  INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7'); \
                  UPDATE sidgate_event SET at = now() - interval '1 day'";
    client.batch_execute(silent).await.unwrap();
    for _ in 0..3 {
        store.housekeep(100).await.unwrap();
    }
    let refused = store.insert(&login(1)).await;
    assert!(
        matches!(refused, Err(StoreError::RevokedMeanwhile)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_report_waits_for_no_standby() {
    let server = TestPostgres::start();
    let database = server.database();
    let store = database.store_with(options());
    let session = store.insert(&login(1)).await.unwrap();
    revoke(&store, Scope::User("8".into())).await;
    revoke(&store, Scope::User("8".into())).await;
    let log = store.pulse(Uuid::nil(), 0).await.unwrap().events;
    let client = database.client().await;
    client
        .batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        .await
        .unwrap();
    client
        .batch_execute("SELECT pg_reload_conf(), pg_sleep(0.3)")
        .await
        .unwrap();
    let node = Uuid::from_u128(1);
    for event in &log {
        let reported = store.report(node, event.seq, Some(event.eid)).await;
        reported.unwrap();
        store.pulse(Uuid::nil(), 0).await.unwrap();
        store.housekeep(10).await.unwrap();
    }
    let applied = store.nodes(Duration::from_secs(9)).await.unwrap()[0].applied;
    assert_eq!(applied, 2);
    store.retire(node).await.unwrap();
    let revoked = store
        .revoke(&Scope::Key(session.key), RevokeReason::Admin)
        .await;
    assert!(
        matches!(revoked, Err(StoreError::Timeout(_))),
        "this one must not claim to be safe: {revoked:?}"
    );
}
