//! The tier between nodes, seen as an untrusted map of bytes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::hint::{Hint, HintResult, HintStream};
use crate::sid::SessionKey;
use crate::store::TimedOut;

/// The shared cache did not answer in time or not at all. Never "no such key". Says why, in words that may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SharedError {
    /// No answer in time.
    #[error("{0}")]
    Timeout(TimedOut),
    /// Connection or protocol trouble, or a refusal.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It answers and takes no new values: its memory or its disk is full, or it misses its replicas.
    #[error("full: {0}")]
    Full(String),
}

impl SharedError {
    /// Short name for logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Unavailable(_) => "unavailable",
            Self::Full(_) => "full",
        }
    }

    /// Why, without the word that [`SharedError::kind`] is.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Timeout(limit) => limit.to_string(),
            Self::Unavailable(cause) | Self::Full(cause) => cause.clone(),
        }
    }
}

/// A map from session keys to sealed bytes that other nodes, and other people, may write to.
#[async_trait]
pub trait SharedCache: fmt::Debug + Send + Sync + 'static {
    /// The value, if there is one.
    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SharedError>;
    /// Stores a value that vanishes after `ttl`.
    async fn put(&self, key: &SessionKey, value: Vec<u8>, ttl: Duration)
    -> Result<(), SharedError>;
    /// Removes a value. Hygiene only: nothing depends on it.
    async fn unlink(&self, key: &SessionKey) -> Result<(), SharedError>;

    /// Tells other nodes that something was committed. Nothing depends on it (R4).
    async fn publish(&self, _hint: Hint) -> Result<(), SharedError> {
        Ok(())
    }

    /// Opens a channel of hints from other nodes, if the cache has one.
    async fn listen(&self) -> HintResult<Option<Box<dyn HintStream>>> {
        Ok(None)
    }
}
