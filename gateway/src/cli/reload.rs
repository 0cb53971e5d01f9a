//! `sidgate reload`: asks the running gateway to read its configuration again, and prints what it says.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::asking::{self, Call};
use super::{complain, say};
use crate::run::wiring::WiringError;

const CALL: Call = Call {
    path: "/api/admin/reload",
    is: "reload",
    not_done: "not reloaded",
    timeout: Duration::from_secs(40),
    otherwise: "SIGHUP needs none",
};

/// What the running gateway says.
#[derive(Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Answer {
    Reloaded {
        file: String,
        changed: Vec<String>,
        warnings: Vec<String>,
    },
    Refused {
        file: String,
        faults: Vec<String>,
        warnings: Vec<String>,
    },
    NeedsRestart {
        file: String,
        keys: Vec<String>,
        warnings: Vec<String>,
    },
}

/// Asks the process behind `server.admin_listen` of this file.
pub(super) fn run(path: &Path) -> Result<(), WiringError> {
    let answer = asking::ask(path, &CALL)?;
    let (file, warnings) = match &answer {
        Answer::Reloaded { file, warnings, .. }
        | Answer::Refused { file, warnings, .. }
        | Answer::NeedsRestart { file, warnings, .. } => (file, warnings),
    };
    let theirs = std::fs::canonicalize(file);
    if theirs.is_ok_and(|theirs| std::fs::canonicalize(path).is_ok_and(|ours| ours != theirs)) {
        warn(&format!("that gateway runs with another file: {file}"));
    }
    warnings.iter().for_each(|warning| warn(warning));
    match answer {
        Answer::Reloaded { changed, .. } if changed.is_empty() => {
            say("reloaded: nothing is different")
        }
        Answer::Reloaded { changed, .. } => say(&format!("reloaded: {}", changed.join(", "))),
        Answer::Refused { file, faults, .. } => {
            let faults = faults.iter().map(|fault| format!("\n  {fault}"));
            let faults: String = faults.collect();
            Err(WiringError::NotReloaded(format!(
                "not reloaded: {file}:{faults}"
            )))
        }
        Answer::NeedsRestart { keys, .. } => Err(WiringError::Process(format!(
            "not reloaded: needs a restart: {}",
            keys.join(", ")
        ))),
    }
}

fn warn(text: &str) {
    complain(&WiringError::Process(format!("warning: {text}")));
}
