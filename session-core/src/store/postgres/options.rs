//! How long a store waits, and how many connections it opens.

use std::time::Duration;

use crate::credentials::Login;
use crate::trust::Trust;

/// Limits of a [`PostgresStore`](super::PostgresStore). Every wait has one.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Most connections beside the one of the heartbeat, the one of the hints and the two for lists and operators.
    pub max_connections: usize,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// Longest time to open a connection, TLS and authentication included.
    pub connect_timeout: Duration,
    /// Longest read, once there is a connection.
    pub read_timeout: Duration,
    /// Longest write, once there is a connection; also the server's `statement_timeout`.
    pub write_timeout: Duration,
    /// Longest heartbeat, connecting included.
    pub pulse_timeout: Duration,
    /// Whose certificates are believed, and which one is shown.
    pub trust: Trust,
    /// Where user and password of new connections come from, when they may change. They win over those of the URL.
    pub login: Option<Login>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire_timeout: Duration::from_millis(100),
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_millis(250),
            write_timeout: Duration::from_secs(2),
            pulse_timeout: Duration::from_millis(400),
            trust: Trust::default(),
            login: None,
        }
    }
}
