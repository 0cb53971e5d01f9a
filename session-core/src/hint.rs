//! A hint: an unproven message that something was committed (R4).
//!
//! Databases and caches carry hints. A hint only brings the next heartbeat forward, so a forged one does no harm.

use std::error::Error as StdError;

use async_trait::async_trait;
use thiserror::Error;

use crate::cause::cause as why;
use crate::sid::SessionKey;

/// An unproven message that something was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It concerns this session.
    Session(SessionKey),
    /// It concerns more, or the hint does not say.
    Something,
}

impl Hint {
    /// Reads untrusted text: the key of a session in hex. Any other text is [`Hint::Something`].
    pub(crate) fn read(text: &str) -> Self {
        blake3::Hash::from_hex(text).map_or(Self::Something, |key| {
            Self::Session(SessionKey::from_bytes(*key.as_bytes()))
        })
    }
}

/// Result of opening or reading a channel of hints.
pub type HintResult<T> = Result<T, HintError>;

/// A channel of hints.
#[async_trait]
pub trait HintStream: Send {
    /// The next hint. An error ends the channel; open another one. Cancel-safe.
    async fn next(&mut self) -> HintResult<Hint>;
}

/// Why there is no channel of hints.
#[derive(Debug, Error)]
pub enum HintError {
    /// It could not be opened, or it broke.
    #[error("the channel of hints is broken: {}", why(&**cause))]
    Broken {
        /// Short name of the failure for logs.
        kind: &'static str,
        /// What failed.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The server accepts the subscription, but messages never arrive.
    #[error(
        "the subscription is accepted and nothing arrives: PostgreSQL behind a pooler in transaction mode, or a user of Redis without SUBSCRIBE or the channel"
    )]
    Swallowed,
}

impl HintError {
    /// Wraps a driver's error.
    pub fn broken(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Broken {
            kind: "unavailable",
            cause: cause.into(),
        }
    }

    /// Short name for logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Broken { kind, .. } => kind,
            Self::Swallowed => "hints_swallowed",
        }
    }

    /// Why, in words that may be shown.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Broken { cause, .. } => why(&**cause),
            Self::Swallowed => self.to_string(),
        }
    }
}
