//! Under which names the store holds something about a user: the id itself, and keyed digests of it.
//!
//! When a user is erased, one thing has to stay: that their old logins have ended. A reader of the table must not learn from
//! it who was erased.

use crate::secret::SecretKey;

use super::login::LoginDigest;

/// Context of the derived key. It is part of the stored format: changing it lets old logins of erased users come back.
pub(super) const CONTEXT: &str = "sidgate 2026 v1 erased users";

/// No id of a user has a space, so this is nobody's.
const MARK: &str = "erased ";

/// A user, by every name that the store knows them by.
#[derive(Clone, Debug)]
pub struct Person {
    /// The id.
    pub user_id: Box<str>,
    /// Whose logins came from which networks: one digest for each master.
    pub owners: Vec<LoginDigest>,
    /// What stands for the user once they are erased: one text for each master, the current one first.
    pub erased: Vec<Box<str>>,
}

pub(super) fn erased(key: &SecretKey, user_id: &str) -> Box<str> {
    let digest = blake3::keyed_hash(key.expose(), user_id.as_bytes());
    format!("{MARK}{}", digest.to_hex()).into_boxed_str()
}
