//! How long a store waits.

use std::time::Duration;

/// Limits of a [`SqliteStore`](super::SqliteStore).
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Longest read, waiting included.
    pub read_timeout: Duration,
    /// Longest write, waiting included.
    pub write_timeout: Duration,
    /// Longest heartbeat.
    pub pulse_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_millis(250),
            write_timeout: Duration::from_secs(2),
            pulse_timeout: Duration::from_millis(400),
        }
    }
}
