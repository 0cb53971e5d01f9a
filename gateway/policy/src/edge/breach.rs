//! A broken rule, and the name of the field that broke it.
//!
//! Who has to find out why a request was refused needs to know which field it was. Only its name is told, never its
//! value: a value may be a secret, and so may be a name that is none, see [`shown`](super::shown).

use std::borrow::Cow;
use std::fmt;

use super::{Refused, shown};

/// The name of a header field or cookie, as it may be written down: visible ASCII, short, no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldName(Cow<'static, str>);

impl FieldName {
    /// A name that stands in this program.
    #[must_use]
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A name that a client has chosen.
    #[must_use]
    pub fn sent(name: &[u8]) -> Self {
        Self(Cow::Owned(shown::name(name)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A rule of the edge that a request has broken, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct Breach {
    /// The rule.
    pub rule: Refused,
    /// The field that broke it, where it was one.
    pub field: Option<FieldName>,
}

impl Breach {
    /// Broken by the field or cookie that the client calls `name`.
    #[must_use]
    pub fn by(rule: Refused, name: &[u8]) -> Self {
        Self {
            rule,
            field: Some(FieldName::sent(name)),
        }
    }
}

/// Most rules are about one field, whose name need not be looked for.
impl From<Refused> for Breach {
    fn from(rule: Refused) -> Self {
        Self {
            rule,
            field: rule.field().map(FieldName::known),
        }
    }
}

#[cfg(test)]
mod tests;
