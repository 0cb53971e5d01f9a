//! The rights of the gateway's role: printed, asked for, and missed when they are gone.

use std::time::Duration;

use session_testing::{TestDatabase, TestPostgres};
use tempfile::TempDir;

use super::schema_versions::folder_with;
use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::stores::{sql, sql_text};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Stage};

/// A role without any right.
fn bare_role(database: &TestDatabase) -> String {
    let name = sql_text(database, "SELECT current_database()::text");
    let role = format!("gw_{name}");
    sql(
        database,
        &format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"),
    );
    role
}

fn config_as(database: &TestDatabase, role: &str) -> String {
    format!("[store]\nurl = \"{}\"\n", database.url_as(role).expose())
}

/// What `schema apply` says that is to give its rights to `role`.
fn applied(folder: &TempDir, role: &str) -> Outcome {
    let to = [
        "schema",
        "apply",
        "--config",
        "sidgate.toml",
        "--grant-to",
        role,
    ];
    sidgate(folder.path(), &to)
}

fn printed(arguments: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    sidgate(folder.path(), &[&["schema", "grants"], arguments].concat()).success()
}

#[test]
fn a_role_with_the_printed_rights_is_all_that_a_gateway_needs() {
    let database = TestPostgres::shared().database();
    let role = bare_role(&database);
    database.psql(&printed(&["--role", &role])).unwrap();

    let (stage, sid) = Stage::with([&*config_as(&database, &role)]).and_alice();

    assert!(stage.knows(&sid));
    let config = stage.config_file();
    let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
    let checked = sidgate(stage.folder(), &arguments).success();
    assert!(!checked.contains("the role"), "{checked}");
}

#[test]
fn whoever_applies_the_schema_gives_the_rights() {
    let database = TestPostgres::shared().bare_database();
    let role = bare_role(&database);
    let folder = folder_with(&format!("[store]\nurl = \"{}\"\n", database.url().expose()));
    let apply = |role: &str| applied(&folder, role);

    // The second time there is nothing to do.
    for _ in 0..2 {
        let said = apply(&role).success();
        assert!(said.contains("has the rights of a gateway"), "{said}");
    }

    let (stage, sid) = Stage::with([&*config_as(&database, &role)]).and_alice();
    assert!(stage.knows(&sid));
    let nobody = apply("nobody_of_that_name");
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("does not exist"), "{nobody:?}");
}

#[test]
fn rights_on_the_schema_that_its_tables_owner_cannot_give_are_named() {
    let database = TestPostgres::shared().bare_database();
    let role = bare_role(&database);
    let owner = format!("{role}_owner");
    sql(
        &database,
        &format!(
            "DROP ROLE IF EXISTS {owner}; CREATE ROLE {owner} LOGIN; \
             REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE, CREATE ON SCHEMA public TO {owner}"
        ),
    );
    let folder = folder_with(&config_as(&database, &owner));

    let refused = applied(&folder, &role);

    assert_eq!(refused.code, Some(78), "{refused:?}");
    let missing = format!("GRANT USAGE ON SCHEMA \"public\" TO \"{role}\"");
    assert!(refused.stderr.contains(&missing), "{refused:?}");
    sql(&database, &missing);
    applied(&folder, &role).success();
}

/// PostgreSQL warns only, and gives nothing.
#[test]
fn who_may_not_give_rights_does_not_say_that_they_are_given() {
    let database = TestPostgres::shared().database();
    let role = bare_role(&database);
    let other = format!("{role}_other");
    sql(
        &database,
        &format!("DROP ROLE IF EXISTS {other}; CREATE ROLE {other}"),
    );
    database.psql(&printed(&["--role", &role])).unwrap();
    let folder = folder_with(&config_as(&database, &role));

    let refused = applied(&folder, &other);

    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("GRANT SELECT"), "{refused:?}");
}

#[test]
fn a_file_has_nobody_to_give_rights_to() {
    let folder = folder_with("");

    let refused = applied(&folder, "gw");

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("has no roles"), "{refused:?}");
    assert!(!folder.path().join("sidgate.db").exists());
}

