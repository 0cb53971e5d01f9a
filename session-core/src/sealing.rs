//! Authenticated encryption of text that opens in one place only.
//!
//! `24-byte nonce || XChaCha20-Poly1305(text)`. The place is the associated data: text that was moved elsewhere does not
//! open. A random 192-bit nonce needs no counter that nodes share.

use std::borrow::Borrow;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use crate::entropy::{self, Entropy, NoEntropy};
use crate::secret::SecretKey;

pub(crate) const NONCE_LEN: usize = 24;

/// The current key first, then those that rotation keeps valid: seals with the first, opens with any.
pub(crate) struct Ciphers(Vec<XChaCha20Poly1305>);

impl Ciphers {
    pub(crate) fn new(keys: impl IntoIterator<Item: Borrow<SecretKey>>) -> Self {
        let cipher = |key: &SecretKey| XChaCha20Poly1305::new(key.expose().into());
        Self(keys.into_iter().map(|key| cipher(key.borrow())).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `None` when the text cannot be sealed, because it is too long or because there is no key.
    pub(crate) fn seal(
        &self,
        text: &[u8],
        place: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<u8>>, NoEntropy> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes(entropy)?;
        let payload = Payload {
            msg: text,
            aad: place,
        };
        let current = self.0.first();
        let sealed = current.and_then(|key| key.encrypt(&XNonce::from(nonce), payload).ok());
        Ok(sealed.map(|sealed| [&nonce[..], &sealed].concat()))
    }

    /// `None` when it was sealed for another place, or under a key that is not in use any more.
    pub(crate) fn open(&self, sealed: &[u8], place: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|key| {
            let payload = Payload {
                msg: sealed,
                aad: place,
            };
            key.decrypt(&XNonce::from(*nonce), payload).ok()
        })
    }
}
