//! `sidgate check --connect`: everything that the configuration names is asked, and each thing has its line.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use session_testing::{TestPostgres, TestRedis};

use sidgate_testkit::cli::{Outcome, sidgate, sidgate_with};
use sidgate_testkit::places::program;
use sidgate_testkit::port::free_port;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::{Gateway, Reply, Stage};

fn check(gateway: &Gateway, more: &[&str]) -> Outcome {
    let config = gateway.config_file();
    let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
    sidgate(gateway.folder(), &[&arguments[..], more].concat())
}

/// The only line about something.
fn line(outcome: &Outcome, start: &str) -> String {
    let lines: Vec<_> = outcome.stdout.lines().collect();
    let found: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with(start))
        .collect();
    assert_eq!(found.len(), 1, "{start}: {outcome:?}");
    (*found[0]).to_owned()
}

#[test]
fn what_answers_is_well() {
    let database = TestPostgres::shared().database();
    let redis = TestRedis::start();
    let cache = format!("[cache]\nredis_url = \"{}\"", redis.url());
    let stage = Stage::with([&store_config(&database), &cache]);
    let app = stage.app.address();

    let outcome = check(&stage, &[]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for (start, said) in [
        ("store  ", "PostgreSQL"),
        ("redis  ", "Redis "),
        (&format!("server app {app} "), "answers HTTP"),
        (
            &format!("backend app {app} "),
            "authenticate answers 401 to nobody",
        ),
    ] {
        let mut lines = outcome.stdout.lines();
        let line = lines.find(|line| line.starts_with(start) && line.contains("  ok  "));
        let line = line.unwrap_or_else(|| panic!("{start}: {outcome:?}"));
        assert!(line.contains(said), "{line}");
    }
    assert!(
        outcome.stdout.ends_with("configuration is good\n"),
        "{outcome:?}"
    );
    assert!(stage.app.requests().is_empty(), "no page was asked for");
}

#[test]
fn every_failure_is_told_and_not_only_the_first() {
    let (redis, webhook, database) = (free_port(), free_port(), free_port());
    let secret = "the-password-of-redis";
    let mut stage = Stage::start();
    let text = fs::read_to_string(stage.config_file()).unwrap();
    let app = stage.app.address();
    let other = free_port();
    let text = text
        .replace(
            "sqlite:sidgate.db",
            &format!("postgres://gw@127.0.0.1:{database}/sidgate"),
        )
        .replace(&app.to_string(), &format!("127.0.0.1:{other}"));
    let more = format!(
        "[cache]\nredis_url = \"${{REDIS_FOR_TEST}}\"\n[risk]\nwebhook_url = \"https://127.0.0.1:{webhook}/hook\"\nwebhook_secret = \"${{HOOK_SECRET}}\"\n"
    );
    let config = stage.folder().join("broken.toml");
    fs::write(&config, format!("{text}\n{more}")).unwrap();
    let environment = [
        (
            "REDIS_FOR_TEST".to_owned(),
            format!("redis://:{secret}@127.0.0.1:{redis}"),
        ),
        ("HOOK_SECRET".to_owned(), "s".repeat(40)),
    ];
    let run = |more: &[&str]| {
        let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
        sidgate_with(
            &environment,
            stage.folder(),
            &[&arguments[..], more].concat(),
        )
    };

    let outcome = run(&[]);
    let document = run(&["--json"]);

    for outcome in [&outcome, &document] {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        for secret in [secret, &"s".repeat(40), "/hook"] {
            assert!(!outcome.output().contains(secret), "{outcome:?}");
        }
    }
    for (start, port) in [
        ("store ", database),
        ("redis ", redis),
        ("server app ", other),
        ("webhook ", webhook),
    ] {
        let line = line(&outcome, start);
        assert!(line.contains("  FAIL  "), "{line}");
        assert!(
            line.contains(&format!("connection refused (127.0.0.1:{port})")),
            "{line}"
        );
    }
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["ok"], false);
    let failed: Vec<_> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["verdict"] == "fail")
        .map(|finding| finding["topic"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["store", "redis", "server", "webhook"]);
    stage.stop();
}

#[test]
fn whose_key_a_backend_has() {
    let upstream = "[upstreams.other]\nservers = [\"127.0.0.1:1\"]";
    let stage = Stage::with([upstream]);
    let start = format!("backend app {} ", stage.app.address());
    let right = stage.app.key();

    stage.app.set_key(vec![7; 32]);
    let nobodys = line(&check(&stage, &[]), &start);
    assert!(
        nobodys.contains("FAIL  404 at /__sidgate__/authenticate"),
        "{nobodys}"
    );

    stage.app.set_key(stage.upstream_key("other"));
    let others = check(&stage, &[]);
    let others = line(&others, &format!("app app {} ", stage.app.address()));
    assert!(
        others.contains("FAIL  has the key of upstreams.other"),
        "{others}"
    );

    stage.app.set_key(right);
    assert!(line(&check(&stage, &[]), &start).contains("  ok  "));
}

