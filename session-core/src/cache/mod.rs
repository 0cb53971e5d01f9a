//! Tiers in front of the store, none of which is needed for correctness.
//!
//! A value from a cache decides only as long as [`crate::freshness`] believes it. A tier that is lost, or that lies,
//! costs time but never changes an answer.

pub mod breaker;
mod entry;
pub mod flight;
mod local;
pub mod redis;
mod sealed;
mod shared;
mod texts;
mod tiers;

pub use entry::Entry;
pub use local::{Evictions, Local, LocalLimits};
pub use shared::{SharedCache, SharedError};
pub(crate) use texts::Texts;
pub use tiers::{Fill, FillError, Tier, Tiers, TiersOptions};
