//! Numbers are given at commit, and the clock is locked for no longer than that.

use super::*;

#[tokio::test]
async fn an_open_transaction_holds_up_nobody() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let a = store.insert(&login(1)).await.unwrap();
    let b = store.insert(&login(2)).await.unwrap();
    let client = database.client().await;
    let uncommitted = format!(
        "BEGIN; UPDATE sidgate_session SET ref = 'x' WHERE id = '{}'",
        a.id
    );
    client.batch_execute(&uncommitted).await.unwrap();
    // The app of that transaction goes on for seconds, as under Django's ATOMIC_REQUESTS.
    assert_eq!(revoke(&store, Scope::Key(b.key)).await, 1);
    client.batch_execute("COMMIT").await.unwrap();
    let expected = [Subject::Session(b.key), Subject::Session(a.key)];
    assert_eq!(
        subjects(&store).await,
        expected,
        "in commit order, not in the order of the changes"
    );
}

#[tokio::test]
async fn a_login_waits_for_a_revocation_that_is_being_committed() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    revoke(&store, Scope::User("7".into())).await;
    let mut new = login(1);
    new.sampled = 1;
    let client = database.client().await;
    let uncommitted = "BEGIN; UPDATE sidgate_revocation SET seq = NULL WHERE subject = '7'";
    client.batch_execute(uncommitted).await.unwrap();
    let commit = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (inserted, ()) = tokio::join!(store.insert(&new), commit);
    assert!(
        matches!(inserted, Err(StoreError::RevokedMeanwhile)),
        "{inserted:?}"
    );
}

