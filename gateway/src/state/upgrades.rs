//! What came of an upgrade: another process in the place of this one.

use std::time::Duration;

use super::requests::Requests;

/// Longest wait for the end of an upgrade: longer than a new process is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process that has taken the place of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// Version and commit of this process.
    pub before: &'static str,
    /// Those of the new one.
    pub after: String,
    /// Its number.
    pub pid: u32,
    /// From the request until it served alone.
    pub took: Duration,
}

/// What came of an upgrade, or why this process goes on.
pub(crate) type Upgraded = Result<Replaced, String>;

/// Where an upgrade is asked for.
pub(crate) fn requests() -> Requests<Upgraded> {
    Requests::new(PATIENCE)
}
