//! The program's commands, run to their end.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::places::program;

/// Longer than any command takes that ends by itself.
const LIMIT_SECONDS: &str = "30";

/// What a command has done.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Its output, when it has succeeded.
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Everything it has written.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs `sidgate` with these arguments in `folder`; one that does not end is ended, with code 124.
pub fn sidgate(folder: &Path, arguments: &[&str]) -> Outcome {
    sidgate_with(&[], folder, arguments)
}

/// The same with further environment variables.
pub fn sidgate_with(
    environment: &[(String, String)],
    folder: &Path,
    arguments: &[&str],
) -> Outcome {
    let mut command = command(folder, arguments);
    command.envs(environment.iter().cloned());
    command.output().unwrap().into()
}

/// The same with bytes on its standard input.
pub fn sidgate_fed(input: &[u8], folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = command(folder, arguments);
    let pipe = || Stdio::piped();
    let command = command.stdin(pipe()).stdout(pipe()).stderr(pipe());
    let mut child = command.spawn().unwrap();
    // It may have ended before it has read everything.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap().into()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after", "1", LIMIT_SECONDS])
        .arg(program())
        .args(arguments)
        .current_dir(folder);
    clean_environment(&mut command);
    command
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Takes away the variables that would change what the configuration says.
pub fn clean_environment(command: &mut Command) {
    let overrides = [
        "REDIS_URL",
        "SIDGATE_CONFIG",
        "SESSION_CACHE_TTL",
        "ENABLE_SESSION_METRICS",
        "RUST_LOG",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "JOURNAL_STREAM",
    ];
    for name in overrides {
        command.env_remove(name);
    }
}
