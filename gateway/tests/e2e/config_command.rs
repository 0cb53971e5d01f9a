//! `sidgate config`, and what belongs to all commands: where the configuration is, manuals, a pipe that closes.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use serde_json::{Value, json};
use tempfile::TempDir;

use sidgate_testkit::cli::{Outcome, clean_environment, sidgate, sidgate_with};
use sidgate_testkit::places::{program, repository};

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

fn folder_with(config: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sidgate.toml"), config).unwrap();
    folder
}

#[test]
fn configuration_is_found_where_the_environment_says() {
    let folder = folder_with(GOOD);
    let elsewhere = TempDir::new().unwrap();
    let named = |file: &Path| {
        let variable = ("SIDGATE_CONFIG".to_owned(), file.display().to_string());
        sidgate_with(&[variable], elsewhere.path(), &["check"])
    };

    assert!(
        named(&folder.path().join("sidgate.toml"))
            .success()
            .contains("configuration is good")
    );
    let gone = named(&folder.path().join("gone.toml"));
    assert_eq!(gone.code, Some(78), "{gone:?}");
    assert!(
        gone.stderr.contains("SIDGATE_CONFIG names") && gone.stderr.contains("gone.toml"),
        "{gone:?}"
    );
    for command in [
        &["check"][..],
        &["run"],
        &["sessions", "list"],
        &["config", "show"],
    ] {
        let nowhere = sidgate(elsewhere.path(), command);
        assert_eq!(nowhere.code, Some(78), "{nowhere:?}");
        for looked_at in ["--config", "SIDGATE_CONFIG", "/etc/sidgate/sidgate.toml"] {
            assert!(nowhere.stderr.contains(looked_at), "{nowhere:?}");
        }
    }
}

/// Asks a validator that is not ours.
const VALIDATE: &str = r#"
import json, sys, tomllib
import jsonschema_rs
asked = json.load(sys.stdin)
validator = jsonschema_rs.validator_for(asked["schema"])
print(json.dumps([[str(error) for error in validator.iter_errors(tomllib.loads(text))] for text in asked["files"]]))
"#;

