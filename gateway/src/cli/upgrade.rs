//! `sidgate upgrade`: has the running gateway start its successor, and prints what it says.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::asking::{self, Call};
use super::say;
use crate::run::wiring::WiringError;

const CALL: Call = Call {
    path: "/api/admin/upgrade",
    is: "upgrade",
    not_done: "not upgraded",
    timeout: Duration::from_secs(70),
    otherwise: "SIGQUIT needs none",
};

/// What the running gateway says.
#[derive(Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Answer {
    Upgraded {
        before: String,
        after: String,
        pid_before: u32,
        pid: u32,
        took_ms: u64,
    },
    Failed {
        cause: String,
    },
}

/// Asks the process behind `server.admin_listen` of this file.
pub(super) fn run(path: &Path) -> Result<(), WiringError> {
    match asking::ask(path, &CALL)? {
        Answer::Upgraded {
            before,
            after,
            pid_before,
            pid,
            took_ms,
        } => {
            let (seconds, tenths) = (took_ms / 1_000, took_ms % 1_000 / 100);
            say(&format!(
                "upgraded: {before} -> {after}, process {pid_before} -> {pid}, in {seconds}.{tenths} s"
            ))
        }
        Answer::Failed { cause } => Err(WiringError::Process(format!("not upgraded: {cause}"))),
    }
}
