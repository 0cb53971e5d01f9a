//! What a service manager hears of the process: the very datagrams of sd_notify(3).

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use sidgate_testkit::Stage;
use sidgate_testkit::port::free_port;
use sidgate_testkit::wait::{LONG, until_true};

/// Stops single threads of a process, until it is killed: those that have the name of the second argument.
const FREEZER: &str = r#"
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
SEIZE, INTERRUPT = 0x4206, 0x4207
pid, name = sys.argv[1:]
for thread in os.listdir(f"/proc/{pid}/task"):
    with open(f"/proc/{pid}/task/{thread}/comm") as comm:
        if comm.read().strip() != name:
            continue
    for request in SEIZE, INTERRUPT:
        if libc.ptrace(request, int(thread), None, None):
            sys.exit(os.strerror(ctypes.get_errno()))
print("frozen", flush=True)
time.sleep(60)
"#;

struct Manager {
    folder: TempDir,
    heard: Receiver<String>,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let (hear, heard) = channel();
        // As systemd does: nobody who speaks has to wait.
        thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(length) = socket.recv(&mut bytes) {
                let said = String::from_utf8(bytes[..length].to_vec()).unwrap();
                if hear.send(said).is_err() {
                    return;
                }
            }
        });
        Self { folder, heard }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// A gateway whose manager this is.
    fn stage(&self, variables: &[(&str, &str)]) -> Stage {
        Stage::built(|it| {
            let it = it
                .with("[server]\ndrain_timeout = \"5s\"\nunready_before_drain = \"100ms\"")
                .env("NOTIFY_SOCKET", self.path().to_str().unwrap());
            variables
                .iter()
                .fold(it, |it, (name, value)| it.env(name, value))
        })
    }

    fn hear(&self) -> String {
        self.hear_soon(LONG).expect("a word")
    }

    /// `None`: nothing is said in this time.
    fn hear_soon(&self, limit: Duration) -> Option<String> {
        self.heard.recv_timeout(limit).ok()
    }

    /// The end of the start, which may be known before everything is ready.
    fn hear_ready(&self, stage: &Stage) -> String {
        let ready = format!("READY=1\nSTATUS=Serving {}\n", stage.origin());
        let said = self.hear();
        if said != ready {
            assert!(said.starts_with("READY=1\nSTATUS=Not ready"), "{said}");
            assert_eq!(self.hear(), ready.replace("READY=1\n", ""));
        }
        ready
    }

    fn hear_reload(&self, ready: &str) {
        let said = self.hear();
        let time = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        let time = time.and_then(|time| time.strip_suffix('\n'));
        let time: u64 = time.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
        assert!(time > 0);
        assert_eq!(self.hear(), ready);
    }

    fn hear_stop(&self) {
        // 100 ms, 5 s, and ten more.
        let expected = "STOPPING=1\nSTATUS=Draining\nEXTEND_TIMEOUT_USEC=15100000\n";
        assert_eq!(self.hear(), expected);
    }
}

#[test]
fn start_reloads_and_stop_are_told() {
    let manager = Manager::new();
    let mut stage = manager.stage(&[]);
    let ready = manager.hear_ready(&stage);

    stage.signal(Signal::HUP);
    manager.hear_reload(&ready);

    stage.reconfigure(|_, text| text + "\nsesion = 1\n");
    stage.signal(Signal::HUP);
    manager.hear_reload(&ready);
    // Lines are written behind what happens.
    until_true("the line", LONG, || {
        stage.output().contains("configuration not reloaded")
    });

    assert!(stage.stop().success());
    manager.hear_stop();
    assert_eq!(manager.hear_soon(Duration::from_millis(1)), None);
}

#[test]
fn maintenance_shows_in_the_status() {
    let manager = Manager::new();
    let stage = manager.stage(&[]);
    manager.hear();

    stage.reconfigure(|_, text| text + "\n[maintenance]\non = true\n");
    stage.signal(Signal::HUP);

    let status = format!("STATUS=Maintenance of {}\n", stage.origin());
    until_true("the status", LONG, || manager.hear().ends_with(&status));
}

/// The old process names the new one before that says a word, and says nothing afterwards.
#[test]
fn upgrade_moves_the_main_process() {
    let manager = Manager::new();
    let mut stage = manager.stage(&[]);
    let ready = manager.hear_ready(&stage);

    assert!(stage.hand_over().success());

    assert_eq!(manager.hear(), format!("MAINPID={}\n", stage.pid()));
    assert_eq!(manager.hear(), ready);
    // Whoever asked the old process for a reload meanwhile.
    manager.hear_reload(&ready);
    assert!(stage.stop().success());
    manager.hear_stop();
}

#[test]
fn upgrade_that_fails_is_not_told() {
    let manager = Manager::new();
    let stage = manager.stage(&[]);
    manager.hear_ready(&stage);

    stage.reconfigure(|_, text| text + "\nsesion = 1\n");
    stage.signal(Signal::QUIT);
    until_true("the end of the upgrade", LONG, || {
        stage.output().contains("not upgraded: this process stays")
    });

    assert_eq!(manager.hear_soon(Duration::from_millis(1)), None);
    assert!(stage.is_ready());
}

struct Freezer(Child);

impl Freezer {
    fn of(stage: &Stage, threads: &str) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", FREEZER, &stage.pid().to_string(), threads]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut word = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut word).unwrap();
        assert_eq!(&word, b"frozen");
        Self(child)
    }
}

impl Drop for Freezer {
    /// The threads go on.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Each runtime is stopped, with all its threads, while everything else goes on.
#[test]
fn runtime_that_is_stuck_ends_the_words_to_the_watchdog() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can stop single threads of any process");
        return;
    }
    let manager = Manager::new();
    let edges = free_port();
    let stage = Stage::built(|it| {
        it.with(&format!("[authz]\nlisten = [\"127.0.0.1:{edges}\"]"))
            .env("NOTIFY_SOCKET", manager.path().to_str().unwrap())
            .env("WATCHDOG_USEC", "400000")
    });
    manager.hear_ready(&stage);
    until_true("the words", LONG, || manager.hear() == "WATCHDOG=1\n");

    let stuck = || {
        stage
            .output()
            .matches("no watchdog message was sent")
            .count()
    };
    for threads in ["sidgate-core", "sidgate", "sidgate-authz", "sidgate-admin"] {
        let before = stuck();
        let freezer = Freezer::of(&stage, threads);
        until_true("a word about it", LONG, || stuck() > before);
        // What was said before it was noticed.
        while manager.hear_soon(Duration::from_millis(1)).is_some() {}
        assert_eq!(manager.hear_soon(Duration::from_millis(500)), None);
        drop(freezer);
        until_true("the words", LONG, || manager.hear() == "WATCHDOG=1\n");
    }
}

/// The successor has the same watchdog, although its number is another one.
#[test]
fn watchdog_watches_the_successor() {
    let manager = Manager::new();
    let mut stage = manager.stage(&[("WATCHDOG_USEC", "400000")]);

    stage.hand_over();

    let main = format!("MAINPID={}\n", stage.pid());
    until_true("the new main process", LONG, || manager.hear() == main);
    until_true("its words", LONG, || manager.hear() == "WATCHDOG=1\n");
}
