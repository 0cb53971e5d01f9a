//! Where security events go, and what becomes of them when that place fails. What they say is in `security_events.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::audit::events_in;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, Stage, login};

use crate::revoking::revoke;

const AUDIT: &str = "[audit]\nfile = \"audit.jsonl\"";

fn file_of(gateway: &Gateway) -> PathBuf {
    gateway.folder().join("audit.jsonl")
}

fn events_of(file: PathBuf) -> Vec<Value> {
    events_in(&fs::read_to_string(file).unwrap_or_default())
}

fn log_in_fails(gateway: &Gateway) {
    gateway.send(&login("alice@example.com", "not the password"));
}

/// Asking for less of the log does not switch the audit trail off.
#[test]
fn events_have_a_file_of_their_own_whatever_the_log_level() {
    let mut stage = Stage::built(|it| it.with(AUDIT).env("RUST_LOG", "off"));
    stage.log_in("alice@example.com");
    log_in_fails(&stage);
    stage.stop();

    let file = file_of(&stage);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    let kinds: Vec<_> = events_of(file)
        .iter()
        .map(|event| event["event"].clone())
        .collect();
    assert_eq!(kinds, [json!("login"), json!("login_failed")]);
    assert_eq!(stage.stdout(), "");
}

#[test]
fn without_a_file_they_are_in_the_log_whatever_its_level() {
    let mut stage = Stage::built(|it| it.env("RUST_LOG", "off"));
    log_in_fails(&stage);
    stage.stop();

    assert_eq!(stage.security_events().len(), 1);
}

/// A process that was killed, or a disk that was full, has left half a line: the next one is whole all the same.
#[test]
fn half_a_line_spoils_no_other() {
    let mut stage = Stage::with([AUDIT]);
    stage.stop();
    fs::write(file_of(&stage), "{\"half\":").unwrap();
    stage.start_again();
    log_in_fails(&stage);
    log_in_fails(&stage);
    stage.stop();

    let text = fs::read_to_string(file_of(&stage)).unwrap();
    let (half, whole) = text.split_once('\n').unwrap();
    assert_eq!(half, "{\"half\":");
    assert_eq!(events_in(whole).len(), 2);
}

/// What root makes, the gateway may not be able to open.
#[test]
fn a_command_makes_no_file() {
    let mut stage = Stage::with([AUDIT]);
    fs::remove_file(file_of(&stage)).unwrap();
    let done = revoke(&stage, &["--all"]);
    stage.stop();

    assert!(!file_of(&stage).exists());
    let (complaint, lines) = done.stderr.split_once('\n').unwrap();
    assert!(complaint.contains("audit.file"), "{done:?}");
    assert_eq!(events_in(lines).len(), 2, "{done:?}");
}

/// As logrotate does it: the file is moved away, and a signal sent.
#[test]
fn a_file_that_was_moved_away_is_begun_anew_and_no_event_is_lost() {
    let mut stage = Stage::with([AUDIT]);
    let moved = stage.folder().join("audit.jsonl.1");
    log_in_fails(&stage);
    until_true("the first line", LONG, || {
        events_of(file_of(&stage)).len() == 1
    });

    fs::rename(file_of(&stage), &moved).unwrap();
    log_in_fails(&stage);
    until_true("the second line, in the old file", LONG, || {
        events_of(moved.clone()).len() == 2
    });
    stage.signal(Signal::USR1);
    until_true("a new file", LONG, || file_of(&stage).exists());
    log_in_fails(&stage);
    stage.stop();

    assert_eq!(events_of(moved).len(), 2);
    assert_eq!(events_of(file_of(&stage)).len(), 1);
}

/// A file that somebody is editing is not taken live because the log is rotated.
#[test]
fn opening_files_again_is_no_reload() {
    let mut stage = Stage::with([AUDIT]);
    fs::rename(file_of(&stage), stage.folder().join("moved")).unwrap();
    stage.reconfigure(|_, text| format!("{text}\n[edge]\nmax_target_bytes = 64\n"));
    stage.signal(Signal::USR1);
    until_true("a new file", LONG, || file_of(&stage).exists());
    let long = format!("/{}", "x".repeat(100));
    assert_eq!(stage.get(&long).status, 200, "the limit is not in use");
    stage.reconfigure(|_, text| format!("nonsense = 1\n{text}"));
    fs::rename(file_of(&stage), stage.folder().join("moved-again")).unwrap();
    stage.signal(Signal::USR1);
    until_true("a newer file", LONG, || file_of(&stage).exists());
    log_in_fails(&stage);
    assert_eq!(stage.sum("sidgate_config_reloads_total", &[]), 0.0);
    stage.stop();

    assert!(!stage.stdout().contains("reloaded"));
    assert_eq!(events_of(file_of(&stage)).len(), 1);
}

