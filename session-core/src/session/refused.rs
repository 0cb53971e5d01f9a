//! A member of an app's JSON that is not as documented: which one, and what is wrong with it. Never what it holds.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

/// Longest name of a member that is shown, in bytes.
const NAME_MAX: usize = 64;

/// Why something that an app says is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path} {why}")]
pub struct MemberRefused {
    /// The member with those around it, such as `identity.user.id`.
    path: String,
    why: WhyRefused,
}

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WhyRefused {
    /// It is required, and not there.
    #[error("is missing")]
    Missing,
    /// Nothing of this name is documented here.
    #[error("is not a documented member")]
    NotDocumented,
    /// It has another type or form. The text says which it must have.
    #[error("must be {0}")]
    MustBe(&'static str),
    /// Its JSON has more bytes than this.
    #[error("has more than {0} bytes of JSON")]
    TooLarge(usize),
    /// A text in it has a character that PostgreSQL cannot store.
    #[error("holds a text with the character U+0000")]
    Nul,
    /// It says something else than before, and must not.
    #[error("cannot be changed")]
    Fixed,
}

impl MemberRefused {
    /// A refusal of the member at `path`.
    #[must_use]
    pub fn new(path: &str, why: WhyRefused) -> Self {
        Self {
            path: path.to_owned(),
            why,
        }
    }

    /// Which member it is.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn why(&self) -> WhyRefused {
        self.why
    }

    /// The same refusal, of a member of `outer`.
    #[must_use]
    pub fn within(self, outer: impl fmt::Display) -> Self {
        Self {
            path: format!("{outer}.{}", self.path),
            why: self.why,
        }
    }
}

/// A rule for one member: its name, and what it must be when it is there.
pub type MemberRule = (&'static str, &'static str, fn(&Value) -> bool);

/// The first member of `members` that breaks its rule or has none. Names come from an app: an odd one is not repeated.
///
/// # Errors
/// Which member, and why.
pub fn check_members(
    members: &Map<String, Value>,
    rules: &[MemberRule],
) -> Result<(), MemberRefused> {
    for &(name, form, fits) in rules {
        if members.get(name).is_some_and(|value| !fits(value)) {
            return Err(MemberRefused::new(name, WhyRefused::MustBe(form)));
        }
    }
    let is_known = |name: &String| rules.iter().any(|(known, ..)| known == name);
    match members.keys().find(|name| !is_known(name)) {
        Some(unknown) => Err(MemberRefused::new(
            shown(unknown),
            WhyRefused::NotDocumented,
        )),
        None => Ok(()),
    }
}

/// A name as it may be shown.
fn shown(name: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
        name
    } else {
        "(a member with an odd name)"
    }
}
