//! One master key, many purposes.
//!
//! `[keys] master` is 32 random bytes. Every key in use is derived from it with `blake3::derive_key` and a context of its
//! own, so that no two purposes can ever share a key. During rotation the masters of `[keys] previous` stay valid for
//! reading: sids, Redis values and tokens of the apps that were made under them are still accepted, while everything
//! new is made under the current master.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use thiserror::Error;

use self::handover::HandoverKeys;
use self::legacy::{Credential, LegacyKeys, LegacyLogin};
use self::login::LoginKey;
use self::person::Person;
use self::request_id::RequestIdKeys;
use crate::secret::SecretKey;
use crate::sid::{Group, Groups, SID_RANDOM_LEN, SessionKey, Sid, TAG_LEN, Tag};

pub use self::hop::HopMark;

pub mod handover;
mod hop;
pub mod legacy;
pub mod login;
pub mod person;
pub mod reference;
pub mod request_id;

/// Contexts of the derived keys. They are part of the stored format: changing one ends every session.
const SEAL: &str = "sidgate 2026 v1 sid seal";
const STORE: &str = "sidgate 2026 v1 session key";
const SHARED: &str = "sidgate 2026 v1 shared cache";
const KEPT: &str = "sidgate 2026 v1 kept legacy cookies";
const UPSTREAM: &str = "sidgate 2026 v1 upstream";
const REFERENCE: &str = "sidgate 2026 v1 reference";
const DOCTOR: &str = "sidgate 2026 v1 doctor";

/// Why a sid is not accepted at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotOurs {
    /// This installation has not made it.
    #[error("forged")]
    Forged,
    /// It was made for another group of this installation.
    #[error("of another group")]
    OtherGroup,
}

/// The root secret of an installation.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(SecretKey);

