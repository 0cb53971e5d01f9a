//! A login of the system that Sidgate replaces, as far as keys can tell.
//!
//! Such a login is known by the values of its cookies, its *credentials*. The store must recognise each of them again, and
//! must not be able to use one; so a credential is stored as a keyed digest, its [`LegacyKey`]. The sid of the session
//! that a login becomes is derived from a credential: nodes that migrate it at once make the same one. A login may have
//! several credentials, which become one session; so beside each digest lies the session's sid, encrypted under a key that
//! only that credential yields.
//!
//! While masters are being rotated, a credential has one digest under each of them, and all are stored: two nodes that
//! share at least one master find each other's sessions.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use crate::secret::SecretKey;
use crate::sid::{SID_RANDOM_LEN, SessionKey, Sid};

/// Length of an encrypted sid, in bytes.
pub const WRAPPED_LEN: usize = 16;

/// A cookie that carries a login of the old system: its name, and its value.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// Name of the cookie; of a chunked one without the number.
    pub name: &'a str,
    /// Its whole value, in one spelling.
    pub value: &'a [u8],
}

/// Keyed digest of a credential: what the store knows it by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegacyKey([u8; 32]);

/// What the store keeps of a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct LegacyRow {
    /// Primary key.
    pub key: LegacyKey,
    /// The sid of the session that it became, which only the credential opens.
    pub wrapped_sid: [u8; WRAPPED_LEN],
}

/// A credential of the old system as far as keys can tell, and the sid that its login becomes by itself.
pub struct LegacyLogin {
    sid: Sid,
    key: SessionKey,
    digest: SessionKey,
    ids: Vec<LegacyId>,
}

/// What one master makes of a credential.
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

    pub(super) fn id(&self, credential: Credential<'_>) -> LegacyId {
        let wrap = mac(&self.wrap, credential);
        let [wrap @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *wrap;
        LegacyId {
            key: LegacyKey(*mac(&self.digest, credential)),
            wrap: Aes128::new(&wrap.into()),
        }
    }

    /// In place of the random bytes of a sid: the same ones for everybody who has this master.
    pub(super) fn random(&self, credential: Credential<'_>) -> [u8; SID_RANDOM_LEN] {
        let mut random = [0; SID_RANDOM_LEN];
        for (to, from) in random.iter_mut().zip(mac(&self.sid, credential).iter()) {
            *to = *from;
        }
        random
    }
}

/// No cookie name holds a NUL: name and value cannot run into each other.
fn mac(key: &SecretKey, credential: Credential<'_>) -> Zeroizing<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    hasher
        .update(credential.name.as_bytes())
        .update(&[0])
        .update(credential.value);
    Zeroizing::new(*hasher.finalize().as_bytes())
}

impl LegacyLogin {
    /// `ids`: one for each master in use, the current one first.
    pub(super) fn new(sid: Sid, key: SessionKey, ids: Vec<LegacyId>) -> Self {
        let mut digest = blake3::Hasher::new();
        for id in &ids {
            digest.update(&id.key.0);
        }
        Self {
            sid,
            key,
            digest: SessionKey::from_bytes(*digest.finalize().as_bytes()),
            ids,
        }
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

    /// A digest of the credential, for maps of things under way.
    #[must_use]
    pub fn digest(&self) -> SessionKey {
        self.digest
    }

    /// What the store knows it by: one digest under each master.
    #[must_use]
    pub fn keys(&self) -> Vec<LegacyKey> {
        self.ids.iter().map(|id| id.key).collect()
    }

    /// What is to be stored when the session of `sid` is what it becomes: its own, or that of another credential of the
    /// same login.
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

    /// The sid in a stored row, which may be anything: whether it belongs to the row's session is for
    /// [`Keyring::recognise`](super::Keyring::recognise) to say.
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
