//! Programs and schemas of different versions: who starts, who does not, and what `sidgate schema` says.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use session_core::store::SCHEMA_VERSION;
use session_testing::{TestDatabase, TestPostgres};
use tempfile::TempDir;

use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::stores::{sql, sql_number, store_config};
use sidgate_testkit::{App, Gateway, Request, Stage};

/// Somebody with a newer program has brought the schema up to date.
fn newer(database: &TestDatabase, oldest: i32) {
    let next = SCHEMA_VERSION + 1;
    let statement =
        format!("INSERT INTO sidgate_schema (version, compatible_from) VALUES ({next}, {oldest})");
    sql(database, &statement);
}

fn too_new() -> String {
    let next = SCHEMA_VERSION + 1;
    format!(
        "version {next} works with programs of version {next} or later, this one has {SCHEMA_VERSION}: start a newer release"
    )
}

/// A folder from which commands reach the database.
pub(crate) fn folder_with(store: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let routes = r#"
        [backend]
        upstream = "app"
        [upstreams.app]
        servers = ["127.0.0.1:8000"]
        [[routes]]
        path = "/"
        upstream = "app"
        session = "optional"
    "#;
    fs::write(
        folder.path().join("sidgate.toml"),
        format!("{store}{routes}"),
    )
    .unwrap();
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    folder
}

/// What `check --connect` says about the store. It also asks the app, which is not there.
fn store_line(folder: &TempDir, verdict: &str, said: &str) {
    let outcome = run(folder, &["check", "--connect"]);
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.starts_with("store "));
    let line = line.unwrap_or_else(|| panic!("{outcome:?}"));
    assert!(line.contains(&format!("  {verdict}")), "{line}");
    assert!(line.contains(said), "{line}");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
}

/// Runs a script in the shell of the distribution, for its owner alone.
fn sqlite3(file: &Path, script: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", "umask 077; exec sqlite3 \"$1\"", "sh"])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    assert!(shell.wait().unwrap().success(), "{script}");
}

fn run(folder: &TempDir, arguments: &[&str]) -> Outcome {
    let arguments = [arguments, &["--config", "sidgate.toml"]].concat();
    sidgate(folder.path(), &arguments)
}

fn status(folder: &TempDir) -> (Option<i32>, String, Value) {
    let line = run(folder, &["schema", "status"]);
    let document = run(folder, &["schema", "status", "--json"]);
    assert_eq!(line.code, document.code, "{document:?}");
    (
        line.code,
        line.stdout.trim().to_owned(),
        serde_json::from_str(&document.stdout).unwrap(),
    )
}

#[test]
fn an_older_program_starts_and_works_on_a_newer_schema_that_allows_it() {
    let database = TestPostgres::shared().database();
    newer(&database, SCHEMA_VERSION);
    let (stage, sid) = Stage::with([&*store_config(&database)]).and_alice();
    assert!(stage.knows(&sid));
    let everywhere = stage.log_in("bob@example.com");
    stage.log_out(&sid);
    let all = Request::delete("/api/auth/sessions?scope=all").sid(&everywhere);
    stage.send(&all);
    assert!(!stage.knows(&sid) && !stage.knows(&everywhere));
    let config = stage.config_file();
    let command = |arguments: &[&str]| {
        let arguments = [arguments, &["--config", config.to_str().unwrap()]].concat();
        sidgate(stage.folder(), &arguments).success()
    };

    let carol = stage.log_in("carol@example.com");
    assert!(command(&["sessions", "list", "--user", "carol"]).contains("carol"));
    command(&["sessions", "revoke", "--user", "carol"]);

    assert!(!stage.knows(&carol));
    for arguments in [
        &["check", "--connect"][..],
        &["schema", "apply"],
        &["schema", "status"],
    ] {
        command(arguments);
    }
    let rows = sql_number(&database, "SELECT count(*) FROM sidgate_schema");
    assert_eq!(rows, i64::from(SCHEMA_VERSION + 1), "nothing was applied");
}

#[test]
fn an_older_program_is_told_to_give_way_to_a_newer_one() {
    let database = TestPostgres::shared().database();
    newer(&database, SCHEMA_VERSION + 1);
    let app = App::start();

    let outcome = Gateway::in_front_of(&app)
        .with(&store_config(&database))
        .run_to_the_end();

    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(outcome.stderr.contains(&too_new()), "{outcome:?}");
    let folder = folder_with(&store_config(&database));
    store_line(&folder, "FAIL", &too_new());
    for command in [
        &["sessions", "list"][..],
        &["sessions", "revoke", "--all"],
        &["schema", "apply"],
        &["schema", "plan"],
        &["schema", "status"],
    ] {
        let outcome = run(&folder, command);
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        assert!(outcome.stderr.contains(&too_new()), "{outcome:?}");
    }
}