impl MasterKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(SecretKey::new(bytes))
    }

    fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, self.0.expose())
    }

    /// The key that Sidgate and the app `name` share. Its bytes, in base64, are what `sidgate keys upstream` prints.
    #[must_use]
    pub fn upstream(&self, name: &str) -> SecretKey {
        self.derive_for(UPSTREAM, name)
    }

    fn derive_for(&self, context: &str, app: &str) -> SecretKey {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(self.0.expose()).update(app.as_bytes());
        SecretKey::new(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Keys in use: the current master first, then those that rotation keeps valid.
pub struct Keyring {
    current: Derived,
    previous: Vec<Derived>,
}

struct Derived {
    master: MasterKey,
    seal: Aes128,
    store: SecretKey,
    shared: SecretKey,
    kept: SecretKey,
    logins: SecretKey,
    erased: SecretKey,
    legacy: LegacyKeys,
}

impl Derived {
    fn new(master: MasterKey) -> Self {
        let [seal @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = master.derive(SEAL);
        Self {
            seal: Aes128::new(&seal.into()),
            store: SecretKey::new(master.derive(STORE)),
            shared: SecretKey::new(master.derive(SHARED)),
            kept: SecretKey::new(master.derive(KEPT)),
            logins: SecretKey::new(master.derive(login::CONTEXT)),
            erased: SecretKey::new(master.derive(person::CONTEXT)),
            legacy: LegacyKeys::new(|context| master.derive(context)),
            master,
        }
    }

    /// What `sid` says of its group, if it was sealed under this master; else anything.
    fn tag(&self, sid: &Sid) -> Tag {
        let mut block = (*sid.bytes()).into();
        self.seal.decrypt_block(&mut block);
        let [.., a, b, c, d] = <[u8; SID_RANDOM_LEN + TAG_LEN]>::from(block);
        [a, b, c, d]
    }

    fn session_key(&self, sid: &Sid) -> SessionKey {
        SessionKey::from_bytes(*blake3::keyed_hash(self.store.expose(), sid.bytes()).as_bytes())
    }
}

impl Keyring {
    /// Derives every key once.
    #[must_use]
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self {
            current: Derived::new(current),
            previous: previous.into_iter().map(Derived::new).collect(),
        }
    }

    /// Makes a sid of `group` from random bytes, and the key under which its session is stored.
    #[must_use]
    pub fn mint(&self, random: [u8; SID_RANDOM_LEN], group: &Group) -> (Sid, SessionKey) {
        let mut block = [0_u8; SID_RANDOM_LEN + TAG_LEN];
        for (to, from) in block.iter_mut().zip(random.into_iter().chain(group.tag())) {
            *to = from;
        }
        let mut block = block.into();
        self.current.seal.encrypt_block(&mut block);
        let sid = Sid::from_bytes(block.into());
        let key = self.current.session_key(&sid);
        (sid, key)
    }

    /// The stored key of a sid that this installation made for the group of a place. No I/O, no allocation.
    ///
    /// A random value passes one seal for one group with probability 2^-32.
    ///
    /// # Errors
    /// When it did not, or made it for another group.
    pub fn recognise(&self, sid: &Sid, groups: &Groups) -> Result<SessionKey, NotOurs> {
        let mut refused = NotOurs::Forged;
        for keys in self.all() {
            let tag = keys.tag(sid);
            if tag == groups.own().tag() {
                return Ok(keys.session_key(sid));
            }
            if groups.others().iter().any(|other| tag == other.tag()) {
                refused = NotOurs::OtherGroup;
            }
        }
        Err(refused)
    }

    /// Keys shared with the app `name`: sign with the first, accept any.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Vec<SecretKey> {
        self.all().map(|keys| keys.master.upstream(name)).collect()
    }

    /// Keys of an operator who proves to hold the master key: sign with the first, accept any.
    #[must_use]
    pub fn doctor(&self) -> Vec<SecretKey> {
        self.all()
            .map(|keys| SecretKey::new(keys.master.derive(DOCTOR)))
            .collect()
    }

    /// The marks of requests that have come through a gateway of this installation: write the first, know each.
    #[must_use]
    pub fn hop_marks(&self) -> Vec<HopMark> {
        self.all()
            .map(|keys| HopMark::new(|context| keys.master.derive(context)))
            .collect()
    }

    /// Keys of the ids of requests that edges send to apps.
    #[must_use]
    pub fn request_ids(&self) -> RequestIdKeys {
        let keys = self
            .all()
            .map(|keys| keys.master.derive(request_id::CONTEXT));
        RequestIdKeys::new(keys.map(SecretKey::new))
    }

    /// Keys of what two sites tell each other through a browser.
    #[must_use]
    pub fn handover(&self) -> HandoverKeys {
        let keys = self.all().map(|keys| keys.master.derive(handover::CONTEXT));
        HandoverKeys::new(keys.map(SecretKey::new))
    }

    /// Keys of the shared cache: seal with the first, open with any.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &SecretKey> {
        self.all().map(|keys| &keys.shared)
    }

    /// Keys of the references of the app `name`: seal with the first, open with any.
    fn references(&self, name: &str) -> impl Iterator<Item = SecretKey> {
        self.all()
            .map(move |keys| keys.master.derive_for(REFERENCE, name))
    }

    /// Keys of the cookies kept for a rollback: seal with the first, open with any.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &SecretKey> {
        self.all().map(|keys| &keys.kept)
    }

    /// Keys of the digests of logins: write with the first, look up with each.
    pub(crate) fn logins(&self) -> impl Iterator<Item = LoginKey<'_>> {
        self.all().map(|keys| LoginKey(&keys.logins))
    }

    /// The names under which the store holds something about a user.
    #[must_use]
    pub fn person(&self, user_id: &str) -> Person {
        Person {
            user_id: user_id.into(),
            owners: self.logins().map(|key| key.owner(user_id)).collect(),
            erased: self.erased(user_id),
        }
    }

    /// What stands for a user who was erased, under each master, the current one first.
    pub(crate) fn erased(&self, user_id: &str) -> Vec<Box<str>> {
        self.all()
            .map(|keys| person::erased(&keys.erased, user_id))
            .collect()
    }

    /// The sid and the digests of a login of the old system with this credential, in `group`.
    #[must_use]
    pub fn legacy(&self, credential: Credential<'_>, group: &Group) -> LegacyLogin {
        let random = self.current.legacy.random(credential, group);
        let ids = self.all().map(|keys| keys.legacy.id(credential, group));
        LegacyLogin::new(self.mint(random, group), group, ids.collect())
    }

    fn all(&self) -> impl Iterator<Item = &Derived> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(1 current, {} previous)", self.previous.len())
    }
}

#[cfg(test)]
mod tests;
