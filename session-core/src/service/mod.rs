//! The one public face of this crate: resolve, create, change, revoke, list.
//!
//! [`Sessions`] owns the background tasks (heartbeat, activity writer, shared-cache hygiene) and runs every call to the
//! store on the runtime it was given, so that a client that hangs up cannot leave half a transaction behind.

mod change;
mod drill;
mod end;
mod error;
mod housekeeping;
mod hygiene;
mod legacy;
mod logins;
mod peek;
mod queries;
mod receipt;
mod references;
mod renew;
mod resolution;
mod resolve;
mod sampler;
mod sessions;
mod sightings;
mod start;

pub use self::change::{Created, Login, LoginTicket, UpdateError};
pub use self::error::SessionsError;
pub use self::housekeeping::NETWORKS_KEPT;
pub use self::legacy::{Known, Migrated, Proven};
pub use self::logins::Familiarity;
pub use self::peek::seen;
pub use self::queries::PAGE_MAX;
pub use self::receipt::{Receipt, Wait, heard_by_all};
pub use self::renew::GRACE as RENEWAL_GRACE;
pub use self::resolution::{Absence, Active, Follow, Query, Resolution, Unknown};
pub use self::resolve::recognise;
pub use self::sessions::{Readiness, Sessions};
pub use self::start::{Parts, SessionsOptions};
