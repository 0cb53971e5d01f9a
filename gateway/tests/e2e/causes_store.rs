//! Why PostgreSQL cannot be used, in the words that the command line says. Real servers, one cause after the other.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use session_testing::{TestAuthority, TestDatabase, TestPostgres, Validity};
use tempfile::TempDir;

use sidgate_testkit::builder::write_secret;
use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::port::free_port;
use sidgate_testkit::stores::sql;

/// What must never be shown.
const PASSWORD: &str = "hunter2-is-the-password";

/// Checks a configuration with this `[store]`, and connects.
fn check(store: &str) -> Outcome {
    let folder = TempDir::new().unwrap();
    check_in(folder.path(), store)
}

fn check_in(folder: &Path, store: &str) -> Outcome {
    sidgate(folder, &["keys", "generate", "--out", "master.key"]);
    let config = format!(
        "[store]\n{store}\n[backend]\nupstream = \"app\"\n[upstreams.app]\nservers = [\"127.0.0.1:1\"]\n\
         [[routes]]\npath = \"/\"\nupstream = \"app\"\nsession = \"optional\"\n"
    );
    write_secret(&folder.join("sidgate.toml"), &config);
    sidgate(folder, &["check", "--config", "sidgate.toml", "--connect"])
}

/// The check fails for one reason, which it says, and says no secret.
#[track_caller]
fn fails(store: &str, words: &str) {
    let outcome = check(store);
    assert_eq!(outcome.code, Some(1), "{store}: {outcome:?}");
    let output = outcome.output();
    assert!(
        output.contains(words),
        "{store}\nwants: {words}\nsays: {output}"
    );
    for secret in [PASSWORD, "@127.0.0.1", "PRIVATE KEY"] {
        assert!(!output.contains(secret), "{output}");
    }
}

fn url(rest: &str) -> String {
    format!("url = \"postgres://{rest}\"")
}

/// A server of one's own where `gw` must show a password, and its database.
fn guarded() -> (TestPostgres, TestDatabase, String) {
    let server = TestPostgres::start();
    let database = server.database();
    sql(
        &database,
        &format!("CREATE ROLE gw LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE out NOLOGIN"),
    );
    server.let_in(
        "host sidgate_template all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n",
    );
    let url = database.url().expose().to_owned();
    let place = url.split_once('@').unwrap().1;
    let place = place.split('?').next().unwrap().to_owned();
    (server, database, place)
}

#[test]
fn what_the_server_says_is_told() {
    let (server, database, place) = guarded();
    let port = server.port();
    let login = format!("gw:{PASSWORD}@{place}?sslmode=disable");
    fails(
        &url(&format!("gw:wrong@{place}?sslmode=disable")),
        "FAIL  password authentication failed for user \"gw\" (SQLSTATE 28P01)",
    );
    fails(
        &url(&format!("gw@{place}?sslmode=disable")),
        "the server asks for a password, and there is none in store.url or store.password",
    );
    fails(
        &url(&format!("nobody:{PASSWORD}@{place}?sslmode=disable")),
        "password authentication failed for user \"nobody\" (SQLSTATE 28P01)",
    );
    fails(
        &url(&format!(
            "gw:{PASSWORD}@127.0.0.1:{port}/nowhere?sslmode=disable"
        )),
        "database \"nowhere\" does not exist (SQLSTATE 3D000)",
    );
    fails(
        &url(&format!(
            "gw:{PASSWORD}@127.0.0.1:{port}/sidgate_template?sslmode=disable"
        )),
        "pg_hba.conf rejects connection",
    );
    fails(&url(&login), "permission denied for table sidgate_");
    let name = place.split_once('/').unwrap().1;
    sql(
        &database,
        &format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"),
    );
    fails(&url(&login), "permission denied for database");
    sql(
        &database,
        &format!("GRANT CONNECT ON DATABASE {name} TO gw; ALTER ROLE gw CONNECTION LIMIT 0"),
    );
    fails(
        &url(&login),
        "too many connections for role \"gw\" (SQLSTATE 53300)",
    );
    sql(&database, "ALTER ROLE gw CONNECTION LIMIT -1 NOLOGIN");
    fails(
        &url(&login),
        "role \"gw\" is not permitted to log in (SQLSTATE 28000)",
    );
    sql(
        &database,
        "ALTER ROLE gw LOGIN; ALTER ROLE gw SET default_transaction_read_only = on",
    );
    fails(&url(&login), "in recovery (a read-only standby)");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let refused = free_port();
    fails(
        &url(&format!("gw:{PASSWORD}@127.0.0.1:{refused}/x")),
        &format!("FAIL  connection refused (127.0.0.1:{refused})"),
    );
    fails(
        &url(&format!("gw:{PASSWORD}@nowhere.invalid/x")),
        "the name nowhere.invalid does not resolve",
    );
    fails(
        &url(&format!("gw:{PASSWORD}@%2Fnowhere/x")),
        "no such file or directory (/nowhere/.s.PGSQL.5432)",
    );
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent = silent.local_addr().unwrap().port();
    let silent_and_refused = format!("gw:{PASSWORD}@127.0.0.1:{refused},localhost:{silent}/x");
    fails(
        &url(&silent_and_refused),
        &format!("connection refused (127.0.0.1:{refused}); "),
    );
}