#[test]
fn a_backend_that_answers_nobody_in_another_way() {
    let stage = Stage::start();
    let start = format!("backend app {} ", stage.app.address());
    for (reply, said) in [
        (Reply::new(500, &[], "trouble"), "answers 500"),
        (
            Reply::json(200, &json!({"user": {"id": "1"}})),
            "answers 200 to nobody",
        ),
        (
            Reply::new(401, &[], "<p>log in</p>"),
            "answers 401 to nobody",
        ),
        (Reply::hang_up(), "authenticate"),
    ] {
        stage.app.on_authenticate(reply);
        let outcome = check(&stage, &[]);
        let line = line(&outcome, &start);
        assert!(line.contains("  FAIL  "), "{said}: {line}");
    }
}

#[test]
fn a_login_that_is_switched_off_is_not_asked_for() {
    let stage = Stage::with(["[endpoints]\npassword_login = false"]);
    stage.app.set_key(vec![7; 32]);

    let outcome = check(&stage, &[]);

    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn nothing_is_written() {
    let mut stage = Stage::start();
    let running = listing(stage.folder());
    check(&stage, &[]).success();
    assert_eq!(
        listing(stage.folder()),
        running,
        "beside a gateway that runs"
    );
    stage.stop();
    // Whoever closes the file last takes the journals away.
    let file = stage.folder().join("sidgate.db");
    let mut shell = Command::new("sqlite3");
    let closed = shell
        .arg(&file)
        .arg("PRAGMA user_version")
        .output()
        .unwrap();
    assert!(closed.status.success(), "{closed:?}");
    assert!(!stage.folder().join("sidgate.db-wal").exists());
    let touched = || fs::metadata(stage.folder()).unwrap().modified().unwrap();
    let (before, last) = (listing(stage.folder()), touched());
    for command in [&["check", "--connect"][..], &["doctor"]] {
        let config = stage.config_file();
        let arguments = [command, &["--config", config.to_str().unwrap()]].concat();
        let outcome = sidgate(stage.folder(), &arguments);
        assert!([Some(0), Some(1)].contains(&outcome.code), "{outcome:?}");
        assert!(line(&outcome, "store ").contains("SQLite"), "{outcome:?}");
    }
    assert_eq!(listing(stage.folder()), before, "after it has stopped");
    assert_eq!(touched(), last, "no file came and went");
}

/// The names and sizes of what is in a folder, and when it was written.
fn listing(folder: &Path) -> Vec<(String, u64, std::time::SystemTime)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut listed: Vec<_> = entries
        .filter(|entry| {
            !entry
                .file_name()
                .to_str()
                .unwrap()
                .starts_with("sidgate.out")
        })
        .filter(|entry| {
            !entry
                .file_name()
                .to_str()
                .unwrap()
                .starts_with("sidgate.err")
        })
        .map(|entry| {
            let about = entry.metadata().unwrap();
            // A gateway that runs writes its database.
            let is_database = entry.file_name().to_str().unwrap().contains(".db-");
            let size = if is_database { 0 } else { about.len() };
            let written = if is_database {
                std::time::UNIX_EPOCH
            } else {
                about.modified().unwrap()
            };
            (entry.file_name().into_string().unwrap(), size, written)
        })
        .collect();
    listed.sort();
    listed
}

#[test]
fn a_pipe_that_closes_changes_no_exit_code() {
    let stage = Stage::start();
    let config = stage.config_file();
    // The reader is gone before anything is written.
    let script = format!(
        "set -o pipefail; {{ sleep 0.5; exec {} check --connect --config {} 2>&1; }} | {{ exec <&-; sleep 2; }}",
        program().display(),
        config.display()
    );

    let closed = Command::new("bash").args(["-c", &script]).output().unwrap();

    assert_eq!(closed.status.code(), Some(0), "{closed:?}");
}

#[test]
fn faults_of_the_file_are_a_document_too() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(
        folder.path().join("sidgate.toml"),
        "[server]\nlisten_ = []\n",
    )
    .unwrap();

    for command in [&["check", "--connect", "--json"][..], &["doctor", "--json"]] {
        let arguments = [command, &["--config", "sidgate.toml"]].concat();
        let outcome = sidgate(folder.path(), &arguments);
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(document["ok"], false);
        let faults = document["faults"].as_array().unwrap();
        let unknown = faults.iter().find(|fault| fault["key"] == "server.listen_");
        assert_eq!(unknown.unwrap()["line"], 2, "{document}");
    }
}

/// A server that cannot be reached is missed when the primary fails, and not before. So it is asked now.
#[test]
fn each_of_several_servers_is_asked() {
    let database = TestPostgres::shared().database();
    let stage = Stage::with([&store_config(&database)]);
    let ours = format!("127.0.0.1:{}", TestPostgres::shared().port());
    let said = |other: &str| {
        let several = format!("{ours},{other}");
        stage.reconfigure(|_, text| text.replacen(&ours, &several, 1));
        let outcome = check(&stage, &[]);
        stage.reconfigure(|_, text| text.replacen(&several, &ours, 1));
        line(&outcome, "store servers ")
    };

    let closed = format!("127.0.0.1:{}", free_port());
    let away = said(&closed);
    assert!(away.contains("  warn  "), "{away}");
    assert!(away.contains(&format!("{ours} takes writes")), "{away}");
    assert!(
        away.contains(&format!("{closed} does not answer: ")),
        "{away}"
    );

    let twice = said(&ours.replace("127.0.0.1", "localhost"));
    assert!(twice.contains("  warn  "), "{twice}");
    assert_eq!(twice.matches("takes writes").count(), 2, "{twice}");
}
