//! Keys for logins of the system that Sidgate replaces.
//!
//! Such a login is known by the values of its cookies, its *credentials*. The store must recognise a credential again
//! but must not be able to use it. So it holds a keyed digest of the credential, its [`LegacyKey`]. The sid of the
//! session that a login becomes is derived from a credential: nodes that migrate the login at the same time derive the
//! same sid. A login may have several credentials, which become one session. So the store also holds the session's sid
//! beside each digest, encrypted under a key that only that credential yields.
//!
//! While masters are being rotated, a credential has one digest under each of them, and all are stored: two nodes that
//! share at least one master find each other's sessions.
//!
//! The same cookie may come to sites of several groups, and becomes one session in each. So everything is derived from the
//! credential and the group. The default group adds nothing, as before there were groups.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use crate::secret::SecretKey;
use crate::sid::{Group, SID_RANDOM_LEN, SessionKey, Sid};

/// Length of an encrypted sid, in bytes.
pub const WRAPPED_LEN: usize = 16;

/// A cookie that carries a login of the old system: its name, and its value.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// Name of the cookie; for a chunked cookie without the chunk number.
    pub name: &'a str,
    /// Its whole value, in one spelling.
    pub value: &'a [u8],
}

/// Keyed digest of a credential: its primary key in the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegacyKey([u8; 32]);

/// What the store keeps of a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct LegacyRow {
    /// Primary key.
    pub key: LegacyKey,
    /// The sid of the session that it became, encrypted under a key that only the credential yields.
    pub wrapped_sid: [u8; WRAPPED_LEN],
}

/// What is derived from one credential of the old system in one group: its digests, its keys and a sid.
pub struct LegacyLogin {
    group: Group,
    sid: Sid,
    key: SessionKey,
    digest: SessionKey,
    ids: Vec<LegacyId>,
}

/// What one master derives from a credential.
pub(super) struct LegacyId {
    key: LegacyKey,
    wrap: Aes128,
}

/// Keys under one master that digest a credential, derive the sid that it becomes, and encrypt a sid beside it.
pub(super) struct LegacyKeys {
    digest: SecretKey,
    sid: SecretKey,
    wrap: SecretKey,
}

impl LegacyKeys {
    pub(super) fn new(derive: impl Fn(&str) -> [u8; 32]) -> Self {
        Self {
            digest: SecretKey::new(derive("sidgate 2026 v1 legacy digest")),
            sid: SecretKey::new(derive("sidgate 2026 v1 legacy sid")),
            wrap: SecretKey::new(derive("sidgate 2026 v1 legacy wrap")),
        }
    }

    pub(super) fn id(&self, credential: Credential<'_>, group: &Group) -> LegacyId {
        let wrap = mac(&self.wrap, credential, group);
        let [wrap @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *wrap;
        LegacyId {
            key: LegacyKey(*mac(&self.digest, credential, group)),
            wrap: Aes128::new(&wrap.into()),
        }
    }

    /// Used in place of random bytes for a sid: every node with this master derives the same ones.
    pub(super) fn random(&self, credential: Credential<'_>, group: &Group) -> [u8; SID_RANDOM_LEN] {
        let mac = mac(&self.sid, credential, group);
        let mut random = [0; SID_RANDOM_LEN];
        for (to, from) in random.iter_mut().zip(mac.iter()) {
            *to = *from;
        }
        random
    }
}

/// A NUL separates name and value, because no cookie name holds one. A group stands between two NULs in front of both: no
/// cookie has an empty name, so that is the credential of no other group.
fn mac(key: &SecretKey, credential: Credential<'_>, group: &Group) -> Zeroizing<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    if !group.is_default() {
        hasher
            .update(&[0])
            .update(group.name().as_bytes())
            .update(&[0]);
    }
    hasher
        .update(credential.name.as_bytes())
        .update(&[0])
        .update(credential.value);
    Zeroizing::new(*hasher.finalize().as_bytes())
}

impl LegacyLogin {
    /// `ids`: one for each master in use, the current one first.
    pub(super) fn new((sid, key): (Sid, SessionKey), group: &Group, ids: Vec<LegacyId>) -> Self {
        let mut digest = blake3::Hasher::new();
        for id in &ids {
            digest.update(&id.key.0);
        }
        Self {
            group: group.clone(),
            sid,
            key,
            digest: SessionKey::from_bytes(*digest.finalize().as_bytes()),
            ids,
        }
    }

    /// The group in which it may become a session.
    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.group
    }

    /// Session key of the derived sid.
    #[must_use]
    pub fn session_key(&self) -> SessionKey {
        self.key
    }

    /// The derived sid.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid.clone()
    }

    /// A digest of the credential, for maps of migrations in progress.
    #[must_use]
    pub fn digest(&self) -> SessionKey {
        self.digest
    }

    /// Its keys in the store: one digest under each master.
    #[must_use]
    pub fn keys(&self) -> Vec<LegacyKey> {
        self.ids.iter().map(|id| id.key).collect()
    }

    /// The rows to store when the credential becomes the session of `sid`: the sid derived here, or that of another
    /// credential of the same login.
    #[must_use]
    pub fn rows(&self, sid: &Sid) -> Vec<LegacyRow> {
        let row = |id: &LegacyId| {
            let mut block = (*sid.bytes()).into();
            id.wrap.encrypt_block(&mut block);
            LegacyRow {
                key: id.key,
                wrapped_sid: block.into(),
            }
        };
        self.ids.iter().map(row).collect()
    }

    /// The sid in a stored row, unverified. [`Keyring::recognise`](super::Keyring::recognise) says whether it belongs
    /// to the row's session.
    #[must_use]
    pub fn unwrap_sid(&self, row: &LegacyRow) -> Option<Sid> {
        let id = self.ids.iter().find(|id| id.key == row.key)?;
        let mut block = row.wrapped_sid.into();
        id.wrap.decrypt_block(&mut block);
        Some(Sid::from_bytes(block.into()))
    }
}

impl fmt::Debug for LegacyLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LegacyLogin({} keys)", self.ids.len())
    }
}

// === impl LegacyKey ===

impl LegacyKey {
    /// From stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as they are stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LegacyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyKey(..)")
    }
}

impl fmt::Debug for LegacyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyRow(..)")
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, ..)", self.name)
    }
}

#[cfg(test)]
mod tests;