/// What a validator of JSON Schema says about each file.
fn validated(files: &[&str]) -> Vec<Vec<String>> {
    let schema = sidgate(&repository(), &["config", "schema"]).success();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut python = Command::new(repository().join(".venv/openapi/bin/python"))
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({"schema": schema, "files": files}).to_string();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(asked.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn files_of_the_documents_fit_the_schema() {
    let page = fs::read_to_string(repository().join("docs/configuration.md")).unwrap();
    let mut files: Vec<String> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|part| part.split("```").next())
        .map(|example| match example.contains("[backend]\n") {
            true => example.to_owned(),
            false => format!("{example}\n[backend]\nupstream = \"django\"\n"),
        })
        .collect();
    for file in ["deploy/demo/sidgate.toml", "clients/examples/sidgate.toml"] {
        files.push(fs::read_to_string(repository().join(file)).unwrap());
    }
    files.push(sidgate(&repository(), &["config", "init"]).success());
    let folder = folder_with(GOOD);
    files.push(
        sidgate(
            folder.path(),
            &["config", "show", "--config", "sidgate.toml"],
        )
        .success(),
    );
    let files: Vec<&str> = files.iter().map(String::as_str).collect();

    for (file, errors) in files.iter().zip(validated(&files)) {
        assert_eq!(errors, Vec::<String>::new(), "{file}");
    }
}

#[test]
fn what_the_schema_refuses_and_lets_through() {
    let refused = [
        "[server]\nlisten_ = []",
        "[server]\nthreads = 1025",
        "[server]\nthreads = \"four\"",
        "[server]\nlisten = \"127.0.0.1:3000\"",
        "[server]\nlisten = [\"localhost:3000\"]",
        "[server.tls]\ncertificates = [{ cert = \"c.pem\" }]",
        "[cache]\nlocal_ttl = \"soon\"",
        "[cookie]\nsame_site = \"some\"",
        "[keys]\nmaster = \"hunter2\"",
        "[edge]\nmax_body_bytes = \"10MB\"",
        "[upstreams.x]\nserver = []",
        "[identity.headers]\nX-Session-A = 1",
        "[[routes]]\npath = \"/\"",
        "[else]",
        "tls = true",
    ];
    let taken = [
        "[server]\nlisten = [\"0.0.0.0:${PORT}\"]\nthreads = \"${THREADS}\"\nredirect_https = \"${R}\"",
        "[cache]\nlocal_ttl = \"${TTL}\"",
        "[cookie]\nsame_site = \"Lax\"",
        "[keys]\nmaster = \"${MASTER}\"\nprevious = [\"file:old.key\"]",
        "[edge]\nmax_body_bytes = \"10MiB\"\nmax_header_bytes = 4096",
        "[session.tenants.\"a b\"]\nmax_per_user = 1",
        "[identity.headers]\nX-Session-A = \"tenant_id\"",
    ];
    let whole = |text: &&str| format!("{text}\n[backend]\nupstream = \"app\"\n");
    let files: Vec<String> = refused.iter().chain(&taken).map(whole).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();

    for (at, errors) in validated(&files).iter().enumerate() {
        assert_eq!(
            !errors.is_empty(),
            at < refused.len(),
            "{}: {errors:?}",
            files[at]
        );
    }
    assert_ne!(
        validated(&[""]),
        [Vec::<String>::new()],
        "backend is missing"
    );
}

#[test]
fn configuration_in_effect_is_shown_without_secrets() {
    const CANARY: &str = "hunter2hunter2hunter2hunter2hunter2";
    let folder = folder_with(&format!(
        "{GOOD}[admin]\ntoken = \"${{TOKEN}}\"\n[store]\nurl = \"postgres://u:{CANARY}@db/x\"\n[server]\nhosts = [\"${{HOST}}\"]\n"
    ));
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    let environment = [
        ("TOKEN".to_owned(), CANARY.to_owned()),
        ("HOST".to_owned(), "app.test".to_owned()),
    ];
    let show = |more: &[&str]| {
        let arguments = [&["config", "show", "--config", "sidgate.toml"], more].concat();
        let outcome = sidgate_with(&environment, folder.path(), &arguments);
        assert!(!outcome.output().contains("hunter2"), "{outcome:?}");
        outcome.success()
    };

    let shown: Value = serde_json::from_str(&show(&["--json"])).unwrap();
    assert_eq!(shown["admin"]["token"], "${TOKEN}");
    assert_eq!(shown["store"]["url"], "postgres://u:***@db/x");
    assert_eq!(shown["server"]["hosts"], json!(["app.test"]));
    assert_eq!(shown["routes"][0]["session"], "optional");
    assert_eq!(shown["edge"]["max_body_bytes"], 10_485_760);

    fs::write(folder.path().join("again.toml"), show(&[])).unwrap();
    sidgate_with(
        &environment,
        folder.path(),
        &["check", "--config", "again.toml"],
    )
    .success();
    let faulty = folder_with("typo = 1");
    let outcome = sidgate(
        faulty.path(),
        &["config", "show", "--config", "sidgate.toml"],
    );
    assert_eq!(outcome.code, Some(78), "{outcome:?}");
}

#[test]
fn first_configuration_is_good_and_overwrites_nothing() {
    let folder = TempDir::new().unwrap();
    let init = |more: &[&str]| sidgate(folder.path(), &[&["config", "init"], more].concat());

    init(&["--out", "sidgate.toml"]).success();
    let checked = sidgate(folder.path(), &["check", "--config", "sidgate.toml"]).success();
    assert_eq!(checked, "configuration is good\n");
    assert_ne!(init(&["--out", "sidgate.toml"]).code, Some(0));

    let asked = init(&[
        "--upstream",
        "8000",
        "--upstream",
        "3001",
        "--origin",
        "https://app.test",
    ]);
    let text = asked.success();
    for line in [
        "[upstreams.django]",
        "[upstreams.next]",
        "public_origin = \"https://app.test\"",
        "name = \"__Host-sid\"",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // An app at the port of the gateway is no app.
    let own = init(&["--upstream", "3000"]);
    assert_eq!(own.code, Some(78), "{own:?}");
    for odd in [["--origin", "app.test"], ["--upstream", "0"]] {
        assert_eq!(init(&odd).code, Some(2), "{odd:?}");
    }
    assert_eq!(init(&["--store", "mysql://db"]).code, Some(78));
}

#[test]
fn shells_and_man_are_told_about_every_command() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = sidgate(folder.path(), &["completions", shell]).success();
        for word in ["sessions", "revoke", "config", "init"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let page = sidgate(folder.path(), &["man"]).success();
    for word in ["78", "SIDGATE_CONFIG", "sidgate"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    sidgate(folder.path(), &["man", "."]).success();
    for name in ["sidgate.1", "sidgate-run.1", "sidgate-config-show.1"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    let help = sidgate(folder.path(), &["--help"]).success();
    assert!(
        help.contains("Exit codes:") && help.contains("Environment:"),
        "{help}"
    );
}

#[test]
fn pipe_that_closes_ends_a_command_without_a_word() {
    let folder = folder_with(GOOD);
    for arguments in [
        &["config", "show", "--config", "sidgate.toml"][..],
        &["config", "schema"],
        &["completions", "zsh"],
        &["man"],
    ] {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(folder.path());
        clean_environment(&mut command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
        assert_eq!(said, "", "{arguments:?}");
    }
}

const USER: u32 = 65_534;
const GROUP: u32 = 54_321;

/// The program as another user, who is in one more group.
fn as_somebody(program: &Path, folder: &Path) -> Outcome {
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={USER}"),
            &format!("--regid={USER}"),
            &format!("--groups={GROUP}"),
        ])
        .arg(program)
        .args(["check", "--config", "sidgate.toml"])
        .current_dir(folder);
    clean_environment(&mut command);
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// As Kubernetes and systemd hand secrets over: root owns the file, a group of the process may read it.
#[test]
fn secret_is_handed_over_by_group() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let folder = folder_with(GOOD);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("sidgate");
    fs::copy(program(), &copy).unwrap();
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    let key = folder.path().join("master.key");
    let hand_over = |owner: u32, group: u32, mode: u32| {
        chown(&key, Some(owner), Some(group)).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        as_somebody(&copy, folder.path())
    };

    for mode in [0o440, 0o640] {
        assert!(
            hand_over(0, GROUP, mode)
                .success()
                .contains("configuration is good")
        );
    }
    for (owner, group, mode) in [(0, GROUP, 0o444), (0, GROUP, 0o460), (7, GROUP, 0o440)] {
        let refused = hand_over(owner, group, mode);
        assert_eq!(refused.code, Some(78), "{refused:?}");
        for hint in ["keys.master", "chmod 600", "0440 or 0640", "fsGroup"] {
            assert!(refused.stderr.contains(hint), "{refused:?}");
        }
    }
    // Root takes what root owns and others cannot read, whatever its group.
    hand_over(0, GROUP, 0o440);
    sidgate(folder.path(), &["check", "--config", "sidgate.toml"]).success();
}
