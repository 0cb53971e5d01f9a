//! What came of a reload.

use std::path::PathBuf;
use std::time::Duration;

use super::requests::Requests;
use crate::telemetry::labels::Reload;

/// Longest wait for the end of a reload, of whoever asked for one.
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

/// Where a reload is asked for.
pub(crate) fn requests() -> Requests<Reloaded> {
    Requests::new(PATIENCE)
}
