//! `sidgate upgrade`: another process takes the place of one, or everything stays as it is.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::places;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{App, Gateway, Request, Stage};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn upgrade(gateway: &Gateway) -> Outcome {
    let config = gateway.config_file();
    let arguments = ["upgrade", "--config", config.to_str().unwrap()];
    sidgate(gateway.folder(), &arguments)
}

fn write_script(path: &Path, text: &str) {
    // A file that runs cannot be written to, and is replaced as a package manager does it.
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn command_says_who_has_taken_whose_place() {
    let (mut stage, sid) = Stage::with(["[server]\ndrain_timeout = \"5s\""]).and_alice();
    let old = stage.pid();

    let said = upgrade(&stage).success();
    let ended = stage.follow();

    assert!(ended.success(), "{ended:?}");
    let new = stage.pid();
    let version = format!("{VERSION} (");
    assert!(said.starts_with(&format!("upgraded: {version}")), "{said}");
    assert!(said.contains(&format!(") -> {version}")), "{said}");
    assert!(
        said.contains(&format!("), process {old} -> {new}, in ")),
        "{said}"
    );
    assert!(stage.is_ready());
    assert!(stage.knows(&sid));
    let events = stage.security_events();
    assert!(
        events
            .iter()
            .any(|event| event["event"] == "admin" && event["reason"] == "upgrade"),
        "{events:?}"
    );
    // And once more.
    assert!(stage.hand_over().success());
    assert!(stage.knows(&sid));
    assert!(stage.stop().success());
}

/// What a reload refuses because it needs a restart, an upgrade takes over.
#[test]
fn keys_that_need_a_restart_are_taken_over() {
    let mut stage = Stage::start();
    let other = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    stage.reconfigure(|_, text| text.replace("listen = [", &format!("listen = [\"{other}\", ")));

    upgrade(&stage).success();
    stage.follow();

    assert!(sidgate_testkit::gateway::is_open(other.port()));
    assert!(sidgate_testkit::gateway::is_open(stage.public_port()));
}

#[test]
fn new_process_that_cannot_start_leaves_the_old_one_alone() {
    let (stage, sid) = Stage::start().and_alice();
    let good = fs::read_to_string(stage.config_file()).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    for (bad, cause) in [
        (good.clone() + "\nsesion = 1\n", "sesion"),
        (
            good.replace("listen = [", &format!("listen = [\"{taken}\", ")),
            "server.listen[0]: cannot bind",
        ),
    ] {
        fs::write(stage.config_file(), bad).unwrap();

        let said = upgrade(&stage);

        assert_eq!(said.code, Some(1), "{said:?}");
        let expected = "not upgraded: the new process: ";
        assert!(said.stderr.starts_with(expected), "{said:?}");
        assert!(said.stderr.contains(cause), "{said:?}");
        assert!(stage.is_ready());
        assert!(stage.knows(&sid));
    }
    until_true("a line about each", LONG, || {
        stage
            .stdout()
            .matches("not upgraded: this process stays")
            .count()
            == 2
    });
}

/// The file of before runs on although there is another one in its place.
#[test]
fn program_is_the_one_that_is_installed_now() {
    let mut stage = Stage::start();
    stage.stop();
    let program = stage.folder().join("sidgate");
    fs::copy(places::program(), &program).unwrap();
    stage.start_again_from(&program);

    write_script(&program, "#!/bin/sh\nexit 3\n");
    let said = upgrade(&stage);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("has ended (exit status: 3)"),
        "{said:?}"
    );
    assert!(stage.is_ready());

    fs::remove_file(&program).unwrap();
    let said = upgrade(&stage);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("cannot be started"), "{said:?}");
    assert!(stage.is_ready());

    let marker = stage.folder().join("marker");
    let (marked, real) = (marker.display(), places::program());
    let real = real.display();
    write_script(
        &program,
        &format!("#!/bin/sh\ntouch {marked}\nexec {real} \"$@\"\n"),
    );
    upgrade(&stage).success();
    stage.follow();
    assert!(stage.is_ready());
    assert!(marker.exists());
}

#[test]
fn only_whoever_has_the_token_may_ask() {
    let stage = Stage::built(|it| {
        it.with("[admin]\ntoken = \"${ADMIN_TOKEN}\"")
            .env("ADMIN_TOKEN", &"t".repeat(43))
    });

    let answer = stage.send_to_admin(&Request::post("/api/admin/upgrade"));

    assert_eq!(answer.status, 401);
    assert!(!stage.stdout().contains("upgrading"));
}

/// A stop that comes in the middle of an upgrade is a stop: nobody is left behind.
#[test]
fn stop_ends_an_upgrade_that_is_under_way() {
    let mut stage = Stage::start();

    stage.signal(Signal::QUIT);
    until_true("the new process", LONG, || {
        stage.stdout().matches(") started\"").count() == 2
    });
    assert!(stage.stop().success());

    until_true("the end of both", LONG, || {
        !sidgate_testkit::gateway::is_open(stage.public_port())
    });
}

