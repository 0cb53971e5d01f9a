//! Servers that end with the tests, also when those are killed.

#![expect(clippy::expect_used, reason = "test support")]

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Starts a shell that waits until the process `owner` is gone, or until `done` fails, and then runs `cleanup`. It has a
/// process group of its own and ignores what a terminal sends, so it outlives whoever it cleans up after.
#[expect(clippy::zombie_processes, reason = "it is there to outlive us")]
pub(super) fn clean_up_after(owner: u32, done: &str, cleanup: &str) {
    let script = format!(
        "trap '' HUP INT TERM; while kill -0 {owner} 2>/dev/null && {done}; do sleep 0.2; done; {cleanup}"
    );
    detached(Command::new("sh").args(["-c", &script]))
        .spawn()
        .expect("sh starts");
}

/// Cuts a command off from the terminal and from the pipes of the test runner, which waits for them to be closed.
pub(super) fn detached(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
}

/// A port that nobody listens on just now. Somebody else may be faster, so whoever uses it tries again with another.
pub(super) fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
    socket.local_addr().expect("it has an address").port()
}

/// The newest file `name` among the usual directories and those of PATH.
pub(super) fn program(name: &str, directories: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = directories
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(name));
    found
        .find(|file| file.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// Asks every 20 ms, up to 20 s, until the answer is yes.
pub(super) fn eventually(mut done: impl FnMut() -> bool) -> bool {
    (0..1_000).any(|_| {
        done() || {
            thread::sleep(Duration::from_millis(20));
            false
        }
    })
}

/// Drives a future on a thread and a runtime of its own: works inside and outside of another runtime, and in `drop`.
pub(super) fn blocking<T: Send>(future: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(future)
        });
        worker.join().expect("the future does not panic")
    })
}

/// A directory as a word of a shell script.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
