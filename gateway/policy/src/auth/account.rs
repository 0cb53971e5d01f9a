//! One spelling for the name of an account.
//!
//! Databases compare names loosely: without regard to case, width or accents, each in its own way. An attacker who
//! guesses could get a limit for each spelling that the app takes for the same. So names are compared at least as
//! loosely as any common database does it. Two accounts that share a limit do less harm than one account with a hundred
//! limits.
//!
//! What no table of characters knows, such as an account that has an address and a user name, the app says itself: see
//! `account` in its refusals.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

/// The name of an account in its one spelling. Not printable.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Account(String);

impl Account {
    /// Folds what somebody has typed: compatibility forms (NFKC) and case, without accents, invisible characters, blanks
    /// around it and dots behind it.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let folded: String = typed
            .nfkd()
            .filter(|&char| !is_ignored(char))
            .flat_map(fold_case)
            .nfkd()
            .filter(|&char| !is_ignored(char))
            .nfc()
            .collect();
        let name = folded
            .trim_start()
            .trim_end_matches(|char: char| char.is_whitespace() || char == '.');
        Self(name.to_owned())
    }

    /// For digests and comparisons alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(***)")
    }
}

/// Through upper case, because databases compare by `UPPER` too: that makes `i` of a dotless one and `ss` of a sharp s. From
/// lower case, because some capitals only have one there.
fn fold_case(char: char) -> impl Iterator<Item = char> {
    char.to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// Accents, control characters, and what Unicode calls default ignorable. Vowel signs, of which many languages of Asia write
/// half of their letters, are no accents: their combining class is 0.
fn is_ignored(char: char) -> bool {
    /// In Greek a letter of its own when it is written in capitals.
    const IOTA_SUBSCRIPT: char = '\u{345}';
    let is_accent = canonical_combining_class(char) != 0 && char != IOTA_SUBSCRIPT;
    is_accent || char.is_control() || is_default_ignorable(char)
}

/// `Default_Ignorable_Code_Point` of Unicode, which holds what is not assigned yet as well.
fn is_default_ignorable(char: char) -> bool {
    matches!(
        char,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests;
