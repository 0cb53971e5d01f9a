//! References: short texts that an app keeps with a session, sealed so that nobody else can read them.
//!
//! A reference is often the key of a session of the app's own. A reader of the table, the shared cache or another app's
//! assertion must not learn it. So each app has its own key, and a sealed reference opens only with the session for
//! which it was sealed (`crate::sealing`, with the handle as the place).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::Keyring;
use crate::entropy::{Entropy, NoEntropy};
use crate::sealing::Ciphers;
use crate::secret::SecretString;

/// Keys of one app's references: seals with the current one, opens with any.
pub struct ReferenceKeys(Ciphers);

impl ReferenceKeys {
    /// The keys for references of the app `name`.
    #[must_use]
    pub fn new(keys: &Keyring, name: &str) -> Self {
        Self(Ciphers::new(keys.references(name)))
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
        let text = text.expose().as_bytes();
        let sealed = self.0.seal(text, session.as_bytes(), entropy)?;
        Ok(sealed.map(|sealed| URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens what was sealed for this session. `None` when it was sealed for another session, or under a master key
    /// that is no longer in use.
    #[must_use]
    pub fn open(&self, session: Uuid, sealed: &str) -> Option<SecretString> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let opened = self.0.open(&sealed, session.as_bytes())?;
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
