//! One process takes the place of another, and nobody else on the machine can come between.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Stage};

/// The user that nobody is.
const NOBODY: u32 = 65_534;

/// Hands a listening socket of its own over to whoever waits at the path it is given, as often as it can.
const HIJACKER: &str = r#"
import socket, sys, time
own = socket.create_server(("127.0.0.1", 0))
end = time.monotonic() + 20
while time.monotonic() < end:
    try:
        with socket.socket(socket.AF_UNIX) as new:
            new.connect(sys.argv[1])
            socket.send_fds(new, [b"sidgate sockets 1\n"], [own.fileno()])
            print("connected", flush=True)
            new.recv(100)
    except OSError as error:
        print(type(error).__name__, flush=True)
    time.sleep(0.02)
"#;

/// A folder that everybody may look into, as systemd makes it.
fn runtime_folder() -> (TempDir, PathBuf) {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("run");
    fs::create_dir(&folder).unwrap();
    open(parent.path(), 0o755);
    open(&folder, 0o755);
    (parent, folder)
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can be somebody else");
    }
    is_root
}

struct Hijacker(Child);

impl Hijacker {
    fn at(socket: &Path) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", HIJACKER]).arg(socket);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// What it has seen.
    fn end(mut self) -> String {
        self.0.kill().unwrap();
        let output = self.0.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn process_that_nobody_replaces_stays() {
    let (mut stage, sid) = Stage::with(["[server]\ndrain_timeout = \"5s\""]).and_alice();

    stage.signal(Signal::QUIT);
    until_true("a word about it", LONG, || {
        stage
            .output()
            .contains("not handed over: this process stays")
    });

    assert!(stage.is_ready());
    assert!(stage.knows(&sid));
    // It listens to what it is told as before.
    assert!(stage.hand_over().success());
    stage.wait_until_ready();
    assert!(stage.knows(&sid));
    assert!(stage.stop().success());
}

/// Somebody else may be there first and try all the time.
#[test]
fn sockets_of_another_user_are_never_taken() {
    if !is_root() {
        return;
    }
    let (_parent, folder) = runtime_folder();
    let mut stage = Stage::built(|it| {
        it.with("[server]\ndrain_timeout = \"5s\"")
            .env("RUNTIME_DIRECTORY", folder.to_str().unwrap())
    });
    let sid = stage.log_in("alice@example.com");
    let hijackers = [
        folder.join("sidgate-upgrade.sock"),
        folder.join("sidgate-upgrade/sidgate-upgrade.sock"),
    ]
    .map(|socket| Hijacker::at(&socket));

    let ended = stage.hand_over();
    stage.wait_until_ready();

    assert!(ended.success(), "{ended:?}");
    assert!(stage.knows(&sid));
    for hijacker in hijackers {
        let seen = hijacker.end();
        assert!(!seen.contains("connected"), "{seen}");
    }
}

/// Not even where the folder has been opened meanwhile.
#[test]
fn process_of_another_user_is_turned_away() {
    if !is_root() {
        return;
    }
    let (_parent, folder) = runtime_folder();
    let mut stage = Stage::built(|it| {
        it.with("[server]\ndrain_timeout = \"5s\"")
            .env("RUNTIME_DIRECTORY", folder.to_str().unwrap())
    });
    let sid = stage.log_in("alice@example.com");
    let meeting_place = folder.join("sidgate-upgrade");
    let socket = meeting_place.join("sidgate-upgrade.sock");

    let next = stage.start_successor();
    until_true("the new process to wait", LONG, || socket.exists());
    open(&meeting_place, 0o755);
    open(&socket, 0o666);
    let hijacker = Hijacker::at(&socket);
    until_true("the stranger to be noticed", LONG, || {
        next.output().contains("turned away")
    });
    open(&meeting_place, 0o700);
    let seen = hijacker.end();
    let ended = stage.make_way_for(next);

    assert!(seen.contains("connected"), "the attack was one: {seen}");
    assert!(ended.success(), "{ended:?}");
    stage.wait_until_ready();
    assert!(stage.knows(&sid));
    assert_eq!(stage.get("/").status, 200);
}

/// Each ends the new process with a word about the configuration, before it has touched anything.
#[test]
fn folders_in_which_others_could_come_between_are_refused() {
    type Prepare = fn(&Path);
    let mut cases: Vec<(&str, Prepare)> = vec![
        ("can be written to by others", |folder| open(folder, 0o777)),
        ("can be written to by others", |folder| open(folder, 0o1777)),
        ("can be written to by others", |folder| open(folder, 0o775)),
        ("is open to others", |folder| {
            fs::create_dir(folder.join("sidgate-upgrade")).unwrap();
            open(&folder.join("sidgate-upgrade"), 0o777);
        }),
        ("is not a folder, or a link to one", |folder| {
            symlink("/tmp", folder.join("sidgate-upgrade")).unwrap();
        }),
    ];
    if is_root() {
        cases.push(("belongs to user 65534", |folder| {
            let own = folder.join("sidgate-upgrade");
            fs::create_dir(&own).unwrap();
            open(&own, 0o700);
            chown(&own, Some(NOBODY), None).unwrap();
        }));
        cases.push(("belongs to user 65534", |folder| {
            chown(folder, Some(NOBODY), None).unwrap();
        }));
    }
    let app = App::start();
    for (why, prepare) in cases {
        let (_parent, folder) = runtime_folder();
        prepare(&folder);

        let outcome = Gateway::in_front_of(&app)
            .env("RUNTIME_DIRECTORY", folder.to_str().unwrap())
            .upgrade_to_the_end();

        assert_eq!(outcome.code, Some(78), "{why}: {outcome:?}");
        assert!(outcome.stderr.contains(why), "{why}: {outcome:?}");
        assert!(
            outcome.stderr.contains("RuntimeDirectoryMode=0700"),
            "{outcome:?}"
        );
    }
}
