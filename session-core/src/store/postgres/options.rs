//! How long a store waits, and how many connections it opens.

use std::time::Duration;

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
    /// Certificates (PEM) of authorities to trust beside the public ones.
    pub root_certificates: Option<Vec<u8>>,
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
            root_certificates: None,
        }
    }
}

impl PostgresOptions {
    /// Limits of the connections for lists and what operators ask. Who asks waits for a turn, as long as an answer may take.
    pub(super) fn for_operators(&self) -> Self {
        /// Questions that are answered at the same time.
        const AT_A_TIME: usize = 2;
        Self {
            max_connections: AT_A_TIME,
            acquire_timeout: self.write_timeout,
            ..self.clone()
        }
    }
}