#[test]
fn missing_rights_are_named_with_the_statement_that_gives_them() {
    let database = TestPostgres::shared().database();
    let role = bare_role(&database);
    database.psql(&printed(&["--role", &role])).unwrap();
    let app = App::start();
    let refused = |expected: &str| {
        let gateway = Gateway::in_front_of(&app).with(&config_as(&database, &role));
        let outcome = gateway.run_to_the_end();
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        assert!(outcome.stderr.contains(expected), "{outcome:?}");
    };

    sql(
        &database,
        &format!("REVOKE INSERT ON sidgate_former_key FROM {role}"),
    );
    let grant = format!("GRANT INSERT ON \"public\".sidgate_former_key TO \"{role}\"");
    refused(&grant);
    // Without this one the schema cannot even be read.
    sql(
        &database,
        &format!("{grant}; REVOKE SELECT ON sidgate_schema FROM {role}"),
    );
    refused(&format!(
        "GRANT SELECT ON \"public\".sidgate_schema TO \"{role}\""
    ));
    // `auto_migrate` does not give rights.
    let gateway = Gateway::in_front_of(&app)
        .with(&config_as(&database, &role))
        .with("[store]\nauto_migrate = true");
    assert_eq!(gateway.run_to_the_end().code, Some(78));
}

#[test]
fn check_connect_names_missing_rights() {
    let database = TestPostgres::shared().database();
    let role = bare_role(&database);
    database.psql(&printed(&["--role", &role])).unwrap();
    let stage = Stage::with([&*config_as(&database, &role)]);
    sql(
        &database,
        &format!("REVOKE UPDATE (revoked_at) ON sidgate_session FROM {role}"),
    );
    let config = stage.config_file();

    let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
    let outcome = sidgate(stage.folder(), &arguments);

    assert_ne!(outcome.code, Some(0), "{outcome:?}");
    let grant = format!("GRANT UPDATE (revoked_at) ON \"public\".sidgate_session TO \"{role}\"");
    assert!(outcome.output().contains(&grant), "{outcome:?}");
}

#[test]
fn rights_that_are_taken_away_end_readiness() {
    let database = TestPostgres::shared().database();
    let role = bare_role(&database);
    database.psql(&printed(&["--role", &role])).unwrap();
    let (stage, sid) = Stage::with([&*config_as(&database, &role)]).and_alice();
    let ready = || stage.admin("/readyz");
    assert_eq!(ready().must_be(200).json()["checks"]["rights"], "ok");
    let gauge = || stage.sum("sidgate_ready", &[("check", "rights")]);
    assert_eq!(gauge(), 1.0);

    sql(
        &database,
        &format!("REVOKE INSERT, DELETE ON sidgate_former_key FROM {role}"),
    );

    until_true("the end of readiness", LONG, || ready().status == 503);
    let checks = ready().json()["checks"].clone();
    for (check, state) in [("schema", "ok"), ("rights", "failing"), ("lease", "ok")] {
        assert_eq!(checks[check], state, "{checks}");
    }
    assert_eq!(gauge(), 0.0);
    assert!(stage.knows(&sid), "it goes on with what it can do");
    let grant =
        format!("GRANT INSERT, DELETE ON \\\"public\\\".sidgate_former_key TO \\\"{role}\\\"");
    let lines = || stage.output().matches(&grant).count();
    until_true("a line", LONG, || lines() == 1);

    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(lines(), 1, "once");
    sql(
        &database,
        &format!("GRANT INSERT, DELETE ON sidgate_former_key TO {role}"),
    );
    stage.wait_until_ready();
}

#[test]
fn grants_need_no_server_and_name_one_role() {
    let grants = printed(&[
        "--role",
        "gw\"; DROP ROLE postgres; --",
        "--schema",
        "Side Gate",
    ]);
    for line in grants.lines() {
        assert!(line.starts_with("GRANT "), "{line}");
        assert!(
            line.ends_with(" TO \"gw\"\"; DROP ROLE postgres; --\";"),
            "{line}"
        );
        assert!(line.contains(" \"Side Gate\""), "{line}");
    }
    let folder = TempDir::new().unwrap();
    for role in ["", "public", "none", &"r".repeat(64)] {
        let outcome = sidgate(folder.path(), &["schema", "grants", "--role", role]);
        assert!(![Some(0), Some(124)].contains(&outcome.code), "{outcome:?}");
        assert_eq!(outcome.stdout, "", "{role}");
    }
}