#[test]
fn another_file_is_taken_over_by_a_reload_and_one_that_cannot_be_opened_is_not() {
    let mut stage = Stage::with([AUDIT]);
    let elsewhere = stage.folder().join("elsewhere.jsonl");
    let name = |stage: &Gateway, from: &str, to: &str| {
        stage.reconfigure(|_, text| text.replace(from, to));
        stage.signal(Signal::HUP);
    };
    name(&stage, "audit.jsonl", "elsewhere.jsonl");
    until_true("the other file", LONG, || elsewhere.exists());
    name(&stage, "elsewhere.jsonl", "nowhere/audit.jsonl");
    until_true("a refusal", LONG, || {
        let log = stage.stdout();
        log.contains("configuration not reloaded") && log.contains("audit.file")
    });
    log_in_fails(&stage);
    stage.stop();

    assert_eq!(events_of(elsewhere).len(), 1);
    assert_eq!(events_of(file_of(&stage)).len(), 0);
}

#[test]
fn a_full_disk_loses_no_event() {
    let mut stage = Stage::with(["[audit]\nfile = \"/dev/full\""]);
    log_in_fails(&stage);
    let failures = || stage.sum("sidgate_audit_write_failures_total", &[]);
    until_true("the failure to be counted", LONG, || failures() == 1.0);
    stage.stop();

    assert_eq!(stage.security_events().len(), 1);
}

#[test]
fn a_file_that_cannot_be_opened_is_a_fault_of_the_configuration() {
    let app = App::start();
    let refused = Gateway::in_front_of(&app)
        .with("[audit]\nfile = \"nowhere/audit.jsonl\"")
        .run_to_the_end();

    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("audit.file"), "{refused:?}");
}

fn by_shell() -> String {
    format!("shell:{}", rustix::process::getuid().as_raw())
}

#[test]
fn a_revocation_by_command_is_in_the_file() {
    let mut stage = Stage::with([AUDIT]);
    stage.log_in("alice@example.com");
    let config = stage.config_file();
    let list = [
        "sessions",
        "list",
        "--user",
        "alice",
        "--config",
        config.to_str().unwrap(),
    ];
    sidgate(stage.folder(), &list).success();
    let done = revoke(&stage, &["--user", "alice", "--reason", "lost phone"]);
    stage.stop();

    assert_eq!(done.stderr, "");
    let events = events_of(file_of(&stage));
    let [.., listed, _asked, last] = &events[..] else {
        panic!("three lines of commands: {events:?}");
    };
    assert_eq!(
        (&listed["event"], &listed["reason"], &listed["user"]),
        (&json!("admin"), &json!("search"), &json!("alice"))
    );
    let facts = [
        "event", "actor", "user", "scope", "sessions", "nodes", "acked", "reason", "comment",
    ];
    assert_eq!(
        facts.map(|fact| last[fact].clone()),
        [
            json!("revoked"),
            json!(by_shell()),
            json!("alice"),
            json!("user"),
            json!(1),
            json!(1),
            json!(1),
            json!("admin"),
            json!("lost phone"),
        ]
    );
}

#[test]
fn a_revocation_by_command_is_on_stderr_where_there_is_no_file() {
    let stage = Stage::start();
    let done = revoke(&stage, &["--all"]);

    let [asked, event] = &events_in(&done.stderr)[..] else {
        panic!("two lines: {done:?}");
    };
    assert_eq!(
        (&asked["event"], &asked["reason"]),
        (&json!("admin"), &json!("revoke"))
    );
    assert_eq!(
        (&event["actor"], &event["scope"]),
        (&json!(by_shell()), &json!("all"))
    );
    let receipt: Value =
        serde_json::from_str(&done.success()).expect("stdout is the receipt alone");
    assert_eq!(receipt["revoked"], 0);
}

/// Whoever tries the door is told about as well.
#[test]
fn calls_of_the_admin_api_without_leave_are_told() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let mut stage = Stage::built(|it| {
        it.with("[admin]\ntoken = \"${ADMIN_TOKEN}\"\nclaim = \"user.is_staff\"")
            .env("ADMIN_TOKEN", TOKEN)
    });
    let alice = stage.log_in("alice@example.com");
    let search = || Request::get("/api/admin/sessions");
    stage.send_to_admin(&search().header("Authorization", "Bearer wrong"));
    stage.send(&search());
    stage.send(&search().sid(&alice));
    stage.send_to_admin(&search().header("Authorization", &format!("Bearer {TOKEN}")));
    stage.stop();

    let told: Vec<_> = stage
        .security_events()
        .iter()
        .filter(|event| event["event"] != "login")
        .map(|event| {
            ["event", "reason", "actor"].map(|fact| event[fact].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [
        ["admin_refused", "token_required", "client"],
        ["admin_refused", "unauthenticated", "client"],
        ["admin_refused", "forbidden", "user:alice"],
        ["admin", "search", "token"],
    ];
    assert_eq!(told, expected.map(|facts| facts.map(str::to_owned)));
    assert!(!stage.stdout().contains(PASSWORD));
}
