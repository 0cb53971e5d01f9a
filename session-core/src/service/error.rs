//! Errors of the service.

use thiserror::Error;

use crate::entropy::NoEntropy;
use crate::store::StoreError;

/// Why a call failed. [`SessionsError::may_have_happened`] says whether its change may have been
/// made.
#[derive(Debug, Error)]
pub enum SessionsError {
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The random source failed.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The task that ran the call died.
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
    /// Short name for logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Store(failed) => failed.kind(),
            Self::NoEntropy(_) => "no_entropy",
            Self::Interrupted => "interrupted",
            Self::NoLease => "no_lease",
            Self::Contended => "contended",
        }
    }

    /// Whether the change may have been made in spite of the error.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        match self {
            Self::Store(failed) => failed.may_have_happened(),
            Self::Interrupted => true,
            Self::NoEntropy(_) | Self::NoLease | Self::Contended => false,
        }
    }
}
