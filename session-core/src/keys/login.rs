//! Keyed digests of accounts, their owners and their networks.
//!
//! A reader of the table must not learn who logs in from where, and must not be able to try a list of names against it.
//! So everything is a keyed digest, and a network has a different digest for each account.

use std::fmt;
use std::net::IpAddr;

use crate::secret::SecretKey;

/// Context of the derived key. It is part of the stored format: changing it makes every stored login unknown.
pub(super) const CONTEXT: &str = "sidgate 2026 v1 login networks";

/// Keyed digest of a fact about a login.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoginDigest([u8; 32]);

impl LoginDigest {
    /// From 32 stored bytes; `None` for any other length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LoginDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginDigest(..)")
    }
}

/// Makes digests under one master.
pub(crate) struct LoginKey<'a>(pub(super) &'a SecretKey);

impl LoginKey<'_> {
    /// Of an account, in its one spelling.
    pub(crate) fn account(&self, account: &str) -> LoginDigest {
        self.digest(b"account", &[account.as_bytes()])
    }

    /// Of a user's id.
    pub(crate) fn owner(&self, user_id: &str) -> LoginDigest {
        self.digest(b"owner", &[user_id.as_bytes()])
    }

    /// Of a network, for one account.
    pub(crate) fn network(&self, account: &str, network: IpAddr) -> LoginDigest {
        let network = match network {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        self.digest(b"network", &[&network.octets(), account.as_bytes()])
    }

    /// Only the last part may vary in length, so that different facts never yield the same bytes.
    fn digest(&self, kind: &[u8], parts: &[&[u8]]) -> LoginDigest {
        let mut hasher = blake3::Hasher::new_keyed(self.0.expose());
        hasher.update(kind).update(&[0]);
        for part in parts {
            hasher.update(part);
        }
        LoginDigest(*hasher.finalize().as_bytes())
    }
}
