//! A process that a test owns: its output is kept, and it does not outlive the test.

use std::fs::{self, OpenOptions};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};

use super::{secrets, wait};

/// Until a process that was asked to stop is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Lines of output that are shown when a test fails.
const SHOWN_LINES: usize = 60;

/// Util-linux's `setpriv` has the kernel kill a child whose parent is gone.
static HAS_SETPRIV: LazyLock<bool> = LazyLock::new(|| {
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
});

/// A running process.
pub struct Process {
    name: String,
    owned: Owned,
    out: PathBuf,
    err: PathBuf,
}

enum Owned {
    Child(Child),
    /// A child of one that has ended since, or will, and how it ended.
    Adopted(Pid, Option<ExitStatus>),
}

/// A command for `program` that dies with this test, where the system can do that.
pub fn guarded(program: &Path) -> Command {
    if !*HAS_SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Process {
    /// Starts `command`; its output is appended to files named `name` in `folder`.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let out = folder.join(format!("{name}.out"));
        let err = folder.join(format!("{name}.err"));
        let append = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            Stdio::from(file.unwrap())
        };
        // Whatever outlives its parent becomes a child of the test, and can be waited for.
        set_child_subreaper(Some(getpid())).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(append(&out))
            .stderr(append(&err))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self {
            name: name.to_owned(),
            owned: Owned::Child(child),
            out,
            err,
        }
    }

    /// The process that it has started to take its place. Both write to the same files.
    pub fn succeeded_by(&self, pid: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        Self {
            name: self.name.clone(),
            owned: Owned::Adopted(pid, None),
            out: self.out.clone(),
            err: self.err.clone(),
        }
    }

    /// How it ended, if it has. Of one that was adopted it is not known before its parent has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        match &mut self.owned {
            Owned::Child(child) => child.try_wait().unwrap(),
            Owned::Adopted(pid, status) => {
                if status.is_none() {
                    let waited = waitpid(Some(*pid), WaitOptions::NOHANG).ok().flatten();
                    *status = waited.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
                }
                *status
            }
        }
    }

    fn pid(&self) -> Pid {
        match &self.owned {
            Owned::Child(child) => Pid::from_child(child),
            Owned::Adopted(pid, _) => *pid,
        }
    }

    /// Waits until it is `ready`, such as until it listens.
    pub fn wait_until(&mut self, ready: impl Fn() -> bool) {
        let name = self.name.clone();
        wait::until(&name, wait::LONG, || {
            assert!(self.ended().is_none(), "{name} has ended");
            ready().then_some(())
        });
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.pid().as_raw_nonzero().get().unsigned_abs()
    }

    /// Its arguments, as everybody on this machine can read them.
    pub fn command_line(&self) -> String {
        let read = fs::read(format!("/proc/{}/cmdline", self.id()));
        String::from_utf8_lossy(&read.unwrap()).into_owned()
    }

    /// Memory that it holds, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|rest| rest.split_whitespace().next());
        size.expect("a size").parse().unwrap()
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        let tasks = format!("/proc/{}/task", self.id());
        fs::read_dir(tasks).unwrap().count()
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Asks it to stop, kills it when it does not, and returns how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        if let Some(status) = self.ended() {
            return status;
        }
        self.signal(Signal::TERM);
        let start = wait::instant();
        while start.elapsed() < STOP_LIMIT {
            if let Some(status) = self.ended() {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> ExitStatus {
        // Its number may be somebody else's by now.
        if let Some(status) = self.ended() {
            return status;
        }
        // Fails only if it has ended meanwhile.
        let _ended = kill_process(self.pid(), Signal::KILL);
        wait::until("the end of a process", wait::LONG, || self.ended())
    }

    /// What it has written to stdout.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.out).unwrap_or_default()).into_owned()
    }

    /// What it has written to stderr.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap_or_default()).into_owned()
    }

    /// Everything it has written.
    pub fn output(&self) -> String {
        self.stdout() + &self.stderr()
    }

    /// Read by whoever runs the tests.
    fn show_last_lines(&self) {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let first = lines.len().saturating_sub(SHOWN_LINES);
        eprintln!("--- last output of {} ---", self.name);
        for line in lines.get(first..).unwrap_or_default() {
            eprintln!("{line}");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            self.show_last_lines();
        } else if self.name == "sidgate" {
            secrets::must_not_be_in(&self.output(), "a log");
        }
    }
}
