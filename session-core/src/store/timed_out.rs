//! A wait that came to its end.

use std::fmt;
use std::time::Duration;

use crate::clock::millis;

/// What was waited for, how long, and what had gone wrong before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    millis: u64,
    wait: Wait,
    address: Option<String>,
    key: Option<&'static str>,
    before: Option<String>,
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The answer to a question.
    Answer,
    /// A connection that is free, among those that are open.
    Turn,
    /// A new connection.
    Connection,
}

impl TimedOut {
    /// No answer within `limit`.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        Self {
            millis: millis(limit),
            wait: Wait::Answer,
            address: None,
            key: None,
            before: None,
        }
    }

    /// What was waited for.
    #[must_use]
    pub fn waiting_for(self, wait: Wait) -> Self {
        Self { wait, ..self }
    }

    /// With whom.
    #[must_use]
    pub fn with(self, address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            ..self
        }
    }

    /// The key of the configuration that sets the limit.
    #[must_use]
    pub fn set_by(self, key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// Why the last attempt to connect had failed, which is likely why nothing came.
    #[must_use]
    pub fn since(self, before: Option<String>) -> Self {
        Self { before, ..self }
    }

    /// How long it was waited.
    #[must_use]
    pub const fn millis(&self) -> u64 {
        self.millis
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.wait {
            Wait::Answer => "no answer",
            Wait::Turn => "no connection became free",
            Wait::Connection => "no connection",
        })?;
        if let Some(address) = &self.address {
            write!(f, " with {address}")?;
        }
        write!(f, " within {} ms", self.millis)?;
        if let Some(key) = self.key {
            write!(f, " ({key})")?;
        }
        match &self.before {
            Some(before) => write!(f, "; the last attempt to connect: {before}"),
            None => Ok(()),
        }
    }
}
