//! How long Redis is waited for, and how it is spoken to.

use std::time::Duration;

use super::KeyPrefix;
use crate::credentials::Login;
use crate::trust::Trust;

/// Settings of a [`RedisCache`](super::RedisCache). Every wait has a limit.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Longest wait for one command.
    pub command_timeout: Duration,
    /// Longest time to open a connection, TLS and authentication included.
    pub connect_timeout: Duration,
    /// Whose certificates are believed, and which one is shown.
    pub trust: Trust,
    /// Where the password of new connections comes from, when it may change. It wins over that of the URL. Towards sentinels
    /// it is read once.
    pub login: Option<Login>,
    /// What stands in front of the names of keys and of the channel.
    pub prefix: KeyPrefix,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            command_timeout: Duration::from_millis(50),
            connect_timeout: Duration::from_secs(1),
            trust: Trust::default(),
            login: None,
            prefix: KeyPrefix::default(),
        }
    }
}
