//! What others do when the heartbeat, or a hint, has news.

use crate::sid::SessionKey;
use crate::stats::ResetReason;
use crate::store::Event;

/// Whoever holds copies of sessions, and drops them.
pub trait Listener: Send + Sync + 'static {
    /// Somebody says that this session has changed.
    fn hinted(&self, key: &SessionKey);
    /// `event` was applied to the window.
    fn applied(&self, event: &Event);
    /// Everything known was dropped.
    fn reset(&self, reason: ResetReason);
}
