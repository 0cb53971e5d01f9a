//! Keys for what two sites of one installation tell each other through a browser, when a login is handed from one to the other.

use std::fmt;

use zeroize::Zeroizing;

use crate::entropy::{Entropy, NoEntropy};
use crate::sealing::Ciphers;
use crate::secret::SecretKey;

pub(super) const CONTEXT: &str = "sidgate 2026 v1 handover";

/// What is sealed. What was sealed as one does not open as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// What the site that asks for a login says.
    Ticket,
    /// What the other one answers, with the sid.
    Code,
}

impl Sealed {
    const fn place(self) -> &'static [u8] {
        match self {
            Self::Ticket => b"ticket",
            Self::Code => b"code",
        }
    }
}

/// Seals with the current master's key, opens with that of any master in use.
pub struct HandoverKeys(Ciphers);

impl HandoverKeys {
    pub(super) fn new(keys: impl IntoIterator<Item = SecretKey>) -> Self {
        Self(Ciphers::new(keys))
    }

    /// Seals a text. `None` when it is too long.
    ///
    /// # Errors
    /// Without randomness.
    pub fn seal(
        &self,
        what: Sealed,
        text: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<u8>>, NoEntropy> {
        self.0.seal(text, what.place(), entropy)
    }

    /// Opens a text; `None` when it was not sealed as this, or under none of the keys.
    #[must_use]
    pub fn open(&self, what: Sealed, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.open(sealed, what.place()).map(Zeroizing::new)
    }
}

impl fmt::Debug for HandoverKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandoverKeys(..)")
    }
}

#[cfg(test)]
mod tests;
