//! Secrets: where they may stand, what is refused in their place, and that nothing prints them.

use super::super::{MasterSource, StoreUrl};
use super::{CERT, Draft, KEY, KEY_A, KEY_B, MINIMAL, Place, with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn master(value: &str) -> String {
    with("keys.master", &format!("\"{value}\""))
}

#[test]
fn a_key_comes_from_the_environment_or_a_file() {
    let place = Place::new()
        .env("MASTER", KEY_A)
        .file("k", &format!("{KEY_A}\n"));
    let from_env = place.good(&master("${MASTER}")).keys.master;
    let from_file = place.good(&master("file:k")).keys.master;
    assert!(matches!(from_env, MasterSource::Key(_)));
    assert_eq!(from_env, from_file);
}

#[test]
fn a_secret_never_stands_in_the_file() {
    let place = Place::new().env("TAIL", "x");
    for value in [KEY_A, "x${TAIL}", "${TAIL}x", ""] {
        place.one_fault(&master(value), "keys.master", "never stands in the file");
    }
    let token = with("admin.token", "\"0123456789abcdef0123456789abcdef\"");
    place.one_fault(&token, "admin.token", "never stands in the file");
}

#[test]
fn a_reference_must_lead_somewhere() {
    let place = Place::new()
        .env("EMPTY", "")
        .file("empty", " \n")
        .file("big", &"x".repeat(20_000));
    for (value, hint) in [
        ("${NOT_SET}", "environment variable NOT_SET is not set"),
        ("${EMPTY}", "environment variable EMPTY is not set"),
        ("${a b}", "not the name of an environment variable"),
        ("${}", "not the name of an environment variable"),
        ("file:empty", "is empty"),
        ("file:big", "is too large"),
        ("file:.", "is not a plain file"),
        ("file:", "names no file"),
    ] {
        place.one_fault(&master(value), "keys.master", hint);
    }
    let previous = with("keys.previous", "[\"file:gone\"]");
    place.one_fault(&previous, "keys.previous[0]", "does not exist");
    let open = with("store.url", "\"postgres://u:${PW\"");
    place.one_fault(&open, "store.url", "without its");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    for mode in [0o604, 0o620, 0o601, 0o644, 0o666, 0o660] {
        let place = Place::new().file_with_mode("k", KEY_A, mode);
        place.one_fault(
            &master("file:k"),
            "keys.master",
            &format!("mode {mode:04o}"),
        );
    }
    for mode in [0o600, 0o400, 0o640, 0o440] {
        Place::new()
            .file_with_mode("k", KEY_A, mode)
            .good(&master("file:k"));
    }
}

#[test]
fn every_file_with_secrets_is_looked_at() {
    let place = Place::new()
        .env("A", KEY_A)
        .file("master.key", KEY_A)
        .file("cert.pem", CERT)
        .file_with_mode("key.pem", KEY, 0o644)
        .file_with_mode("dsn", "postgres://u:hunter2@127.0.0.1/x", 0o644)
        .file_with_mode("token", &"x".repeat(32), 0o660)
        .file_with_mode("open.key", KEY_B, 0o606);
    let draft = Draft::minimal()
        .set("server.tls.cert", "\"cert.pem\"")
        .set("server.tls.key", "\"key.pem\"")
        .set("store.url", "\"file:dsn\"")
        .set("cache.redis_url", "\"file:dsn\"")
        .set("keys.previous", "[\"file:open.key\"]")
        .set("admin.token", "\"file:token\"");
    let faults = place.bad(&draft.text());
    let wanted = [
        ("admin.token", "token"),
        ("cache.redis_url", "dsn"),
        ("keys.previous[0]", "open.key"),
        ("server.tls.key", "key.pem"),
        ("store.url", "dsn"),
    ];
    assert_eq!(faults.len(), wanted.len(), "{faults:#?}");
    for (fault, (key, file)) in faults.iter().zip(wanted) {
        assert!(fault.starts_with(&format!("{key}: ")), "{fault}");
        assert!(fault.contains("is open to others (mode 06"), "{fault}");
        assert!(fault.contains("type: chmod 600 /"), "{fault}");
        assert!(fault.contains(&format!("/{file}")), "{fault}");
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

/// All of it holds sessions, and SQLite follows a journal that somebody else has put there.
#[test]
fn database_that_others_can_read_is_refused() {
    for name in [
        "sidgate.db",
        "sidgate.db-wal",
        "sidgate.db-shm",
        "sidgate.db-journal",
    ] {
        for mode in [0o644, 0o606, 0o622] {
            let place = Place::new()
                .file("master.key", KEY_A)
                .file_with_mode(name, "", mode);
            for text in [
                MINIMAL.to_owned(),
                with("store.url", "\"sqlite:sidgate.db\""),
            ] {
                place.one_fault(&text, "store.url", &format!("{name} is open to others"));
            }
        }
        Place::new()
            .file("master.key", KEY_A)
            .file_with_mode(name, "", 0o600)
            .good(MINIMAL);
    }
}

#[test]
fn folder_and_configuration_that_others_can_change_are_refused() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new().file("master.key", KEY_A);
    place.good(MINIMAL);
    let config = place.path().join("sidgate.toml");
    for mode in [0o666, 0o602] {
        set_permissions(&config, Permissions::from_mode(mode)).expect("set its mode");
        place.one_fault(MINIMAL, "", "can be changed by others");
    }
    set_permissions(&config, Permissions::from_mode(0o644)).expect("set its mode");
    place.good(MINIMAL);
    set_permissions(place.path(), Permissions::from_mode(0o777)).expect("set its mode");
    let faults = place.bad(MINIMAL);
    let is_named = |fault: &String| fault.contains("can be written to by others");
    assert!(faults.iter().all(is_named), "{faults:?}");
    let shared = with("insecure.shared_folders", "true");
    let advice = place.good(&shared).advice();
    assert!(
        advice
            .iter()
            .any(|line| line.starts_with("insecure.shared_folders: ")),
        "{advice:?}"
    );
}

#[test]
fn password_in_a_configuration_that_everybody_may_read_is_worth_a_word() {
    let place = Place::new().file("master.key", KEY_A).env("PW", "x");
    let advised = |url: &str| {
        let draft = Draft::minimal()
            .set("cookie.name", "\"__Host-sid\"")
            .set("store.url", &format!("\"postgres://{url}127.0.0.1/x\""));
        place
            .good(&draft.text())
            .advice()
            .iter()
            .any(|line| line.contains("holds a password") && line.contains("chmod 600"))
    };
    assert!(advised("u:hunter2@"));
    for url in ["u:${PW}@", "u@", ""] {
        assert!(!advised(url), "{url}");
    }
}

#[test]
fn an_absent_key_file_is_created_only_with_sqlite() {
    let place = Place::new();
    let config = place.good(&master("file:new.key"));
    assert_eq!(
        config.keys.master,
        MasterSource::CreateAt(place.path().join("new.key"))
    );
    assert!(
        !place.path().join("new.key").exists(),
        "reading a configuration writes nothing"
    );

    let postgres = Draft::minimal().set("store.url", "\"postgres://db/x\"");
    place.one_fault(
        &postgres.text(),
        "keys.master",
        "does not exist (the default is \"file:master.key\")",
    );
    let named = postgres.set("keys.master", "\"file:new.key\"");
    place.one_fault(&named.text(), "keys.master", "does not exist");
}

#[test]
fn made_up_keys_are_refused() {
    let counted: Vec<u8> = (0..32).collect();
    let falling: Vec<u8> = (0..32).rev().collect();
    let pattern = [0xde, 0xad, 0xbe, 0xef].repeat(8);
    for bytes in [
        vec![0; 32],
        vec![0xff; 32],
        counted,
        falling,
        pattern,
        b"change-me-change-me-change-me-00".to_vec(),
        b"The quick brown fox jumps over 1".to_vec(),
    ] {
        let place = Place::new().env("K", &STANDARD.encode(&bytes));
        place.one_fault(&master("${K}"), "keys.master", "placeholder");
    }
}

#[test]
fn a_key_is_32_bytes_of_base64() {
    for value in [
        "x",
        "CHANGE_ME",
        "c2hvcnQ=",
        &KEY_A[1..],
        &format!("{KEY_A}AAAA"),
        &"ab".repeat(32),
    ] {
        let place = Place::new().env("K", value);
        place.one_fault(
            &master("${K}"),
            "keys.master",
            "not 32 bytes in standard base64",
        );
    }
}

#[test]
fn keys_in_rotation_differ() {
    let place = Place::new().env("A", KEY_A).env("B", KEY_B);
    let draft = Draft::minimal().set("keys.master", "\"${A}\"");
    let config = place.good(&draft.clone().set("keys.previous", "[\"${B}\"]").text());
    assert_eq!(config.keys.previous.len(), 1);
    let same = draft.clone().set("keys.previous", "[\"${A}\"]");
    place.one_fault(&same.text(), "keys.previous", "the current master key too");
    let twice = draft.set("keys.previous", "[\"${B}\", \"${B}\"]");
    place.one_fault(&twice.text(), "keys.previous[1]", "appears more than once");
}

#[test]
fn a_url_may_hold_variables_or_stand_in_a_file() {
    let place = Place::new()
        .env("PW", "p%40ss")
        .env("A", KEY_A)
        .file("dsn", "postgresql://u:pw@db/x\n");
    let draft = Draft::minimal().set("keys.master", "\"${A}\"");
    for (value, wanted) in [
        ("postgres://u:${PW}@${PW}/x", "postgres://u:p%40ss@p%40ss/x"),
        ("file:dsn", "postgresql://u:pw@db/x"),
    ] {
        let config = place.good(
            &draft
                .clone()
                .set("store.url", &format!("\"{value}\""))
                .text(),
        );
        let StoreUrl::Postgres(url) = config.store.url else {
            panic!("{value} should be PostgreSQL");
        };
        assert_eq!(url.expose(), wanted);
    }
}

#[test]
fn a_token_is_long_and_can_be_sent() {
    let text = with("admin.token", "\"${T}\"");
    for value in [
        "short",
        &"x".repeat(31),
        &format!("{} {}", "x".repeat(20), "y".repeat(20)),
        &"\u{e9}".repeat(40),
    ] {
        Place::new()
            .env("T", value)
            .one_fault(&text, "admin.token", "at least 32 visible");
    }
    let config = Place::new().env("T", &"x".repeat(32)).good(&text);
    assert_eq!(config.admin.token.expect("a token").expose().len(), 32);
    assert_eq!(
        Place::new().good(&with("admin.token", "\"\"")).admin.token,
        None
    );
}

/// The words below stand in every secret of these files.
const CANARY: &str = "hunter2";

#[test]
fn a_configuration_prints_no_secret() {
    let place = Place::new()
        .env("A", KEY_A)
        .env("B", KEY_B)
        .env("TOKEN", &format!("{CANARY}{}", "x".repeat(32)))
        .env("PW", CANARY);
    let text = Draft::minimal()
        .set("keys.master", "\"${A}\"")
        .set("keys.previous", "[\"${B}\"]")
        .set("store.url", "\"postgres://u:${PW}@db/x\"")
        .set("cache.redis_url", "\"redis://:${PW}@cache\"")
        .set("admin.token", "\"${TOKEN}\"")
        .text();
    let config = place.good(&text);
    let shown = format!("{config:?} {config:#?} {:?}", config.advice());
    for secret in [CANARY, KEY_A, KEY_B, "163, 55", "a3, 37"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_fault_prints_no_secret() {
    let place = Place::new()
        .env("BAD_KEY", &format!("{CANARY}{KEY_A}"))
        .env("TOKEN", CANARY)
        .env("PW", CANARY)
        .env("REDIS_URL", &format!("odd://{CANARY}"))
        .file_with_mode("open", CANARY, 0o644)
        .file("text", CANARY);
    let text = format!(
        r#"{MINIMAL}
        [keys]
        master = "${{BAD_KEY}}"
        previous = ["file:open", "file:text", "{CANARY}"]
        [store]
        url = "mysql://u:${{PW}}@db"
        [cache]
        redis_url = "{CANARY}://x"
        [admin]
        token = "${{TOKEN}}"
        "#
    );
    let faults = place.load(&text).expect_err("faults");
    assert_eq!(faults.iter().count(), 8, "{faults}");
    assert!(!format!("{faults} {faults:?}").contains(CANARY), "{faults}");
    let literal = with("admin.token", &format!("\"{CANARY}\""));
    let faults = Place::new().load(&literal).expect_err("faults");
    assert!(!format!("{faults} {faults:?}").contains(CANARY), "{faults}");
}
