//! The command line: what an operator types, and how a bad configuration ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use session_testing::{TestPostgres, TestRedis};
use tempfile::TempDir;

use sidgate_testkit::Stage;
use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::stores::{redis_config, redis_set, store_config};
use sidgate_testkit::wait::{LONG, until_true};

/// The least that a configuration must say.
const GOOD: &str = r#"
[backend]
upstream = "app"
[upstreams.app]
servers = ["127.0.0.1:8000"]
[[routes]]
path = "/"
upstream = "app"
session = "optional"
"#;

/// Three faults, each in another section.
const BAD: &str = r#"
[server]
public_origin = "http://app.example"
hosts_ = []
[cookie]
secure = false
[cache]
local_ttl = "soon"
[backend]
upstream = "app"
[upstreams.app]
servers = ["127.0.0.1:8000"]
[[routes]]
path = "/"
upstream = "nobody"
"#;

fn folder_with(config: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sidgate.toml"), config).unwrap();
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> Outcome {
    let arguments = [arguments, &["--config", "sidgate.toml"]].concat();
    sidgate(folder.path(), &arguments)
}

/// The line of `check --connect` about something.
fn line_of(outcome: &Outcome, subject: &str) -> String {
    let mut lines = outcome.stdout.lines();
    let line = lines.find(|line| line.starts_with(&format!("{subject} ")));
    line.unwrap_or_else(|| panic!("{subject}: {outcome:?}"))
        .to_owned()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn check_accepts_a_good_configuration_and_writes_nothing() {
    let folder = folder_with(GOOD);

    run(&folder, &["check"]).success();

    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn every_fault_is_named_at_once_with_exit_code_78() {
    for command in ["check", "run"] {
        let outcome = run(&folder_with(BAD), &[command]);

        assert_eq!(outcome.code, Some(78), "{command}: {outcome:?}");
        for key in [
            "server.hosts_",
            "cookie.secure",
            "cache.local_ttl",
            "routes[0].upstream",
        ] {
            assert!(outcome.stderr.contains(key), "{key}: {outcome:?}");
        }
        assert_eq!(outcome.stdout, "", "{command}");
    }
}

#[test]
fn configuration_that_is_not_there_is_exit_code_78() {
    let folder = TempDir::new().unwrap();
    assert_eq!(run(&folder, &["check"]).code, Some(78));
    assert_eq!(run(&folder, &["run"]).code, Some(78));
}

#[test]
fn secret_in_the_file_is_refused_and_not_repeated() {
    let key = STANDARD.encode([0x5a_u8, 0x17].repeat(16));
    let folder = folder_with(&format!("[keys]\nmaster = \"{key}\"\n{GOOD}"));

    let outcome = run(&folder, &["check"]);

    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(outcome.stderr.contains("keys.master"), "{outcome:?}");
    assert!(!outcome.output().contains(&key));
}

#[test]
fn generated_key_is_32_bytes_for_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.key");

    let outcome = sidgate(folder.path(), &["keys", "generate", "--out", "a.key"]);

    assert_eq!(outcome.success(), "", "the key is shown to nobody");
    assert_eq!(mode(&file), 0o600);
    let key = STANDARD.decode(fs::read_to_string(&file).unwrap().trim());
    assert_eq!(key.unwrap().len(), 32);
}

#[test]
fn generated_key_never_overwrites_another() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.key");
    fs::write(&file, "precious").unwrap();

    let outcome = sidgate(folder.path(), &["keys", "generate", "--out", "a.key"]);

    assert_ne!(outcome.code, Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn every_generated_key_is_another() {
    let folder = TempDir::new().unwrap();
    let generate = || sidgate(folder.path(), &["keys", "generate"]).success();
    let (one, two) = (generate(), generate());
    assert_eq!(STANDARD.decode(one.trim()).unwrap().len(), 32);
    assert_ne!(one, two);
}

#[test]
fn key_file_that_others_can_read_is_refused() {
    let folder = folder_with(GOOD);
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    run(&folder, &["check"]).success();
    let file = folder.path().join("master.key");
    for open in [0o604, 0o644, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        for command in ["check", "run"] {
            let outcome = run(&folder, &[command]);
            assert_eq!(outcome.code, Some(78), "{open:o} {command}");
            assert!(outcome.stderr.contains("keys.master"), "{outcome:?}");
        }
    }
}

#[test]
fn key_of_an_upstream_depends_on_its_name_and_the_master() {
    let folder = folder_with(&format!(
        "{GOOD}\n[upstreams.next]\nservers = [\"127.0.0.1:1\"]"
    ));
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    let key = |name: &str| run(&folder, &["keys", "upstream", name]).success();

    let (app, next) = (key("app"), key("next"));

    assert_eq!(STANDARD.decode(app.trim()).unwrap().len(), 32);
    assert_ne!(app, next);
    assert_eq!(app, key("app"), "the same every time");
    fs::remove_file(folder.path().join("master.key")).unwrap();
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    assert_ne!(app, key("app"), "another under another master");
}

#[test]
fn key_of_an_unknown_upstream_is_an_error() {
    let folder = folder_with(GOOD);
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();

    let outcome = run(&folder, &["keys", "upstream", "nobody"]);

    assert_ne!(outcome.code, Some(0));
    assert_eq!(outcome.stdout, "");
}

#[test]
fn first_start_with_sqlite_makes_the_key() {
    let stage = Stage::built(|it| it.first_start());

    assert_eq!(mode(&stage.folder().join("master.key")), 0o600);
    assert!(stage.knows(&stage.log_in("alice@example.com")));
}

/// Who asks in the wrong folder, or as another user, must not leave a key or a store there that the gateway then finds.
#[test]
fn only_a_start_writes_files() {
    let folder = folder_with(GOOD);
    let id = uuid::Uuid::from_u128(7).to_string();

    let checked = run(&folder, &["check", "--connect"]);
    assert!(line_of(&checked, "store").contains("skip"), "{checked:?}");
    for (command, missing) in [
        (&["sessions", "list", "--user", "alice"][..], "store.url"),
        (&["sessions", "show", &id], "store.url"),
        (&["sessions", "revoke", "--all"], "store.url"),
        (&["keys", "upstream", "app"], "keys.master"),
    ] {
        let outcome = run(&folder, command);
        assert!(![Some(0), Some(124)].contains(&outcome.code), "{outcome:?}");
        assert!(outcome.stderr.contains(missing), "{command:?}: {outcome:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    run(&folder, &["schema", "apply"]).success();
    assert!(folder.path().join("sidgate.db").exists());
}

#[test]
fn session_that_has_expired_is_not_shown_as_alive() {
    let (stage, sid) = Stage::with(["[session]\nabsolute_timeout = \"2s\""]).and_alice();
    let id = stage.session_of(&sid)["session"]["id"].clone();
    let config = stage.config_file();
    let show = || {
        let arguments = ["sessions", "show", id.as_str().unwrap(), "--config"];
        let arguments = [&arguments[..], &[config.to_str().unwrap()]].concat();
        let shown = sidgate(stage.folder(), &arguments).success();
        serde_json::from_str::<Value>(&shown).unwrap()
    };

    until_true("the end of the session", LONG, || !stage.knows(&sid));

    let shown = show();
    assert_eq!(shown["alive"], false, "{shown}");
    assert_eq!(shown["revoke_reason"], Value::Null, "nobody ended it");
}

#[test]
fn postgres_without_a_key_is_refused() {
    let database = TestPostgres::shared().database();
    let folder = folder_with(&format!("{}{GOOD}", store_config(&database)));

    let outcome = run(&folder, &["check"]);

    assert_eq!(outcome.code, Some(78), "{outcome:?}");
    assert!(outcome.stderr.contains("keys.master"), "{outcome:?}");
}

#[test]
fn schema_is_applied_by_command() {
    let database = TestPostgres::shared().bare_database();
    let folder = folder_with(&format!("{}{GOOD}", store_config(&database)));
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();

    let refused = run(&folder, &["check", "--connect"]);
    assert_eq!(
        refused.code,
        Some(1),
        "not a fault of the file: {refused:?}"
    );
    let store = line_of(&refused, "store");
    assert!(
        store.contains("FAIL") && store.contains("schema apply"),
        "{store}"
    );

    run(&folder, &["schema", "apply"]).success();
    run(&folder, &["schema", "apply"]).success();
    let store = line_of(&run(&folder, &["check", "--connect"]), "store");
    assert!(store.contains("  ok  "), "{store}");
}

#[test]
fn sessions_are_listed_shown_and_ended() {
    let (stage, sid) = Stage::start().and_alice();
    let id = stage.session_of(&sid)["session"]["id"].clone();
    let id = id.as_str().unwrap();
    let config = stage.config_file();
    let sessions = |arguments: &[&str]| {
        let config = ["--config", config.to_str().unwrap()];
        let arguments = [&["sessions"], arguments, &config].concat();
        sidgate(stage.folder(), &arguments).success()
    };
    let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();

    let listed = sessions(&["list", "--user", "alice"]);
    let lines: Vec<_> = listed.lines().map(parse).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["id"], id);
    assert_eq!(lines[0]["user_id"], "alice");
    assert_eq!(sessions(&["list", "--user", "bob"]), "");
    let count = |arguments: &[&str]| {
        let arguments = [&["list"], arguments].concat();
        sessions(&arguments).lines().count()
    };
    assert_eq!(count(&[]), 1);
    assert_eq!(count(&["--tenant", "t1", "--ip", "127.0.0.1"]), 1);
    assert_eq!(count(&["--tenant", "t2"]), 0);
    assert_eq!(count(&["--ip", "127.0.0.2"]), 0);
    assert_eq!(count(&["--after", id]), 0);
    assert!(!listed.contains(&sid), "the secret is never shown");
    assert_eq!(parse(&sessions(&["show", id]))["alive"], true);

    assert_eq!(
        parse(&sessions(&["revoke", "--user", "alice"]))["revoked"],
        1
    );

    assert_eq!(parse(&sessions(&["show", id]))["alive"], false);
    assert_eq!(sessions(&["list", "--user", "alice"]), "");
}

/// What the file cannot say: how the servers are set up.
#[test]
fn servers_that_could_be_set_up_better_are_worth_a_word() {
    let database = TestPostgres::shared().database();
    let redis = TestRedis::start();
    redis_set(&redis, b"of:another:app", b"1");
    let servers = format!("{}{}", store_config(&database), redis_config(&redis));
    let folder = folder_with(&format!("{servers}{GOOD}"));
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();

    let told = run(&folder, &["check", "--connect"]).output();

    for said in [
        "is a superuser",
        "the server has no maxmemory",
        "the database also holds keys of other programs",
    ] {
        let line = told.lines().find(|line| line.contains(said));
        let line = line.unwrap_or_else(|| panic!("{said}: {told}"));
        assert!(line.contains("  warn  "), "{line}");
    }
}
