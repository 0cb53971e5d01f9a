//! The sid: the one secret a browser holds.
//!
//! 128 bits, shown as 36 characters in the form of a UUID. It is not a UUID: version 4 carries only 122 random bits and
//! OWASP ASVS 5.0 (7.2.3) asks for 128. `sid = AES-128(seal key, 96 random bits || 32-bit tag of its group)`, so without the
//! key it is a uniformly random value, and with the key a forged one, or one of another group, is recognised in tens of
//! nanoseconds, without I/O ([`crate::keys::Keyring::recognise`]). The tag of the default group is zero: programs that know
//! no groups make such sids, and take those of other groups for forged. The store never sees a sid: rows are keyed by
//! [`SessionKey`], a keyed digest.

use std::fmt;

use zeroize::Zeroize;

mod group;
mod name;

pub use group::{BadGroup, Group, Groups};
pub(crate) use group::{TAG_LEN, Tag};
pub(crate) use name::Name;

/// Length of the canonical text form, in bytes.
pub const SID_TEXT_LEN: usize = 36;

/// Random bytes that go into one sid.
pub const SID_RANDOM_LEN: usize = 12;

/// Where the text form has its dashes.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// A bearer secret. Not printable, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Sid([u8; 16]);

impl Sid {
    /// Accepts exactly the canonical form: 36 bytes, dashes at 8, 13, 18 and 23, lower-case hex elsewhere.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; SID_TEXT_LEN] = text.try_into().ok()?;
        let mut bytes = [0_u8; 16];
        let mut digits = text
            .iter()
            .enumerate()
            .filter(|(at, _)| !DASHES.contains(at));
        for byte in &mut bytes {
            let high = hex(*digits.next()?.1)?;
            let low = hex(*digits.next()?.1)?;
            *byte = high << 4 | low;
        }
        DASHES
            .iter()
            .all(|&at| text.get(at) == Some(&b'-'))
            .then_some(Self(bytes))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The canonical text, for the one `Set-Cookie` that carries it.
    #[must_use]
    pub fn expose(&self) -> SidText {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let mut text = String::with_capacity(SID_TEXT_LEN);
        for byte in self.0 {
            if DASHES.contains(&text.len()) {
                text.push('-');
            }
            text.push(char::from(digit(byte >> 4)));
            text.push(char::from(digit(byte & 0x0f)));
        }
        SidText(text)
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sid(..)")
    }
}

impl Drop for Sid {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The text form of a [`Sid`], wiped on drop.
pub struct SidText(String);

impl SidText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SidText(..)")
    }
}

impl Drop for SidText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Keyed digest of a sid: the primary key of a session in every tier. Useless for logging in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
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

impl TryFrom<&[u8]> for SessionKey {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
