//! What a [`SimStore`](super::SimStore) committed, and when by its own clock.

use session_core::clock::{Boot, Timestamp};
use session_core::session::{Seq, Text};
use session_core::sid::SessionKey;

/// One change that was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// When.
    pub at: Boot,
    /// The head after it.
    pub seq: Seq,
    /// What.
    pub change: Change,
}

/// What a commit did.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A session was stored.
    Born {
        /// Which.
        key: SessionKey,
        /// Whose.
        user: Text,
        /// Of which tenant.
        tenant: Option<Text>,
        /// Its absolute end.
        expires_at: Timestamp,
    },
    /// A session was written.
    Updated {
        /// Which.
        key: SessionKey,
        /// The version that it has since.
        version: i64,
    },
    /// A session got another key.
    Renewed {
        /// The key it had.
        of: SessionKey,
        /// The key it has since.
        to: SessionKey,
        /// Until when the former key is accepted.
        until: Timestamp,
    },
    /// A session ended, by itself or with others.
    Ended {
        /// Which.
        key: SessionKey,
        /// By a session that took its place.
        replaced: bool,
    },
    /// All sessions of a user, a tenant or everybody (all `None`) were ended, also logins under way.
    Mass {
        /// Of this user.
        user: Option<Text>,
        /// In this group only.
        group: Option<Text>,
        /// Of this tenant.
        tenant: Option<Text>,
    },
    /// The store says that it is another one.
    Reborn,
}
