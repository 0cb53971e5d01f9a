//! What the browser of a session was told about old cookies.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::cleared_names::ClearedNames;

/// Kept for a while for sessions whose browsers bring or get old cookies.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Number of the configuration by which it was told.
    pub(in crate::legacy) generation: u64,
    /// Names that it was told to forget.
    pub(in crate::legacy) cleared_names: Arc<ClearedNames>,
    /// Whether it was given old cookies back.
    pub(in crate::legacy) returned: Arc<AtomicBool>,
}

impl Told {
    /// Nothing yet, under the configuration of this number.
    pub(in crate::legacy) fn under(generation: u64) -> Self {
        Self {
            generation,
            cleared_names: Arc::default(),
            returned: Arc::default(),
        }
    }
}
