//! What a receiver has done with spans, or why it has not taken them.

use std::time::Duration;

use thiserror::Error;

/// What a receiver has done with spans.
#[derive(Debug)]
pub(crate) struct Taken {
    /// So many it did not want.
    pub(crate) rejected: u64,
    /// Why, in its own words.
    pub(crate) why: String,
}

/// Why spans were not taken. Never the address or a field, because they may hold a token.
#[derive(Debug, Error)]
pub(crate) enum NotTaken {
    /// Its status, and how long it wants to be left alone.
    #[error("the receiver answers {0}")]
    Status(u16, Option<Duration>),
    /// The receiver's own word.
    #[error("the receiver answers {code}: {message}")]
    Grpc {
        /// The code of gRPC.
        code: &'static str,
        /// What it says.
        message: String,
        /// Whether it may take them later.
        is_passing: bool,
    },
    /// It was too slow.
    #[error("no answer within telemetry.timeout ({0:?})")]
    Timeout(Duration),
    /// It is not there.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// The connection stood.
    #[error("no complete answer: {0}")]
    BrokenOff(String),
}

impl NotTaken {
    /// Whether the receiver may take them later, as OTLP has it.
    pub(crate) const fn is_passing(&self) -> bool {
        match self {
            Self::Status(status, _) => matches!(status, 429 | 502 | 503 | 504),
            Self::Grpc { is_passing, .. } => *is_passing,
            Self::Timeout(_) | Self::NoConnection(_) | Self::BrokenOff(_) => true,
        }
    }

    /// How long the receiver wants to be left alone.
    pub(crate) const fn pause(&self) -> Option<Duration> {
        match self {
            Self::Status(_, pause) => *pause,
            _ => None,
        }
    }
}
