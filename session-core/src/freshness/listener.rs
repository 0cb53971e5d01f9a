//! What caches do when an event or a hint arrives.

use crate::sid::SessionKey;
use crate::stats::ResetReason;
use crate::store::Event;

/// A holder of cached sessions, which drops them when told.
pub trait Listener: Send + Sync + 'static {
    /// A hint says that this session has changed.
    fn hinted(&self, key: &SessionKey);
    /// `event` was applied to the window.
    fn applied(&self, event: &Event);
    /// The window was reset: nothing cached may be believed.
    fn reset(&self, reason: ResetReason);
}
