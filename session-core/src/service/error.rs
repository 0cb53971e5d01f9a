//! What a caller of the service may be told.

use thiserror::Error;

use crate::entropy::NoEntropy;
use crate::store::StoreError;

/// A call that did not do what was asked. Nothing is known beyond what the error says.
#[derive(Debug, Error)]
pub enum SessionsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness to mint with.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The task that did it died.
    #[error("the task was interrupted")]
    Interrupted,
    /// The node has not heard from the store for too long to start a login.
    #[error("the node has no lease")]
    NoLease,
    /// Others kept changing the same session.
    #[error("the session kept changing")]
    Contended,
}

impl SessionsError {
    /// Whether what was asked may have been done all the same.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        match self {
            Self::Store(failed) => failed.may_have_happened(),
            Self::Interrupted => true,
            Self::NoEntropy(_) | Self::NoLease | Self::Contended => false,
        }
    }
}
