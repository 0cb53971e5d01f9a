//! The way to ask for a reload, and what came of it. One is done at a time, whoever asks.

use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::telemetry::labels::Reload;

/// Reloads that wait for their turn.
const WAITING_MAX: usize = 4;
/// Longest wait for the end of a reload, of whoever asked for one. It goes on.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// The configuration file.
    pub file: PathBuf,
    /// What became of its content.
    pub result: ReloadResult,
    /// What was not taken over all the same: a certificate whose files are not good.
    pub warnings: Vec<String>,
}

/// What became of the content of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReloadResult {
    /// It is in use. What is different is named by key or section.
    Reloaded {
        /// Keys, and sections of many keys.
        changed: Vec<&'static str>,
    },
    /// It has faults, and nothing of it is in use.
    Refused {
        /// Each fault.
        faults: Vec<String>,
    },
    /// It would change what cannot be changed while the gateway runs, and nothing of it is in use.
    NeedsRestart {
        /// These keys.
        keys: Vec<&'static str>,
    },
}

impl From<&ReloadResult> for Reload {
    fn from(result: &ReloadResult) -> Self {
        match result {
            ReloadResult::Reloaded { .. } => Self::Reloaded,
            ReloadResult::Refused { .. } => Self::Refused,
            ReloadResult::NeedsRestart { .. } => Self::NeedsRestart,
        }
    }
}

/// Why there is no answer to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Too many wait already.
    Busy,
    /// It takes longer than anybody waits.
    Late,
}

/// Somebody who waits for the end of a reload.
pub(crate) type Asker = oneshot::Sender<Reloaded>;

/// Where reloads are asked for.
#[derive(Debug)]
pub(crate) struct Reloads {
    ask: mpsc::Sender<Asker>,
    asked: Mutex<Option<mpsc::Receiver<Asker>>>,
}

impl Default for Reloads {
    fn default() -> Self {
        let (ask, asked) = mpsc::channel(WAITING_MAX);
        Self {
            ask,
            asked: Mutex::new(Some(asked)),
        }
    }
}

impl Reloads {
    /// Asks for a reload, and waits until it has ended.
    ///
    /// # Errors
    /// When nobody can say how it ends.
    pub(crate) async fn ask(&self) -> Result<Reloaded, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        self.ask.try_send(answer).map_err(|_full| NoAnswer::Busy)?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(reloaded)) => Ok(reloaded),
            Ok(Err(_)) | Err(_) => Err(NoAnswer::Late),
        }
    }

    /// Those who ask, for the one task that does it.
    pub(crate) fn asked(&self) -> Option<mpsc::Receiver<Asker>> {
        self.asked.lock().take()
    }
}
