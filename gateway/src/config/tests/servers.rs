//! Store and Redis: certificates, passwords, and what contradicts their URLs.

use super::super::restart_needed;
use super::{CERT, Draft, KEY, KEY_A, KEY_B, Place};

const POSTGRES: &str = "\"postgres://gw@db/x?sslmode=require\"";

fn place() -> Place {
    Place::new()
        .file("master.key", KEY_A)
        .file("cert.pem", CERT)
        .file("key.pem", KEY)
        .file("other.key", KEY_B)
        .file("password", "hunter2")
        .file("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        .file_with_mode("open.pem", KEY, 0o644)
        .env("PW", "hunter2")
}

/// A file with these keys has one fault.
#[track_caller]
fn fault(keys: &[(&str, &str)], key: &str, hint: &str) {
    let draft = keys.iter().fold(Draft::minimal(), |draft, (key, value)| {
        draft.set(key, value)
    });
    place().one_fault(&draft.text(), key, hint);
}

#[test]
fn certificates_must_be_what_they_are_taken_for() {
    let store = |key: &'static str, value: &'static str, fault_of: &str, hint: &str| {
        fault(&[("store.url", POSTGRES), (key, value)], fault_of, hint);
    };
    store("store.ca", "\"gone.pem\"", "store.ca", "cannot be read");
    store(
        "store.ca",
        "\"key.pem\"",
        "store.ca",
        "holds no certificate",
    );
    store(
        "store.client_cert",
        "\"cert.pem\"",
        "store.client_cert",
        "needs client_key",
    );
    store(
        "store.client_key",
        "\"key.pem\"",
        "store.client_key",
        "needs client_cert",
    );
    let pair = |cert: &'static str, key: &'static str, fault_of: &str, hint: &str| {
        let keys = [
            ("cache.redis_url", "\"rediss://cache\""),
            ("cache.client_cert", cert),
            ("cache.client_key", key),
        ];
        fault(&keys, fault_of, hint);
    };
    pair(
        "\"cert.pem\"",
        "\"open.pem\"",
        "cache.client_key",
        "is open to others",
    );
    pair(
        "\"cert.pem\"",
        "\"encrypted.pem\"",
        "cache.client_key",
        "is encrypted",
    );
    pair(
        "\"cert.pem\"",
        "\"cert.pem\"",
        "cache.client_key",
        "no private key",
    );
    pair(
        "\"key.pem\"",
        "\"key.pem\"",
        "cache.client_cert",
        "no certificate",
    );
}

#[test]
fn certificates_of_a_url_are_those_of_the_keys() {
    let url = "\"postgres://gw@db/x?sslmode=verify-full&sslrootcert=cert.pem&sslcert=cert.pem&sslkey=key.pem\"";
    let config = place().good(&Draft::minimal().set("store.url", url).text());
    let keys = Draft::minimal()
        .set("store.url", POSTGRES)
        .set("store.ca", "\"cert.pem\"")
        .set("store.client_cert", "\"cert.pem\"")
        .set("store.client_key", "\"key.pem\"");
    let (of_url, of_keys) = (
        config.store.tls,
        format!("{:?}", place().good(&keys.text()).store.tls),
    );
    assert!(!of_url.is_empty() && !of_url.trust().unwrap().is_plain());
    // Both stand in folders of their own.
    assert_eq!(
        format!("{of_url:?}").matches("PemFile").count(),
        of_keys.matches("PemFile").count()
    );
    fault(
        &[("store.url", "\"postgres://gw@db/x?sslrootcert=gone.pem\"")],
        "store.url",
        "sslrootcert: file ",
    );
    fault(
        &[
            ("store.url", "\"postgres://gw@db/x?sslrootcert=cert.pem\""),
            ("store.ca", "\"cert.pem\""),
        ],
        "store.ca",
        "in one place",
    );
}

#[test]
fn what_would_have_no_effect_is_a_fault() {
    fault(
        &[("store.ca", "\"cert.pem\"")],
        "store.ca",
        "means nothing for SQLite",
    );
    fault(
        &[("store.password", "\"${PW}\"")],
        "store.password",
        "means nothing for SQLite",
    );
    fault(
        &[
            ("store.url", "\"postgres://gw@db/x?sslmode=disable\""),
            ("store.ca", "\"cert.pem\""),
        ],
        "store.ca",
        "sslmode=disable",
    );
    fault(
        &[
            ("store.url", "\"postgres://gw:${PW}@db/x\""),
            ("store.password", "\"file:password\""),
        ],
        "store.password",
        "leave one of them out",
    );
    fault(
        &[("cache.password", "\"${PW}\"")],
        "cache.password",
        "without cache.redis_url",
    );
    fault(
        &[
            ("cache.redis_url", "\"redis://cache\""),
            ("cache.ca", "\"cert.pem\""),
        ],
        "cache.ca",
        "rediss://",
    );
    fault(
        &[
            ("cache.redis_url", "\"redis://:${PW}@cache\""),
            ("cache.password", "\"${PW}\""),
        ],
        "cache.password",
        "leave one of them out",
    );
    fault(
        &[("cache.redis_url", "\"redis://gw@cache\"")],
        "cache.redis_url",
        "no password",
    );
    let user = Draft::minimal()
        .set("cache.redis_url", "\"redis://gw@cache\"")
        .set("cache.password", "\"file:password\"");
    place().good(&user.text());
    fault(
        &[("cache.redis_url", "\"rediss://cache?ca=/x\"")],
        "cache.redis_url",
        "the parameter ca, which has no place here: set cache.ca",
    );
    fault(
        &[("store.password", "\"hunter2\""), ("store.url", POSTGRES)],
        "store.password",
        "never stands",
    );
}

#[test]
fn a_password_that_changes_behind_its_file_needs_no_restart() {
    let draft = Draft::minimal()
        .set("store.url", "\"file:dsn\"")
        .set("cache.redis_url", "\"file:redis\"");
    let place = |dsn: &str, redis: &str| place().file("dsn", dsn).file("redis", redis);
    let folder = place("postgres://gw:one@db/x", "redis://:one@cache");
    let before = folder.good(&draft.text());
    let folder = folder
        .file("dsn", "postgres://gw2:two@db/x")
        .file("redis", "redis://:two@cache");
    let after = folder.good(&draft.text());
    assert_eq!(restart_needed(&before, &after), Vec::<&str>::new());
    let folder = folder
        .file("dsn", "postgres://gw2:two@other/x")
        .file("redis", "redis://:two@other");
    let moved = folder.good(&draft.text());
    assert_eq!(
        restart_needed(&after, &moved),
        ["store.url", "cache.redis_url"]
    );
}
