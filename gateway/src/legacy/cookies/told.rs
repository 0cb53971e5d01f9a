//! What the browser of a session was told about old cookies.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::cleared_names::ClearedNames;

/// Kept with a cached session. Few sessions have one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Names that it was told to forget.
    pub(in crate::legacy) cleared_names: Arc<ClearedNames>,
    /// Whether it was given old cookies back.
    pub(in crate::legacy) returned: Arc<AtomicBool>,
}
