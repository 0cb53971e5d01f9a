//! Programs and files of different versions.

use session_core::store::sqlite::plan_of_a_new_file;
use session_core::store::{InspectStore as _, SCHEMA_VERSION, SchemaFit};

use super::*;

/// Runs a plan as the shell `sqlite3` would.
fn run(file: &File, plan: &str) {
    let sql = plan.replace(".bail on\n", "");
    file.shell().execute_batch(&sql).unwrap();
}

fn dumped(file: &File) -> Vec<String> {
    let shell = file.shell();
    let mut statement = shell
        .prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = statement.query_map((), |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn versions(file: &File) -> Vec<(i32, Option<i32>)> {
    let shell = file.shell();
    let mut statement = shell
        .prepare("SELECT version, compatible_from FROM sidgate_schema ORDER BY version")
        .unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_plan_does_what_apply_does() {
    let (planned, applied) = (File::new(), File::new());
    applied.store().await;
    let store = planned.bare().await;
    let plan = store.schema_plan().await.unwrap().unwrap();
    assert_eq!(plan, plan_of_a_new_file());
    assert_eq!(store.schema_status().await.unwrap().found, 0, "only a plan");

    run(&planned, &plan);

    assert_eq!(dumped(&planned), dumped(&applied));
    // Versions 12 and 13 work with programs of version 11, each before them with its own only.
    let own = (1..12).map(|version| (version, Some(version)));
    let as_each_said: Vec<_> = own.chain([(12, Some(11)), (13, Some(11))]).collect();
    assert_eq!(versions(&planned), as_each_said);
    assert_eq!(versions(&applied), as_each_said);
    store.check_schema().await.unwrap();
    assert_eq!(store.schema_plan().await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_does_not_tell_is_read_and_brought_up_to_date() {
    let file = File::new();
    let store = file.bare().await;
    let plan = plan_of_a_new_file();
    let (before, _) = plan.split_once("\n-- Version 11\n").unwrap();
    run(&file, &format!("{before}\nCOMMIT;"));
    let status = store.schema_status().await.unwrap();
    assert_eq!((status.found, status.fit()), (10, SchemaFit::Behind));
    let plan = store.schema_plan().await.unwrap().unwrap();
    assert!(!plan.contains("-- Version 10\n"), "{plan}");

    store.apply_schema().await.unwrap();

    assert_eq!(versions(&file).len(), 13);
    store.check_schema().await.unwrap();
    let again = file.shell().execute_batch(&plan.replace(".bail on\n", ""));
    assert!(again.is_err(), "out of date");
}

#[tokio::test]
async fn a_newer_file_decides_which_programs_work_with_it() {
    let file = File::new();
    let store = file.store().await;
    let (ours, next) = (SCHEMA_VERSION, SCHEMA_VERSION + 1);
    let newer = async |oldest: &str| {
        let sql = format!(
            "DELETE FROM sidgate_schema WHERE version > {ours}; \
             INSERT INTO sidgate_schema (version, compatible_from) VALUES ({next}, {oldest})"
        );
        file.shell().execute_batch(&sql).unwrap();
        store.schema_status().await.unwrap()
    };

    let status = newer(&ours.to_string()).await;
    assert_eq!((status.fit(), status.works_from), (SchemaFit::Ahead, ours));
    store.check_schema().await.unwrap();
    store.apply_schema().await.unwrap();
    store.insert(&login(1)).await.unwrap();
    assert_eq!(store.schema_plan().await.unwrap(), None);

    for oldest in [next.to_string(), "NULL".to_owned()] {
        assert_eq!(newer(&oldest).await.fit(), SchemaFit::TooNew, "{oldest}");
        assert!(store.check_schema().await.is_err());
        assert!(store.apply_schema().await.is_err());
        assert!(store.schema_plan().await.is_err());
    }
}

#[tokio::test]
async fn a_store_says_what_it_is_connected_to() {
    let file = File::new();
    let about = file.store().await.about().await.unwrap();
    assert!(about.server.starts_with("SQLite 3."), "{about:?}");
    assert_eq!(about.database, file.path().display().to_string());
    assert_eq!((about.role, about.tls), (None, None));
    assert_eq!(about.schema.found, SCHEMA_VERSION);
}
