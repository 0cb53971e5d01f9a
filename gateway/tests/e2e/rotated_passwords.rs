//! Passwords of PostgreSQL and Redis that change while the gateway runs.

use session_testing::{TestPostgres, TestRedis};

use sidgate_testkit::builder::write_secret;
use sidgate_testkit::stores::{redis_values, sql};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway};

/// Ends the server's connections of this role.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gw'";

#[test]
fn a_database_password_is_rotated_without_a_restart() {
    let server = TestPostgres::start();
    let database = server.database();
    sql(
        &database,
        "CREATE ROLE gw LOGIN SUPERUSER PASSWORD 'the-first-password'",
    );
    server.let_in("host all all 127.0.0.1/32 scram-sha-256\n");
    let url = database.url().expose().replace("postgres@", "gw@");
    let app = App::start();
    let secrets = tempfile::TempDir::new().unwrap();
    let file = secrets.path().join("password");
    write_secret(&file, "the-first-password\n");
    let gateway = Gateway::in_front_of(&app)
        .with(&format!(
            "[store]\nurl = {url:?}\npassword = \"file:{}\"",
            file.display()
        ))
        .start();
    let sid = gateway.log_in("alice@example.com");

    sql(&database, "ALTER ROLE gw PASSWORD 'the-second-password'");
    write_secret(&file, "the-second-password\n");
    sql(&database, CUT);
    until_true("a login", LONG, || {
        gateway.try_login("bob@example.com").status == 201
    });
    gateway.wait_until_ready();
    assert!(gateway.knows(&sid));
    assert!(!gateway.output().contains("-password\""));

    // A password that is wrong is told, and a right one takes effect by itself.
    write_secret(&file, "a-wrong-password\n");
    sql(&database, CUT);
    until_true("the cause", LONG, || {
        gateway
            .stdout()
            .contains("password authentication failed for user \\\"gw\\\" (SQLSTATE 28P01)")
    });
    write_secret(&file, "the-second-password\n");
    gateway.wait_until_ready();
    until_true("a login", LONG, || {
        gateway.try_login("carol@example.com").status == 201
    });
}

#[test]
fn user_and_password_of_a_url_in_a_file_are_rotated_together() {
    let server = TestPostgres::start();
    let database = server.database();
    sql(
        &database,
        "CREATE ROLE gw LOGIN SUPERUSER PASSWORD 'one'; CREATE ROLE gw2 LOGIN SUPERUSER PASSWORD 'two'",
    );
    server.let_in("host all all 127.0.0.1/32 scram-sha-256\n");
    let url = database.url().expose().to_owned();
    let secrets = tempfile::TempDir::new().unwrap();
    let file = secrets.path().join("dsn");
    write_secret(&file, &url.replace("postgres@", "gw:one@"));
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with(&format!("[store]\nurl = \"file:{}\"", file.display()))
        .start();
    write_secret(&file, &url.replace("postgres@", "gw2:two@"));
    sql(&database, &format!("ALTER ROLE gw NOLOGIN; {CUT}"));
    until_true("a login", LONG, || {
        gateway.try_login("alice@example.com").status == 201
    });
    gateway.wait_until_ready();
}

#[test]
fn the_password_of_redis_is_rotated_without_a_restart() {
    let redis = TestRedis::start();
    let set = |password: &str| {
        let password = format!(">{password}");
        let said = redis.command(&[
            "ACL",
            "SETUSER",
            "gw",
            "on",
            "resetpass",
            &password,
            "~*",
            "&*",
            "+@all",
        ]);
        assert_eq!(said.trim(), "OK");
    };
    set("the-first-password");
    let app = App::start();
    let secrets = tempfile::TempDir::new().unwrap();
    let file = secrets.path().join("url");
    let url = |password: &str| format!("redis://gw:{password}@127.0.0.1:{}", redis.port());
    write_secret(&file, &url("the-first-password"));
    let gateway = Gateway::in_front_of(&app)
        .with(&format!("[cache]\nredis_url = \"file:{}\"", file.display()))
        .start();
    let stored = || {
        let before = redis_values(&redis).len();
        let sid = gateway.log_in("alice@example.com");
        gateway.knows(&sid) && redis_values(&redis).len() > before
    };
    until_true("a value in Redis", LONG, stored);
    set("the-second-password");
    write_secret(&file, &url("the-second-password"));
    let cut = redis.command(&["CLIENT", "KILL", "USER", "gw"]);
    assert_ne!(cut.trim(), "0");
    until_true("another value in Redis", LONG, stored);
}

#[test]
fn urls_in_files_need_no_password() {
    let database = TestPostgres::shared().database();
    let redis = TestRedis::start();
    let secrets = tempfile::TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = secrets.path().join(name);
        write_secret(&path, text);
        path.display().to_string()
    };
    let store = file("store", database.url().expose());
    let cache = file("cache", &redis.url());
    let app = App::start();

    let gateway = Gateway::in_front_of(&app)
        .with(&format!("[store]\nurl = \"file:{store}\""))
        .with(&format!("[cache]\nredis_url = \"file:{cache}\""))
        .start();

    until_true("a value in Redis", LONG, || {
        let sid = gateway.log_in("alice@example.com");
        gateway.knows(&sid) && !redis_values(&redis).is_empty()
    });
}
