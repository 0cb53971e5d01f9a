//! What the store keeps of where accounts log in: one row for each network that an account has logged in from.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreResult;
use super::declare::store_trait;
use crate::keys::login::LoginDigest;

/// Networks that are kept of one user. When there are more, the least recently used go first.
pub const NETWORKS_PER_OWNER: i64 = 16;

/// Rows that are kept in all, at about 250 bytes with their indexes. When there are more, the oldest go first.
pub const NETWORKS_MAX: i64 = 10_000_000;

/// A login that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginSeen {
    /// The name that was typed.
    pub account: LoginDigest,
    /// Who logged in under it.
    pub owner: LoginDigest,
    /// From where.
    pub network: LoginDigest,
}

/// Digest of a code with which a login was handed from one site to another: what the store keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// Of this code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        Self(*blake3::hash(code.as_bytes()).as_bytes())
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What is known of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Familiar {
    /// The only user who has logged in under this name.
    pub owner: LoginDigest,
    /// Whether that was from the network in question.
    pub network: bool,
}

store_trait! { ($) each_login_method

/// Networks of logins, and codes of logins that were handed over. A part of [`super::SessionStore`].
pub trait LoginStore {
    /// Who has logged in under the name of `account` less than `within` ago, and whether from `network`. `None` when no
    /// user has, and also when several have: the attempt may then be anybody's.
    async fn familiar(
        &self,
        account: &LoginDigest,
        network: &LoginDigest,
        within: Duration,
    ) -> StoreResult<Option<Familiar>>;

    /// Notes a login, and forgets the oldest networks of its owner beyond [`NETWORKS_PER_OWNER`]. A network that was noted in
    /// the last hour is left as it is. Writes no event.
    async fn note_login(&self, seen: &LoginSeen) -> StoreResult<()>;

    /// Forgets at most `batch` of the logins older than `kept`, or beyond [`NETWORKS_MAX`].
    async fn forget_logins(&self, kept: Duration, batch: usize) -> StoreResult<u64>;

    /// Notes that a code is used. True for the first call alone, on whichever node and however many come at once. Writes no
    /// event. Housekeeping forgets codes after an hour, long after they have become too old to be accepted.
    async fn redeem(&self, code: &CodeDigest) -> StoreResult<bool>;
}
}
