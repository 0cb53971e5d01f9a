//! What keeps the gateway from starting is found out before it starts, and `check` finds the same.

use std::net::{Ipv4Addr, TcpListener};

use sidgate_testkit::builder::write_secret;
use sidgate_testkit::cli::Outcome;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::port::free_port;
use sidgate_testkit::{App, Gateway, tls};

/// A port that somebody else listens on.
fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Ended by itself, with one line that says which listener it was.
fn is_named(outcome: &Outcome, key: &str, port: u16) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let start = format!("{key}: cannot bind 127.0.0.1:{port}: ");
    assert!(outcome.stderr.starts_with(&start), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn public_port_that_is_taken_is_named() {
    let app = App::start();
    let (_other, port) = taken();
    let free = free_port();

    let outcome = Gateway::in_front_of(&app)
        .with(&format!(
            "[server]\nlisten = [\"127.0.0.1:{free}\", \"127.0.0.1:{port}\"]"
        ))
        .run_to_the_end();

    is_named(&outcome, "server.listen[1]", port);
}

#[test]
fn admin_port_that_is_taken_is_named() {
    let app = App::start();
    let (_other, port) = taken();

    let outcome = Gateway::in_front_of(&app)
        .with(&format!("[server]\nadmin_listen = \"127.0.0.1:{port}\""))
        .run_to_the_end();

    is_named(&outcome, "server.admin_listen", port);
}

#[test]
fn tls_port_that_is_taken_is_named() {
    let app = App::start();
    let (_other, port) = taken();
    let (cert, key) = tls::files();

    let outcome = Gateway::in_front_of(&app)
        .with(&format!(
            "[server.tls]\nlisten = [\"127.0.0.1:{port}\"]\ncert = {cert:?}\nkey = {key:?}"
        ))
        .run_to_the_end();

    is_named(&outcome, "server.tls.listen[0]", port);
}

/// Everything at once, as for any other fault, by both commands, and without the passwords.
#[test]
fn urls_and_certificates_that_cannot_be_used_are_faults_of_their_keys() {
    for (store, redis) in [
        (
            "postgres://u:hunter2@127.0.0.1:notaport/db",
            "redis://:hunter2@127.0.0.1:notaport",
        ),
        (
            "postgres://u:hunter2@127.0.0.1/db?sslmode=perhaps",
            "redis-sentinel://:hunter2@127.0.0.1:26379",
        ),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("cert.pem", "garbage");
        write_secret(&folder.path().join("key.pem"), "garbage");
        write(
            "sidgate.toml",
            &format!(
                r#"
                [server.tls]
                cert = "cert.pem"
                key = "key.pem"
                [store]
                url = "{store}"
                [cache]
                redis_url = "{redis}"
                [backend]
                upstream = "app"
                [upstreams.app]
                servers = ["127.0.0.1:8000"]
                [[routes]]
                path = "/"
                upstream = "app"
                "#
            ),
        );
        for command in ["check", "run"] {
            let outcome = sidgate(folder.path(), &[command, "--config", "sidgate.toml"]);

            assert_eq!(outcome.code, Some(78), "{command}: {outcome:?}");
            for key in [
                "server.tls.cert",
                "server.tls.key",
                "store.url",
                "cache.redis_url",
            ] {
                assert!(outcome.stderr.contains(key), "{key}: {outcome:?}");
            }
            assert!(!outcome.output().contains("hunter2"), "{outcome:?}");
        }
    }
}

#[test]
fn key_of_another_certificate_is_refused() {
    let app = App::start();
    let (cert, _) = tls::files();
    // Any EC key but that of the certificate.
    let other = tls::private_key("other.key");

    let outcome = Gateway::in_front_of(&app)
        .with(&format!("[server.tls]\ncert = {cert:?}\nkey = {other:?}"))
        .run_to_the_end();

    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(outcome.stderr.contains("server.tls.key"), "{outcome:?}");
}

/// Whatever holds secrets, by both commands, with what to type.
#[test]
fn files_that_others_can_read_or_change_are_refused() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let (cert, key) = tls::files();
    let text = format!(
        r#"
        [server]
        listen = []
        [server.tls]
        cert = {cert:?}
        key = "key.pem"
        [backend]
        upstream = "app"
        [upstreams.app]
        servers = ["127.0.0.1:8000"]
        [[routes]]
        path = "/"
        upstream = "app"
        "#
    );
    for (name, mode, key_named) in [
        ("key.pem", 0o644, "server.tls.key"),
        ("master.key", 0o604, "keys.master"),
        ("sidgate.db", 0o644, "store.url"),
        ("sidgate.db-wal", 0o666, "store.url"),
        ("sidgate.db-journal", 0o622, "store.url"),
        ("sidgate.toml", 0o666, ""),
        (".", 0o777, ""),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("sidgate.toml"), &text).unwrap();
        write_secret(&at("key.pem"), &std::fs::read_to_string(&key).unwrap());
        let out = at("master.key");
        sidgate(
            folder.path(),
            &["keys", "generate", "--out", out.to_str().unwrap()],
        )
        .success();
        if name.starts_with("sidgate.db") {
            write_secret(&at(name), "");
        }
        set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        for command in ["check", "run"] {
            let outcome = sidgate(folder.path(), &[command, "--config", "sidgate.toml"]);

            assert_eq!(outcome.code, Some(78), "{name}: {outcome:?}");
            let said = &outcome.stderr;
            assert!(
                said.contains(key_named) && said.contains("type: chmod"),
                "{outcome:?}"
            );
        }
    }
}

#[test]
fn audit_file_that_others_can_change_is_refused() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let app = App::start();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("audit.jsonl");
    std::fs::write(&file, "").unwrap();
    set_permissions(&file, Permissions::from_mode(0o666)).unwrap();

    let outcome = Gateway::in_front_of(&app)
        .with(&format!("[audit]\nfile = {file:?}"))
        .run_to_the_end();

    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(
        outcome.stderr.contains("can be changed by others"),
        "{outcome:?}"
    );
}

#[test]
fn authorities_that_the_environment_names_and_nobody_can_read() {
    let app = App::start();

    let outcome = Gateway::in_front_of(&app)
        .env("SSL_CERT_FILE", "/nowhere/ca.pem")
        .run_to_the_end();

    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    let start = "SSL_CERT_FILE or SSL_CERT_DIR: ";
    assert!(outcome.stderr.starts_with(start), "{outcome:?}");
    assert!(outcome.stderr.contains("/nowhere/ca.pem"), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}
