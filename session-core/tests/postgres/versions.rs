//! Programs and schemas of different versions.

use session_core::store::{InspectStore as _, SCHEMA_VERSION, SchemaFit};

use super::*;

/// What a program of version 10 left behind: its table of versions says nothing about other programs.
async fn version_10() -> TestDatabase {
    let database = TestPostgres::shared().bare_database();
    let plan = database.store().schema_plan().await.unwrap().unwrap();
    let (before, _) = plan.split_once("\n-- Version 11\n").unwrap();
    database.psql(&format!("{before}\nCOMMIT;")).unwrap();
    database
}

async fn versions(database: &TestDatabase) -> Vec<(i32, Option<i32>)> {
    let client = database.client().await;
    let sql = "SELECT version, compatible_from FROM sidgate_schema ORDER BY version";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Versions 12 and 13 work with programs of version 11, each before them with its own only.
fn as_each_said() -> Vec<(i32, Option<i32>)> {
    let own = (1..12).map(|version| (version, Some(version)));
    own.chain([(12, Some(11)), (13, Some(11))]).collect()
}

#[tokio::test]
async fn a_plan_does_what_apply_does() {
    let server = TestPostgres::shared();
    let (planned, applied) = (server.bare_database(), server.database());
    let store = planned.store();
    let plan = store.schema_plan().await.unwrap().unwrap();
    assert_eq!(store.schema_status().await.unwrap().found, 0, "only a plan");

    assert_eq!(planned.psql(&plan).unwrap(), "");

    assert_eq!(planned.dumped_schema(), applied.dumped_schema());
    assert_eq!(versions(&planned).await, as_each_said());
    assert_eq!(versions(&applied).await, as_each_said());
    store.check_schema().await.unwrap();
    store.insert(&login(1)).await.unwrap();
    assert_eq!(store.schema_plan().await.unwrap(), None);
}

#[tokio::test]
async fn a_plan_that_is_out_of_date_changes_nothing() {
    let database = version_10().await;
    let store = database.store();
    let plan = store.schema_plan().await.unwrap().unwrap();
    store.apply_schema().await.unwrap();
    let before = database.dumped_schema();

    let failed = database.psql(&plan).unwrap_err();

    assert!(failed.contains("since this plan was made"), "{failed}");
    assert_eq!(database.dumped_schema(), before);
}

#[tokio::test]
async fn nobody_waits_behind_a_migration_that_waits_for_a_long_transaction() {
    let database = version_10().await;
    let store = database.store();
    let plan = store.schema_plan().await.unwrap().unwrap();
    let backup = database.client().await;
    let begin = "BEGIN; SELECT FROM sidgate_session";
    backup.batch_execute(begin).await.unwrap();

    let refused = store.apply_schema().await.unwrap_err();
    let failed = database.psql(&plan).unwrap_err();

    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    let said = refused.cause();
    assert!(said.contains("another transaction"), "{said}");
    assert!(failed.contains("lock timeout"), "{failed}");
    assert_eq!(store.schema_status().await.unwrap().found, 10);
    backup.batch_execute("COMMIT").await.unwrap();
    store.apply_schema().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_does_not_tell_is_read_and_brought_up_to_date() {
    let database = version_10().await;
    let store = database.store();
    let status = store.schema_status().await.unwrap();
    assert_eq!((status.found, status.fit()), (10, SchemaFit::Behind));
    let refused = store.check_schema().await.unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::Schema(SchemaError::Old { found: 10, .. })
        ),
        "{refused:?}"
    );
    assert_eq!(store.rights().await.unwrap().missing, []);
    let plan = store.schema_plan().await.unwrap().unwrap();
    assert!(!plan.contains("-- Version 10\n"), "{plan}");

    store.apply_schema().await.unwrap();

    assert_eq!(versions(&database).await, as_each_said());
    store.check_schema().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_decides_which_programs_work_with_it() {
    let database = TestPostgres::shared().database();
    let store = database.store();
    let client = database.client().await;
    let (ours, next) = (SCHEMA_VERSION, SCHEMA_VERSION + 1);
    let newer = async |oldest: &str| {
        let sql = format!(
            "DELETE FROM sidgate_schema WHERE version > {ours}; \
             INSERT INTO sidgate_schema (version, compatible_from) VALUES ({next}, {oldest})"
        );
        client.batch_execute(&sql).await.unwrap();
        store.schema_status().await.unwrap()
    };

    let status = newer(&ours.to_string()).await;
    assert_eq!((status.fit(), status.works_from), (SchemaFit::Ahead, ours));
    // What newer versions bring is none of our business.
    let more = "ALTER TABLE sidgate_session ADD COLUMN newer text; \
        CREATE TRIGGER newer BEFORE INSERT ON sidgate_session FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()";
    client
        .batch_execute(&more.replace("BEFORE INSERT", "BEFORE UPDATE"))
        .await
        .unwrap();
    store.check_schema().await.unwrap();
    store.apply_schema().await.unwrap();
    assert_eq!(store.schema_plan().await.unwrap(), None);
    let session = store.insert(&login(1)).await.unwrap();
    assert_eq!(revoke(&store, Scope::Key(session.key)).await, 1);
    client
        .batch_execute("DROP TRIGGER sidgate_session_deleted ON sidgate_session")
        .await
        .unwrap();
    let refused = store.check_schema().await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Schema(SchemaError::Trigger(_))),
        "ours must be there: {refused:?}"
    );

    for oldest in [next.to_string(), "NULL".to_owned()] {
        let status = newer(&oldest).await;
        assert_eq!(status.fit(), SchemaFit::TooNew, "{oldest}");
        for refused in [
            store.check_schema().await.unwrap_err(),
            store.apply_schema().await.unwrap_err(),
            store.schema_plan().await.unwrap_err(),
        ] {
            assert_eq!(
                refused.to_string(),
                format!(
                    "schema: version {next} works with programs of version {next} or later, this one has {ours}: \
                     start a newer release"
                )
            );
        }
    }
}

/// One that works with this program does not make up for another that does not.
#[tokio::test]
async fn what_one_version_has_broken_stays_broken() {
    let database = TestPostgres::shared().database();
    let client = database.client().await;
    let (next, after) = (SCHEMA_VERSION + 1, SCHEMA_VERSION + 2);
    let sql = format!(
        "INSERT INTO sidgate_schema (version, compatible_from) VALUES ({next}, {next}), ({after}, {SCHEMA_VERSION})"
    );
    client.batch_execute(&sql).await.unwrap();

    let status = database.store().schema_status().await.unwrap();

    assert_eq!((status.found, status.works_from), (after, next));
    assert_eq!(status.fit(), SchemaFit::TooNew);
}
