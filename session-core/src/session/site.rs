//! The name of a site: where a session was made.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::sid::Name;

/// The name of a site. Cheap to clone; that of the only site of an installation, `default`, allocates nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct SiteName(Name);

/// Text that names no site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a site is named by 1 to 32 of a-z, 0-9, _ and -")]
pub struct BadSite;

impl SiteName {
    /// The name `text`; `default` is [`SiteName::default`].
    ///
    /// # Errors
    /// When `text` is not 1 to 32 bytes of `a-z`, `0-9`, `_` and `-`.
    pub fn named(text: &str) -> Result<Self, BadSite> {
        Name::parse(text).map(Self).ok_or(BadSite)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is the name of the only site of an installation.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.0.is_default()
    }

    /// See [`Name::text_mut`].
    pub(super) const fn text_mut(&mut self) -> Option<&mut Arc<str>> {
        self.0.text_mut()
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_named_like_a_group() {
        assert_eq!(SiteName::named("shop").unwrap().as_str(), "shop");
        assert_eq!(SiteName::named("default"), Ok(SiteName::default()));
        assert!(SiteName::default().is_default());
        for text in ["", "Shop", "a:b", &"x".repeat(33)] {
            assert_eq!(SiteName::named(text), Err(BadSite), "{text:?}");
        }
    }
}
