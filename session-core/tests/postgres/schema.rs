//! A schema that is not what it should be is refused by name.

use super::*;

async fn refused(store: &PostgresStore) -> SchemaError {
    match store.check_schema().await {
        Err(StoreError::Schema(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missing_schema_is_named_and_can_be_applied_by_many_at_once() {
    let database = TestPostgres::shared().bare_database();
    let stores = [(); 4].map(|()| database.store());
    let store = &stores[0];
    assert_eq!(refused(store).await, SchemaError::Missing);
    let loaded = store.load(&SessionKey::from_bytes([1; 32])).await;
    assert!(
        matches!(loaded, Err(StoreError::Schema(SchemaError::Missing))),
        "{loaded:?}"
    );
    let [a, b, c, d] = &stores;
    let applied = tokio::join!(
        a.apply_schema(),
        b.apply_schema(),
        c.apply_schema(),
        d.apply_schema()
    );
    for applied in [applied.0, applied.1, applied.2, applied.3] {
        applied.unwrap();
    }
    store.check_schema().await.unwrap();
    store.insert(&login(1)).await.unwrap();
    store.apply_schema().await.unwrap();
    assert!(
        store.find(login(1).id).await.unwrap().is_some(),
        "applying again keeps what is there"
    );
}

#[tokio::test]
async fn a_schema_of_another_version_is_refused() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    client
        .batch_execute("INSERT INTO sidgate_schema (version) VALUES (99)")
        .await
        .unwrap();
    assert!(matches!(
        refused(&store).await,
        SchemaError::New { found: 99, .. }
    ));
    let applied = store.apply_schema().await;
    assert!(
        matches!(applied, Err(StoreError::Schema(SchemaError::New { .. }))),
        "{applied:?}"
    );
    client
        .batch_execute("DELETE FROM sidgate_schema")
        .await
        .unwrap();
    assert_eq!(refused(&store).await, SchemaError::Missing);
}

/// Others wait as long as the store says.
#[tokio::test]
async fn a_lease_that_is_not_ours_is_refused() {
    let database = TestPostgres::shared().database();
    let client = database.client().await;
    client
        .batch_execute("UPDATE sidgate_clock SET lease_ms = 1000")
        .await
        .unwrap();

    let refused = refused(&database.store()).await;

    assert_eq!(refused, SchemaError::Lease { found: 1000 });
}

#[tokio::test]
async fn a_trigger_that_does_not_fire_is_refused() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    let triggers = [
        ("sidgate_session", "sidgate_session_updated"),
        ("sidgate_session", "sidgate_session_deleted"),
        ("sidgate_session", "sidgate_session_truncated"),
        ("sidgate_session", "sidgate_session_kept"),
        ("sidgate_session", "sidgate_session_stored"),
        ("sidgate_session", "sidgate_session_moved"),
        ("sidgate_session", "sidgate_session_renewed"),
        ("sidgate_former_key", "sidgate_former_key_kept"),
        ("sidgate_legacy", "sidgate_legacy_kept"),
        ("sidgate_revocation", "sidgate_revocation_numbered"),
        ("sidgate_revocation", "sidgate_revocation_kept"),
        ("sidgate_revocation", "sidgate_revocation_untruncated"),
    ];
    for (table, trigger) in triggers {
        for state in ["DISABLE", "ENABLE REPLICA"] {
            let sql = format!("ALTER TABLE {table} {state} TRIGGER {trigger}");
            client.batch_execute(&sql).await.unwrap();
            assert_eq!(
                refused(&store).await,
                SchemaError::Trigger(trigger),
                "{state}"
            );
        }
        let sql = format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}");
        client.batch_execute(&sql).await.unwrap();
        store.check_schema().await.unwrap();
    }
    // Numbered in the middle of a transaction, events would be out of commit order.
    let immediate = "\
        DROP TRIGGER sidgate_session_deleted ON sidgate_session; \
        CREATE TRIGGER sidgate_session_deleted AFTER DELETE ON sidgate_session \
            FOR EACH ROW EXECUTE FUNCTION sidgate_session_changed()";
    client.batch_execute(immediate).await.unwrap();
    assert_eq!(
        refused(&store).await,
        SchemaError::Trigger("sidgate_session_deleted")
    );
    client
        .batch_execute("DROP TRIGGER sidgate_session_updated ON sidgate_session")
        .await
        .unwrap();
    assert_eq!(
        refused(&store).await,
        SchemaError::Trigger("sidgate_session_updated")
    );
}

#[tokio::test]
async fn the_schema_may_live_in_a_namespace_of_its_own() {
    let database = TestPostgres::shared().bare_database();
    let client = database.client().await;
    client
        .batch_execute("CREATE SCHEMA \"Side Gate\"")
        .await
        .unwrap();
    let url = format!(
        "{}&options=-c%20search_path%3D%22Side%5C%20Gate%22",
        database.url().expose()
    );
    let store = PostgresStore::new(&SecretString::new(url), options()).unwrap();
    store.apply_schema().await.unwrap();
    store.check_schema().await.unwrap();
    let session = store.insert(&login(1)).await.unwrap();
    client
        .batch_execute("DELETE FROM \"Side Gate\".sidgate_session")
        .await
        .unwrap();
    assert_eq!(subjects(&store).await, [Subject::Session(session.key)]);
}

/// Each step is shorter than the idle limit, as an honest use that is written late may be.
#[tokio::test]
async fn a_session_that_was_idle_for_long_is_not_walked_back_to_life() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let mut new = login(1);
    new.idle = Duration::from_secs(600);
    store.insert(&new).await.unwrap();
    let client = database.client().await;
    let set = async |seconds: i64| {
        let sql = format!(
            "UPDATE sidgate_session SET last_activity = clock_timestamp() - interval '{seconds} seconds'"
        );
        client.batch_execute(&sql).await
    };
    set(1_150).await.unwrap();
    set(1_000).await.unwrap();
    set(9_000).await.unwrap();
    let refused = set(8_500).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("23001"));
}