#[test]
fn a_server_that_keeps_silent_is_told_with_the_limit_that_passed() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    fails(
        &format!(
            "{}\nconnect_timeout = \"200ms\"",
            url(&format!("gw:{PASSWORD}@127.0.0.1:{port}/x"))
        ),
        &format!("no connection with 127.0.0.1:{port} within 200 ms (store.connect_timeout)"),
    );
}

/// A store whose server must show a certificate of the authority in `ca`, and `more` keys.
fn strict(place: &str, ca: &Path, more: &str) -> String {
    let url = url(&format!("gw:{PASSWORD}@{place}?sslmode=verify-full"));
    format!("{url}\nca = {ca:?}\n{more}")
}

#[test]
fn what_is_wrong_with_a_certificate_is_told() {
    let (server, _database, place) = guarded();
    let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
    let ca = authority.certificate();
    let strict = || strict(&place, &ca, "");
    fails(
        &strict(),
        "TLS: the server offers none, and sslmode in store.url asks for it",
    );

    server.offer_tls(&authority.server(), &authority.certificate());
    fails(
        &url(&format!("gw:{PASSWORD}@{place}?sslmode=require")),
        "TLS: the server's certificate is of an unknown authority; see store.ca",
    );
    fails(
        &format!(
            "{}\nca = {:?}",
            url(&format!("gw:{PASSWORD}@{place}?sslmode=require")),
            stranger.certificate()
        ),
        "of an unknown authority (one of that name has another key); see store.ca",
    );
    fails(&strict(), "permission denied for table");
    let libpq = format!(
        "gw:{PASSWORD}@{place}?sslmode=verify-ca&sslrootcert={}",
        ca.display()
    );
    fails(&url(&libpq), "permission denied for table");

    let over = authority.issue("over", "DNS:localhost,IP:127.0.0.1", Validity::Over);
    server.offer_tls(&over, &authority.certificate());
    fails(
        &strict(),
        "TLS: the server's certificate ended 2020-12-31T00:00:00Z",
    );
    let elsewhere = authority.issue("elsewhere", "DNS:replica.internal", Validity::Now);
    server.offer_tls(&elsewhere, &authority.certificate());
    fails(
        &strict(),
        "TLS: the server's certificate is for another name: for replica.internal, not for 127.0.0.1",
    );
    server.offer_no_tls();
    fails(&strict(), "TLS: the server offers none");
}

#[test]
fn what_is_wrong_with_our_certificate_is_told() {
    let (server, _database, place) = guarded();
    let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
    let ca = authority.certificate();
    let strict = |more: &str| strict(&place, &ca, more);
    server.offer_tls(&authority.server(), &authority.certificate());
    server.let_in("hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n");
    fails(
        &strict(""),
        "connection requires a valid client certificate (SQLSTATE 28000)",
    );
    let ours = authority.issue("gw", "DNS:gw", Validity::Now);
    fails(
        &strict(&format!(
            "client_cert = {:?}\nclient_key = {:?}",
            ours.cert, ours.key
        )),
        "permission denied for table",
    );
    let strange = stranger.issue("gw", "DNS:gw", Validity::Now);
    fails(
        &strict(&format!(
            "client_cert = {:?}\nclient_key = {:?}",
            strange.cert, strange.key
        )),
        "TLS: the server does not know the authority of our certificate; see store.client_cert",
    );
    let other = authority.issue("other", "DNS:other", Validity::Now);
    fails(
        &strict(&format!(
            "client_cert = {:?}\nclient_key = {:?}",
            other.cert, other.key
        )),
        "authentication failed for user \"gw\"",
    );
}