/// The snapshot of the statement is from before the revocation. The trigger looks again and refuses.
#[tokio::test]
async fn a_renewal_that_a_mass_revocation_overtakes_finds_nothing() {
    let database = TestPostgres::shared().database();
    let store = Arc::new(database.store_with(PostgresOptions {
        write_timeout: Duration::from_secs(10),
        ..PostgresOptions::default()
    }));
    let session = store.insert(&login(1)).await.unwrap();
    let (holder, watcher) = (database.client().await, database.client().await);
    let held = "BEGIN; SELECT FROM sidgate_session FOR UPDATE";
    holder.batch_execute(held).await.unwrap();
    let renewal = Renewal {
        of: session.key,
        to: SessionKey::from_bytes([2; 32]),
        group: Group::default(),
        grace: Duration::from_secs(10),
    };
    let (renewing, to) = (Arc::clone(&store), renewal.to);
    let renewing = tokio::task::JoinSet::from_iter([async move { renewing.renew(&renewal).await }]);
    let waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while watcher.query(waits, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    revoke(&store, Scope::User("7".into())).await;
    holder.batch_execute("COMMIT").await.unwrap();

    let renewed = renewing.join_all().await.pop().unwrap();
    assert_eq!(renewed.unwrap(), None);
    assert!(store.load(&to).await.unwrap().row.is_none());
}

#[tokio::test]
async fn revoking_everybody_is_not_kept_waiting_by_logins() {
    let database = TestPostgres::shared().database();
    let store = Arc::new(database.store());
    revoke(&store, Scope::All).await;
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..8_u8 {
        let store = Arc::clone(&store);
        lanes.spawn(async move {
            for n in 0..u8::MAX {
                let mut new = login(n);
                new.key =
                    SessionKey::from_bytes([[n; 16], [lane + 1; 16]].concat().try_into().unwrap());
                new.id = Uuid::from_u128(u128::from(n) << 8 | u128::from(lane));
                new.sampled = store.head().await.unwrap();
                match store.insert(&new).await {
                    Ok(_) | Err(StoreError::RevokedMeanwhile) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    while !lanes.is_empty() {
        revoke(&store, Scope::All).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        while let Some(done) = lanes.try_join_next() {
            done.unwrap();
        }
    }
}

#[tokio::test]
async fn truncating_is_heard() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    store.insert(&login(1)).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("TRUNCATE sidgate_session")
        .await
        .unwrap();
    assert_eq!(subjects(&store).await, [Subject::Flush]);
    let refused = client.batch_execute("TRUNCATE sidgate_revocation").await;
    assert!(refused.is_err(), "it would revive sessions");
}

#[tokio::test]
async fn a_change_in_bulk_ends_in_one_flush() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    let fill = "\
        INSERT INTO sidgate_session (session_key, id, user_id, identity, created_at, auth_time, last_activity, expires_at, created_seq) \
        SELECT sha256(i::text::bytea), gen_random_uuid(), '7', '{\"user\": {\"id\": \"7\"}}', now(), now(), now(), now() + interval '1 h', 0 \
        FROM generate_series(1, 5000) i";
    client.batch_execute(fill).await.unwrap();
    client
        .batch_execute("DELETE FROM sidgate_session WHERE session_key < '\\x80'")
        .await
        .unwrap();
    let events = subjects(&store).await;
    assert_eq!(events.len(), 257);
    assert_eq!(events.last(), Some(&Subject::Flush));
    assert!(!events[..256].contains(&Subject::Flush));
    // The next transaction counts from the beginning, and a savepoint loses nothing.
    let rest = "\
        BEGIN; SAVEPOINT a; SET CONSTRAINTS ALL IMMEDIATE; \
        DELETE FROM sidgate_session WHERE session_key < '\\xc0'; ROLLBACK TO a; \
        DELETE FROM sidgate_session WHERE session_key < '\\xc0'; RELEASE a; \
        DELETE FROM sidgate_session; COMMIT";
    client.batch_execute(rest).await.unwrap();
    let later = store.pulse(Uuid::nil(), 257).await.unwrap();
    assert_eq!(
        later.events.len(),
        usize::try_from(later.head - 257).unwrap()
    );
    assert_eq!(
        later.events.last().map(|event| &event.subject),
        Some(&Subject::Flush)
    );
}

#[tokio::test]
async fn a_serializable_writer_fails_whole_or_is_numbered() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let a = store.insert(&login(1)).await.unwrap();
    let b = store.insert(&login(2)).await.unwrap();
    let client = database.client().await;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE sidgate_session SET ref = 'x' WHERE id = '{}'",
        a.id
    );
    client.batch_execute(&begin).await.unwrap();
    revoke(&store, Scope::Key(b.key)).await;
    let refused = client.batch_execute("COMMIT").await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("40001"));
    assert_eq!(store.find(a.id).await.unwrap().unwrap().session, a);
    client.batch_execute(&begin).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        subjects(&store).await,
        [Subject::Session(b.key), Subject::Session(a.key)]
    );
}

#[tokio::test]
async fn touches_of_two_nodes_neither_wait_nor_deadlock() {
    let database = TestPostgres::shared().database();
    let store = Arc::new(database.store_with(options()));
    let mut batch = Vec::new();
    for n in 0..60 {
        let key = store.insert(&login(n)).await.unwrap().key;
        batch.push(Touch {
            key,
            age: Duration::ZERO,
        });
    }
    let client = database.client().await;
    let held = "BEGIN; SELECT FROM sidgate_session WHERE id = '00000000-0000-0000-0000-000000000001' FOR UPDATE";
    client.batch_execute(held).await.unwrap();
    assert_eq!(
        store.touch(&batch).await.unwrap(),
        59,
        "a row in other hands is skipped"
    );
    client.batch_execute("ROLLBACK").await.unwrap();
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..6 {
        let (store, mut batch) = (Arc::clone(&store), batch.clone());
        if lane % 2 == 0 {
            batch.reverse();
        }
        lanes.spawn(async move {
            for _ in 0..20 {
                store.touch(&batch).await.unwrap();
            }
        });
    }
    while let Some(done) = lanes.join_next().await {
        done.unwrap();
    }
}
