//! One process takes the place of another, and nobody is refused meanwhile.
//!
//! The running process starts the program that is on the disk now, as its child, with one end of a line as its standard input
//! (`line`), and sends its listening sockets along it. The new process reads the configuration, gets ready, listens, and says
//! so. When it has lived on for a moment it is told that it is the one, and the old process drains. Until then the old one
//! serves on. An upgrade that fails leaves it as it was, but for the schema: with a SQLite file, or with `store.auto_migrate`,
//! the new process brings that into order before it is ready.
//!
//! | file | does |
//! |---|---|
//! | `line` | messages between the two, and sockets |
//! | `program` | the file that is started |
//! | `successor` | the old process's side |
//! | `predecessor` | the new process's side |

mod line;
mod predecessor;
mod program;
mod successor;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

pub(super) use self::predecessor::Predecessor;
pub(super) use self::successor::{Program, Successor};

/// How long the new process has to get ready.
pub(super) const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long the new process has to live, and serve, before it is the one.
const FIRST_STEPS: Duration = Duration::from_secs(2);
/// How long each waits for a word of the other that is due.
const WORD_LIMIT: Duration = Duration::from_secs(10);

/// Comes with the sockets; a letter for each follows. The number is that of this protocol.
const SOCKETS: &[u8] = b"sidgate sockets 2\n";
/// Letter of a socket whose file is to be removed in the end.
const OWN: u8 = b'o';
/// Letter of a socket that the service manager keeps.
const KEPT: u8 = b'k';
/// The new process listens; its version follows.
const TAKEN: &[u8] = b"taken\n";
/// The new process ends; the cause follows.
const FAILED: &[u8] = b"failed\n";
/// The new process is the one.
const GO: &[u8] = b"go\n";

/// Why one process has not taken the place of another.
#[derive(Debug, Error)]
pub(crate) enum UpgradeFailed {
    /// There is nothing to start.
    #[error("{path} cannot be started: {source}")]
    NotStarted {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not known what to start.
    #[error("the system does not say which program runs: {0}")]
    NoProgram(String),
    /// The new process has said why it ends.
    #[error("the new process: {0}")]
    Refused(String),
    /// The new process has ended and has not said why.
    #[error("the new process has ended ({0}); the log may say why")]
    Ended(ExitStatus),
    /// The new process has not come to an end.
    #[error("the new process was not there within {0:?}")]
    Late(Duration),
    /// The other process says something else.
    #[error("the other process does not speak of sockets, or is of another version")]
    OtherWords,
    /// The store or the like is away. The old process is no worse.
    #[error("not ready within {0:?}, failing: {1}")]
    NotReady(Duration, String),
    /// There is no old process.
    #[error(
        "--successor is for the running gateway, which starts its successor itself: `sidgate upgrade`"
    )]
    NoLine,
    /// What was handed over is no listening socket.
    #[error("what was handed over is not made of listening sockets")]
    NotListening,
    /// The old process has ended, or changed its mind.
    #[error("the old process has ended without a word")]
    Forsaken,
    /// The system refused something.
    #[error("upgrade: {0}")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests;
