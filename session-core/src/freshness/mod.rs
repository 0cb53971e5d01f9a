//! How long a cached session may be believed (DESIGN 5).
//!
//! Three parts. The [`Window`] knows which events were applied and answers whether a value read as of some event is
//! still good. The [`Lease`] says until when that answer may be given without hearing from the store. The [`tail`]
//! reads the log with each heartbeat, applies it to the window, and only then extends the lease. The lease counts from
//! when the heartbeat was sent: by the time of the answer, the store may have committed more.

pub(crate) mod guard;
pub mod hints;
mod listener;
pub(crate) mod listing;
mod node;
mod pause;
pub(crate) mod rights;
pub mod signals;
mod standing;
pub mod tail;
mod window;

pub use listener::Listener;
pub use node::Node;
pub use pause::Pause;
pub use standing::Standing;
pub use window::{RECENT_MAX, Window};

pub use crate::lease::{LEASE, Lease};
