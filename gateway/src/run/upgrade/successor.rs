//! The old process's side: starts the new process, and hears of it.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use tracing::warn;

use super::line::{Heard, Line};
use super::program;
use super::{
    FAILED, FIRST_STEPS, GO, KEPT, OWN, READY_LIMIT, SOCKETS, TAKEN, UpgradeFailed, WORD_LIMIT,
};

/// Between two looks whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is started to take the place of this process.
#[derive(Clone, Debug)]
pub(in crate::run) struct Program {
    path: PathBuf,
    arguments: Vec<PathBuf>,
    /// How long it has until it listens.
    limit: Duration,
}

impl Program {
    /// The program of this process, with the configuration at `config`. Asked at the start.
    ///
    /// # Errors
    /// When the system does not say what runs.
    pub(in crate::run) fn of_this_process(config: &Path) -> io::Result<Self> {
        let arguments = ["run", "--successor", "--config"].map(PathBuf::from);
        Ok(Self {
            path: program::path()?,
            arguments: arguments.into_iter().chain([config.to_owned()]).collect(),
            // What the new process says of its own accord comes first.
            limit: READY_LIMIT + WORD_LIMIT,
        })
    }

    #[cfg(test)]
    pub(super) fn other(path: &Path, arguments: &[&str], limit: Duration) -> Self {
        Self {
            path: path.to_owned(),
            arguments: arguments.iter().map(PathBuf::from).collect(),
            limit,
        }
    }
}

/// The new process, which serves beside this one and is not yet told that it is the one. Dropped, it is ended.
#[derive(Debug)]
pub(in crate::run) struct Successor {
    /// `None` when it needs nobody any more.
    child: Option<Child>,
    line: Line,
    version: String,
}

impl Successor {
    /// Starts `program` with these listening sockets, and waits until it serves. Blocks. With each socket comes whether the
    /// service manager keeps it.
    ///
    /// # Errors
    /// When it does not serve: then it has been ended, and nothing has changed.
    pub(in crate::run) fn start(
        program: &Program,
        sockets: &[(BorrowedFd<'_>, bool)],
    ) -> Result<Self, UpgradeFailed> {
        let (line, its_end) = Line::pair()?;
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).stdin(its_end);
        // It names this process: the new one has the same watchdog.
        command.env_remove("WATCHDOG_PID");
        let child = command.spawn();
        // Its end of the line: when that is closed, it has ended.
        drop(command);
        let mut successor = Self {
            child: Some(child.map_err(|source| UpgradeFailed::NotStarted {
                path: program.path.clone(),
                source,
            })?),
            line,
            version: String::new(),
        };
        match successor.give(sockets) {
            // It has ended already, and may have said why.
            Err(UpgradeFailed::Io(error)) if error.kind() == ErrorKind::BrokenPipe => {}
            given => given?,
        }
        successor.version = successor.hear_taken(program.limit)?;
        successor.live_on(FIRST_STEPS)?;
        Ok(successor)
    }

    fn give(&self, sockets: &[(BorrowedFd<'_>, bool)]) -> Result<(), UpgradeFailed> {
        let letters = sockets
            .iter()
            .map(|(_, is_kept)| if *is_kept { KEPT } else { OWN });
        let message: Vec<u8> = SOCKETS.iter().copied().chain(letters).collect();
        let sockets: Vec<_> = sockets.iter().map(|(socket, _)| *socket).collect();
        Ok(self.line.say(&message, &sockets)?)
    }

    fn hear_taken(&mut self, limit: Duration) -> Result<String, UpgradeFailed> {
        match self.line.hear(limit)? {
            Heard::Message(message, _) => match message.strip_prefix(TAKEN) {
                Some(version) => Ok(String::from_utf8_lossy(version).into_owned()),
                None => Err(refused(&message)),
            },
            Heard::End => Err(self.ended()),
            Heard::Silence => Err(UpgradeFailed::Late(limit)),
        }
    }

    /// Looks once more whether it serves, at once: what follows cannot be taken back.
    ///
    /// # Errors
    /// When it has ended, or says that it ends.
    pub(in crate::run) fn still_serves(&mut self) -> Result<(), UpgradeFailed> {
        self.live_on(Duration::ZERO)?;
        match self.child.as_mut().map(Child::try_wait).transpose()? {
            Some(Some(status)) => Err(UpgradeFailed::Ended(status)),
            _ => Ok(()),
        }
    }

    /// One that dies in its first steps has taken nothing over. Meanwhile both serve.
    fn live_on(&mut self, limit: Duration) -> Result<(), UpgradeFailed> {
        match self.line.hear(limit)? {
            Heard::Silence => Ok(()),
            Heard::End => Err(self.ended()),
            Heard::Message(message, _) => Err(refused(&message)),
        }
    }

    /// It has closed its end of the line, as the end of a process does.
    fn ended(&mut self) -> UpgradeFailed {
        for _ in 0..looks_in(WORD_LIMIT) {
            match self.child.as_mut().map(Child::try_wait) {
                Some(Ok(Some(status))) => return UpgradeFailed::Ended(status),
                Some(Ok(None)) => thread::sleep(LOOK_EVERY),
                Some(Err(error)) => return error.into(),
                None => break,
            }
        }
        UpgradeFailed::OtherWords
    }

    /// The number of the new process.
    pub(in crate::run) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Its version and commit.
    pub(in crate::run) fn version(&self) -> &str {
        &self.version
    }

    /// Tells it that it is the one. From then on it needs this process no more.
    ///
    /// # Errors
    /// When it has ended after all.
    pub(in crate::run) fn confirm(mut self) -> Result<(), UpgradeFailed> {
        self.line.say(GO, &[])?;
        if let Some(child) = self.child.take() {
            let_go(child);
        }
        Ok(())
    }
}

/// It may end before this process does, which is still draining, and is not to stay as a zombie.
fn let_go(mut child: Child) {
    // All of the children of process 1 are let go by `first_process`, which wants to know how the last one ended.
    if std::process::id() == 1 {
        return;
    }
    let thread = thread::Builder::new().name("sidgate-child".to_owned());
    let waiting = thread.spawn(move || {
        // Whoever supervises it learns from its log how it ended.
        let _status = child.wait();
    });
    if let Err(cause) = waiting {
        warn!(%cause, "nobody waits for the end of the new process");
    }
}

const fn looks_in(wait: Duration) -> u128 {
    wait.as_millis() / LOOK_EVERY.as_millis()
}

fn refused(message: &[u8]) -> UpgradeFailed {
    message
        .strip_prefix(FAILED)
        .map_or(UpgradeFailed::OtherWords, |cause| {
            UpgradeFailed::Refused(String::from_utf8_lossy(cause).into_owned())
        })
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}
