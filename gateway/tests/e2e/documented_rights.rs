//! The roles of docs/operations.md, made as it says: what a database administrator copies from there is enough, and no superuser.

use session_testing::{TestDatabase, TestPostgres};

use super::migration::cookies;
use super::schema_versions::folder_with;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::legacy::{MIGRATION, knows_old_logins};
use sidgate_testkit::stores::{sql, sql_number, sql_text};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Request, Stage};

/// The blocks of SQL in the section "Rights".
fn documented() -> [String; 2] {
    let page = include_str!("../../../docs/operations.md");
    let (_, section) = page.split_once("\n## Rights\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sql\n").skip(1);
    let blocks: Vec<String> = blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect();
    blocks.try_into().unwrap()
}

/// A server of its own, because its roles have the names of the page.
fn prepared(server: &TestPostgres) -> TestDatabase {
    let database = server.bare_database();
    let name = sql_text(&database, "SELECT current_database()::text");
    sql(&database, "CREATE ROLE app LOGIN");
    let [roles, _] = documented();
    // As on a server that lets nobody do anything by default.
    let modest = "REVOKE ALL ON SCHEMA public FROM PUBLIC;\
        ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;\n";
    let roles = roles.replace("DATABASE app ", &format!("DATABASE {name} "));
    database
        .psql(&format!("\\set ON_ERROR_STOP on\n{modest}{roles}"))
        .unwrap();
    database
}

fn store_as(database: &TestDatabase, role: &str) -> String {
    format!("[store]\nurl = \"{}\"\n", database.url_as(role).expose())
}

/// Logins, another sid, old logins, revocations.
fn serves(stage: &Stage, database: &TestDatabase) {
    knows_old_logins(&stage.app);
    let login = stage.send(&sidgate_testkit::login(
        "alice@example.com",
        sidgate_testkit::app::PASSWORD,
    ));
    assert_eq!(login.status, 201, "{login:?}");
    let sid = login.new_sid();
    until_true("another sid", LONG, || {
        let response = stage.get_as(&sid, "/required").must_be(200);
        !response.leaves_cookies_alone()
    });
    let old = Request::get("/required").header("Cookie", "session_token=bob.1");
    let (adopted, _) = cookies(&stage.send(&old).must_be(200));
    let adopted = adopted.unwrap();
    assert!(stage.knows(&adopted));
    stage.send(&Request::delete("/api/auth/sessions?scope=all").sid(&adopted));
    assert!(!stage.knows(&adopted));
    let mass = "SELECT count(*) FROM sidgate_revocation WHERE seq IS NOT NULL";
    assert_eq!(sql_number(database, mass), 1);
}

const ROTATES: &str = "[session]\nrotate_every = \"1s\"\n";

#[test]
fn roles_made_as_the_page_says_are_enough() {
    let server = TestPostgres::start();
    let database = prepared(&server);
    let owner = folder_with(&store_as(&database, "schema_owner"));
    let applied = ["schema", "apply", "--config", "sidgate.toml"];
    sidgate(owner.path(), &applied).success();
    let [_, grants] = documented();
    let printed = sidgate(owner.path(), &["schema", "grants", "--role", "sidgate"]).success();
    assert_eq!(grants, printed, "the page shows what the command prints");
    database.psql(&grants).unwrap();

    let stage = Stage::with([&*store_as(&database, "sidgate"), MIGRATION, ROTATES]);

    serves(&stage, &database);
    let kept = |what: &str| stage.core(what);
    until_true("housekeeping", LONG, || kept("housekeeping_done") > 0.0);
    assert_eq!(kept("housekeeping_failed"), 0.0);
    let config = stage.config_file();
    let check = ["check", "--connect", "--config", config.to_str().unwrap()];
    let checked = sidgate(stage.folder(), &check).success();
    assert!(!checked.contains("the role"), "{checked}");
}

#[test]
fn auto_migrate_works_as_the_owner_of_the_page() {
    let server = TestPostgres::start();
    let database = prepared(&server);
    let migrates = "[store]\nauto_migrate = true\n";

    let stage = Stage::with([
        &*store_as(&database, "schema_owner"),
        migrates,
        MIGRATION,
        ROTATES,
    ]);

    serves(&stage, &database);
}