/// SQLite brings its schema up to date by itself, but not back.
#[test]
fn a_file_that_is_too_new_is_refused_at_the_start() {
    let folder = folder_with("");
    run(&folder, &["schema", "apply"]).success();
    let next = SCHEMA_VERSION + 1;
    let insert = |oldest: i32| {
        let statement = format!(
            "DELETE FROM sidgate_schema WHERE version > {SCHEMA_VERSION}; \
             INSERT INTO sidgate_schema (version, compatible_from) VALUES ({next}, {oldest})"
        );
        sqlite3(&folder.path().join("sidgate.db"), &statement);
    };
    insert(next);
    store_line(&folder, "FAIL", &too_new());
    for command in [&["run"][..], &["schema", "status"]] {
        let outcome = run(&folder, command);
        assert_eq!(outcome.code, Some(78), "{command:?} {outcome:?}");
        assert!(outcome.stderr.contains(&too_new()), "{outcome:?}");
    }
    insert(SCHEMA_VERSION);
    store_line(&folder, "ok", &format!("schema {next}"));
}

#[test]
fn status_is_a_line_a_document_and_an_exit_code() {
    let (ours, next) = (SCHEMA_VERSION, SCHEMA_VERSION + 1);
    // Programs of this version work with the schema that this one applies.
    let oldest = 11;
    let database = TestPostgres::shared().bare_database();
    let folder = folder_with(&store_config(&database));
    let document = |store: Option<i32>, works_from: Option<i32>, fit: &str, works: bool| {
        json!({
            "binary": ours, "store": store, "works_from": works_from, "fit": fit, "works": works,
        })
    };

    assert_eq!(
        status(&folder),
        (
            Some(3),
            format!("this binary: {ours}; store: no schema"),
            document(None, None, "missing", false)
        )
    );
    run(&folder, &["schema", "apply"]).success();
    assert_eq!(
        status(&folder),
        (
            Some(0),
            format!("this binary: {ours}; store: {ours}, works with >= {oldest}"),
            document(Some(ours), Some(oldest), "exact", true)
        )
    );
    newer(&database, ours);
    assert_eq!(
        status(&folder),
        (
            Some(0),
            format!("this binary: {ours}; store: {next}, works with >= {ours}"),
            document(Some(next), Some(ours), "ahead", true)
        )
    );
    sql(
        &database,
        &format!("UPDATE sidgate_schema SET compatible_from = version WHERE version = {next}"),
    );
    assert_eq!(
        status(&folder),
        (
            Some(78),
            format!("this binary: {ours}; store: {next}, works with >= {next}"),
            document(Some(next), Some(next), "too_new", false)
        )
    );
    sql(
        &database,
        &format!("DELETE FROM sidgate_schema WHERE version >= {ours}"),
    );
    let (code, line, told) = status(&folder);
    assert_eq!((code, &told["fit"]), (Some(3), &json!("behind")), "{line}");
}

#[test]
fn a_store_that_is_away_is_neither_old_nor_new() {
    let folder =
        folder_with("[store]\nurl = \"postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable\"\n");

    for command in [&["schema", "status"][..], &["schema", "plan"]] {
        let outcome = run(&folder, command);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        assert!(!outcome.output().contains("hunter2"), "{outcome:?}");
    }
}

#[test]
fn a_plan_is_ready_for_the_shell_of_the_database() {
    let database = TestPostgres::shared().bare_database();
    let folder = folder_with(&store_config(&database));

    let plan = run(&folder, &["schema", "plan"]).success();
    let again = run(&folder, &["schema", "plan"]).success();

    assert_eq!(plan, again, "nothing was written");
    database.psql(&plan).unwrap();
    store_line(&folder, "ok", &format!("schema {SCHEMA_VERSION}"));
    let nothing = run(&folder, &["schema", "plan"]).success();
    assert_eq!(nothing.lines().count(), 1, "{nothing}");
    database.psql(&nothing).unwrap();
}

#[test]
fn a_plan_of_a_file_that_is_not_there_makes_none() {
    let folder = folder_with("");

    let plan = run(&folder, &["schema", "plan"]).success();
    let (code, line, _) = status(&folder);

    assert_eq!(code, Some(3), "{line}");
    assert!(!folder.path().join("sidgate.db").exists());
    sqlite3(&folder.path().join("sidgate.db"), &plan);
    let (code, line, _) = status(&folder);
    assert_eq!(code, Some(0), "{line}");
}
