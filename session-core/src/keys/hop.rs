//! The mark of requests that have come through a gateway of this installation.
//!
//! It is a MAC over nothing but its purpose: the same for every request, so it is made once and says nothing about anybody.

use std::fmt;

const CONTEXT: &str = "sidgate 2026 v1 hop";
const MESSAGE: &[u8] = b"this request has come through a gateway";

/// The mark under one master key.
#[derive(Clone, PartialEq, Eq)]
pub struct HopMark(blake3::Hash);

impl HopMark {
    pub(super) fn new(derive: impl Fn(&str) -> [u8; 32]) -> Self {
        Self(blake3::keyed_hash(&derive(CONTEXT), MESSAGE))
    }

    /// As it is written: 64 hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_hex().to_string()
    }

    /// Whether `text` is this mark. The time that it takes says nothing about the mark.
    #[must_use]
    pub fn is(&self, text: &[u8]) -> bool {
        // Hashes are compared in constant time.
        blake3::Hash::from_hex(text).is_ok_and(|hash| hash == self.0)
    }
}

/// Without the mark.
impl fmt::Debug for HopMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HopMark(..)")
    }
}
