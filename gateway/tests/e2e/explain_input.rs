//! What `sidgate explain` reads: a head byte by byte, questions that cannot be asked, a store that does not answer; and that it
//! writes nothing.

use std::fs;

use serde_json::{Value, json};

use sidgate_testkit::Stage;
use sidgate_testkit::cli::sidgate_fed;

use crate::explain::{Offline, explain};

#[test]
fn a_head_is_read_byte_by_byte() {
    let offline = Offline::new();
    let ask = |head: &str| {
        let outcome = explain(
            offline.0.path(),
            head.as_bytes(),
            &["--head-stdin", "--json"],
        );
        (
            outcome.code,
            serde_json::from_str::<Value>(&outcome.stdout).unwrap_or_default()["reason"].clone(),
        )
    };
    let with = |fields: &str| format!("POST / HTTP/1.1\r\nHost: app.test\r\n{fields}\r\n\r\n");
    let refused = |reason: &str| (Some(3), json!(reason));

    assert_eq!(
        ask(&with("Content-Length: 3\r\nTransfer-Encoding: chunked")),
        refused("framing_conflict")
    );
    assert_eq!(ask(&with("X: 1\nY: 2")), refused("bare_line_end"));
    assert_eq!(ask(&with("X : 1")), refused("head_malformed"));
    let chunked = with("Transfer-Encoding: chunked");
    assert_eq!(ask(&format!("{chunked}0x1\r\n")), refused("chunk"));
    assert_eq!(
        ask(&format!("{chunked}1\r\na\r\n")),
        (Some(0), json!("anonymous"))
    );
    assert_eq!(
        ask("GET / HTTP/1.1\r\nHost: app.test\r\n").0,
        Some(1),
        "it does not end"
    );
    assert_eq!(ask("").0, Some(1));
}

#[test]
fn a_question_that_cannot_be_asked_is_refused_without_repeating_it() {
    let offline = Offline::new();
    for arguments in [
        vec!["ftp://app.test/canary-path"],
        vec!["/", "--header", "canary-header"],
        vec!["/", "--header", "A: canary\r\nB: 1"],
    ] {
        let outcome = offline.ask(&arguments);
        assert_eq!(
            (outcome.code, &*outcome.stdout),
            (Some(1), ""),
            "{arguments:?}: {outcome:?}"
        );
        assert!(!outcome.stderr.is_empty(), "{arguments:?}");
        assert!(!outcome.output().contains("canary"), "{outcome:?}");
    }
    let bad = Offline::new();
    fs::write(bad.0.path().join("sidgate.toml"), "[server]\nlisten = 1\n").unwrap();
    assert_eq!(bad.ask(&["/"]).code, Some(78));
}

#[test]
fn without_the_store_it_cannot_be_said_what_depends_on_it() {
    let (stage, sid) = Stage::start().and_alice();
    let config = fs::read_to_string(stage.config_file()).unwrap();
    let config = config.replace(
        "sqlite:sidgate.db",
        "postgres://nobody:canary-password@127.0.0.1:1/none",
    );
    fs::write(stage.folder().join("away.toml"), config).unwrap();
    let ask = |path: &str| {
        let arguments = [
            "explain",
            "--config",
            "away.toml",
            "--json",
            "--sid-stdin",
            path,
        ];
        sidgate_fed(sid.as_bytes(), stage.folder(), &arguments)
    };

    for path in ["/required", "/"] {
        let outcome = ask(path);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(told["verdict"], "unknown", "{told}");
        assert!(
            !outcome.output().contains(&sid) && !outcome.output().contains("canary"),
            "{outcome:?}"
        );
    }
    assert_eq!(ask("/none").code, Some(0), "nothing is asked for there");
    assert_eq!(ask("/__sidgate__/").code, Some(3));
}

#[test]
fn reads_only() {
    let offline = Offline::new();
    let listed = || {
        let mut names: Vec<_> = fs::read_dir(offline.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = listed();
    let config = fs::read_to_string(offline.0.path().join("sidgate.toml")).unwrap();
    let embedded = config
        .replace("postgres://nobody@127.0.0.1:1/none", "sqlite:sidgate.db")
        .replace("master.key", "none.key");
    fs::write(offline.0.path().join("sidgate.toml"), embedded).unwrap();

    let outcome = explain(
        offline.0.path(),
        b"0123456f-89ab-4def-8123-456789abcdef",
        &["--sid-stdin", "/admin"],
    );

    assert_eq!(outcome.code, Some(3), "no key has made it yet: {outcome:?}");
    assert_eq!(listed(), before, "neither key nor store is created");
}
