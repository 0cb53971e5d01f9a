//! What keys and the channel of hints are called, also on a Redis that others use too.

use thiserror::Error;

use crate::sid::SessionKey;

/// What all names of this format begin with, behind the prefix.
const FORMAT: &str = "sidgate:1:";
const LENGTH_MAX: usize = 64;
/// What a prefix ends with. So none is the beginning of another word: `shop:` is not one for `shopping:`.
const SEPARATORS: [char; 5] = [':', '.', '-', '_', '/'];

/// Stands in front of every key and of the channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPrefix(Box<str>);

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadKeyPrefix {
    /// Too long.
    #[error("is longer than {LENGTH_MAX} characters")]
    Long,
    /// A cluster would keep all keys on one server.
    #[error(
        "has a brace: a cluster would take it for a hash tag and keep every session on one server"
    )]
    Brace,
    /// Patterns of access lists, shells and logs would read it differently.
    #[error("has a character other than letters, digits and : . - _ /")]
    Character,
    /// It does not begin with a word.
    #[error("does not begin with a letter or a digit")]
    Begin,
    /// It runs into what follows.
    #[error("does not end with one of : . - _ /, such as \"shop:\"")]
    End,
}

impl KeyPrefix {
    /// Reads a prefix. The empty one is none.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn parse(text: &str) -> Result<Self, BadKeyPrefix> {
        let is_fit = |char: char| char.is_ascii_alphanumeric() || SEPARATORS.contains(&char);
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > LENGTH_MAX {
            return Err(BadKeyPrefix::Long);
        }
        if text.contains(['{', '}']) {
            return Err(BadKeyPrefix::Brace);
        }
        if !text.chars().all(is_fit) {
            return Err(BadKeyPrefix::Character);
        }
        if text.starts_with(SEPARATORS) {
            return Err(BadKeyPrefix::Begin);
        }
        if !text.ends_with(SEPARATORS) {
            return Err(BadKeyPrefix::End);
        }
        Ok(Self(text.into()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of a session: its keyed digest in hex, which is useless for logging in.
    pub(super) fn key(&self, key: &SessionKey) -> String {
        let digest = blake3::Hash::from_bytes(*key.as_bytes()).to_hex();
        format!("{}{FORMAT}{digest}", self.0)
    }

    /// What every key matches, as an access list has it.
    #[must_use]
    pub fn keys(&self) -> String {
        format!("{}{FORMAT}*", self.0)
    }

    /// The channel of hints.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("{}{FORMAT}hint", self.0)
    }

    /// Whether a key of a server may be one of ours, of this format or another one.
    pub(super) fn is_ours(&self, key: &str) -> bool {
        let rest = key.strip_prefix(&*self.0);
        rest.is_some_and(|rest| rest.starts_with("sidgate:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_prefix_names_are_what_they_always_were() {
        let none = KeyPrefix::parse("").unwrap();
        assert!(none.is_empty());
        let key = none.key(&SessionKey::from_bytes([0x5a; 32]));
        assert_eq!(key, format!("sidgate:1:{}", "5a".repeat(32)));
        assert_eq!(none.keys(), "sidgate:1:*");
        assert_eq!(none.channel(), "sidgate:1:hint");
    }

    #[test]
    fn a_prefix_stands_in_front_of_keys_and_channel() {
        for text in ["shop:", "eu-1/shop.", "a_", "0:"] {
            let prefix = KeyPrefix::parse(text).unwrap();
            let key = prefix.key(&SessionKey::from_bytes([0; 32]));
            assert_eq!(key, format!("{text}sidgate:1:{}", "0".repeat(64)));
            assert_eq!(prefix.channel(), format!("{text}sidgate:1:hint"));
            assert!(prefix.is_ours(&key) && !prefix.is_ours("sidgate:1:00"));
        }
    }

    #[test]
    fn what_cannot_be_a_prefix_is_refused_with_the_reason() {
        let long = "a".repeat(LENGTH_MAX);
        for (text, why) in [
            ("shop", BadKeyPrefix::End),
            (":shop:", BadKeyPrefix::Begin),
            ("{shop}:", BadKeyPrefix::Brace),
            ("shop}:", BadKeyPrefix::Brace),
            ("sh*p:", BadKeyPrefix::Character),
            ("a shop:", BadKeyPrefix::Character),
            ("läden:", BadKeyPrefix::Character),
            ("shop\n:", BadKeyPrefix::Character),
            (&format!("{long}:"), BadKeyPrefix::Long),
        ] {
            assert_eq!(KeyPrefix::parse(text), Err(why), "{text}");
        }
        assert!(KeyPrefix::parse(&format!("{}:", &long[1..])).is_ok());
    }
}
