//! What an app wants to find again with a session, sealed so that nobody else can read it.
//!
//! A reference is often the key of a session of the app's own. Whoever reads the table, the shared cache or another app's
//! assertion must not learn it. So each app has a key of its own, and a sealed reference opens beside the session for which it
//! was sealed and nowhere else: `nonce || XChaCha20-Poly1305(text)`, with the handle as associated data.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use uuid::Uuid;

use super::Keyring;
use crate::entropy::{self, Entropy, NoEntropy};
use crate::secret::SecretString;

const NONCE_LEN: usize = 24;

/// Keys of one app's references: seals with the current one, opens with any.
pub struct ReferenceKeys(Vec<XChaCha20Poly1305>);

impl ReferenceKeys {
    /// The keys for references of the app `name`.
    #[must_use]
    pub fn new(keys: &Keyring, name: &str) -> Self {
        let ciphers = keys
            .references(name)
            .map(|key| XChaCha20Poly1305::new(key.expose().into()));
        Self(ciphers.collect())
    }

    /// Seals `text` for the session with this handle. `None` when it cannot be sealed; then it is not kept.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(
        &self,
        session: Uuid,
        text: &SecretString,
        entropy: &dyn Entropy,
    ) -> Result<Option<String>, NoEntropy> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes(entropy)?;
        let payload = Payload {
            msg: text.expose().as_bytes(),
            aad: session.as_bytes(),
        };
        let sealed = self.0.first();
        let sealed = sealed.and_then(|key| key.encrypt(&XNonce::from(nonce), payload).ok());
        Ok(sealed.map(|sealed| URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens what was sealed for this session. `None`: it was not, or its master key is not in use any more.
    #[must_use]
    pub fn open(&self, session: Uuid, sealed: &str) -> Option<SecretString> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let opened = self.0.iter().find_map(|key| {
            let payload = Payload {
                msg: sealed,
                aad: session.as_bytes(),
            };
            key.decrypt(&XNonce::from(*nonce), payload).ok()
        })?;
        String::from_utf8(opened).ok().map(SecretString::new)
    }
}

impl std::fmt::Debug for ReferenceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReferenceKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests;
