//! The servers of apps at the moment of a scrape.

use std::fmt;

/// One server of one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerReading {
    /// The app's name in the configuration.
    pub upstream: String,
    /// The server's address.
    pub server: String,
    /// Whether it gets requests.
    pub is_healthy: bool,
    /// Requests under way.
    pub busy: usize,
}

/// Whoever knows the servers.
pub(crate) trait ReadServers: fmt::Debug + Send + Sync {
    /// All of them.
    fn read_servers(&self) -> Vec<ServerReading>;
}