/// A container ends with its first process. So that one stays, and passes on what it is told.
#[test]
fn first_process_of_a_container_stays() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can have processes counted anew");
        return;
    }
    let mut stage = in_container();
    let first = children_of(stage.pid())[0];

    for before in ["process 1 -> ", "process "] {
        let said = upgrade(&stage).success();
        assert!(said.contains(before), "{said}");
    }
    until_true("the end of the second process", LONG, || {
        stage.stdout().matches("\"reason\":\"replaced\"").count() == 2
    });
    assert!(stage.is_ready());
    assert!(!stage.has_ended());

    kill_process(first, Signal::TERM).unwrap();
    until_true("the end of all", LONG, || stage.has_ended());
    let output = stage.stdout();
    assert!(output.contains("\"reason\":\"terminated\""), "{output}");
}

/// So whoever runs the container learns of a crash.
#[test]
fn first_process_of_a_container_ends_as_the_last_one() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can have processes counted anew");
        return;
    }
    let mut stage = in_container();
    let first = children_of(stage.pid())[0];
    upgrade(&stage).success();
    until_true("the end of the first process's work", LONG, || {
        stage.stdout().contains("\"reason\":\"replaced\"")
    });

    let new = children_of(first.as_raw_pid().cast_unsigned())[0];
    kill_process(new, Signal::KILL).unwrap();

    until_true("the end of all", LONG, || stage.has_ended());
    assert_eq!(stage.stop().code(), Some(128 + 9), "{}", stage.output());
}

fn in_container() -> Stage {
    let mut stage = Stage::start();
    stage.stop();
    let (container, real) = (stage.folder().join("container"), places::program());
    let unshare = "exec unshare --pid --fork --kill-child --mount-proc";
    let script = format!("#!/bin/sh\n{unshare} {} \"$@\"\n", real.display());
    write_script(&container, &script);
    stage.start_again_from(&container);
    stage
}

/// Of whichever thread.
fn children_of(pid: u32) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_threads = threads.filter_map(|thread| {
        // It may end meanwhile.
        fs::read_to_string(thread.ok()?.path().join("children")).ok()
    });
    let of_threads: Vec<_> = of_threads.collect();
    let numbers = of_threads.iter().flat_map(|text| text.split_whitespace());
    let pids = numbers.map(|number| Pid::from_raw(number.parse().unwrap()).unwrap());
    pids.collect()
}

/// Whoever stops it before it is the one leaves the old process with all that it needs.
#[test]
fn new_process_that_is_told_to_stop_leaves_the_old_one_alone() {
    let app = App::start();
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("http.sock");
    let gateway = Gateway::in_front_of(&app)
        .listens_also(&format!("unix:{}", socket.display()))
        .start();

    gateway.signal(Signal::QUIT);
    let new = until("the new process", LONG, || started(&gateway).nth(1));
    let new = Pid::from_raw(i32::try_from(new).unwrap()).unwrap();
    kill_process(new, Signal::TERM).unwrap();

    // In its first moment a process that is told to stop ends without a word.
    until_true("the end of the upgrade", LONG, || {
        let output = gateway.stdout();
        ["the new process: it was told to stop", "SIGTERM"]
            .iter()
            .any(|cause| output.contains(cause))
    });
    assert!(gateway.is_ready());
    assert!(UnixStream::connect(&socket).is_ok());
}

/// The numbers of the processes that have started.
fn started(gateway: &Gateway) -> impl Iterator<Item = u64> {
    let output = gateway.stdout();
    let lines = output.lines().filter(|line| line.contains(") started\""));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let pids: Vec<_> = lines.filter_map(|line| line["pid"].as_u64()).collect();
    pids.into_iter()
}

/// The old process is told, and the new one has read the configuration and opened its files before.
#[test]
fn reload_and_rotation_in_the_middle_reach_the_new_process() {
    let mut stage = Stage::with(["[access_log]\nfile = \"access.jsonl\""]);
    let file = stage.folder().join("access.jsonl");

    stage.signal(Signal::QUIT);
    until_true("the new process", LONG, || started(&stage).count() == 2);
    fs::rename(&file, stage.folder().join("access.jsonl.1")).unwrap();
    stage.reconfigure(|_, text| text + "\n[maintenance]\non = true\n");
    stage.signal(Signal::USR1);
    stage.signal(Signal::HUP);
    stage.follow();

    until_true("the new configuration", LONG, || {
        stage.get("/required").status == 503
    });
    until_true("a line in the new file", LONG, || {
        fs::read_to_string(&file)
            .unwrap_or_default()
            .contains("/required")
    });
}

#[test]
fn successor_is_not_started_by_hand() {
    let stage = Stage::start();
    let config = stage.config_file();
    let arguments = ["run", "--successor", "--config", config.to_str().unwrap()];

    let said = sidgate(stage.folder(), &arguments);

    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("sidgate upgrade"), "{said:?}");
}
