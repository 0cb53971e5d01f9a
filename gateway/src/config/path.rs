//! URL paths in the configuration: one spelling, so that a prefix means the same to the gateway and to the apps.
//!
//! Percent-escapes are refused here. An app decodes `%c3%a9` and `%C3%A9` to the same page, a comparison of bytes does
//! not, so a rule written with an escape could be walked around by spelling the escape differently.

use std::fmt;

/// The path below which the gateway calls an app. Never public: only the gateway may make these calls.
pub(crate) const PRIVATE_PREFIX: &str = "/__sidgate__";

/// A path that begins with `/`, has no `.`, `..` or empty segments, no escapes, no query, and no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPrefix(
    /// Empty for the root, otherwise with a leading slash: then `prefix + "/"` is right for both.
    String,
);

impl PathPrefix {
    /// Reads a path; a trailing slash is dropped.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(match text.contains("://") {
                true => format!("{text:?} is a URL: write the path alone, which begins with \"/\""),
                false => format!("{text:?} does not begin with \"/\""),
            });
        };
        if let Some((prefix, _)) = text.split_once('*') {
            let prefix = prefix.get(..=prefix.rfind('/').unwrap_or(0)).unwrap_or("/");
            return Err(format!(
                "{text:?} is a pattern, and patterns are not supported: {prefix:?} covers everything below it"
            ));
        }
        let path = rest.strip_suffix('/').unwrap_or(rest);
        if path.is_empty() && text.len() <= 1 {
            return Ok(Self(String::new()));
        }
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err(format!("{text:?} has an empty or dot segment"));
            }
            if let Some(odd) = segment.chars().find(|c| !is_plain(*c)) {
                return Err(format!(
                    "{text:?} contains {odd:?}, which does not belong in a path prefix"
                ));
            }
        }
        Ok(Self(format!("/{path}")))
    }

    /// Reads a path at which the public may be answered.
    pub(super) fn parse_public(text: &str) -> Result<Self, String> {
        Self::parse(text)?.outside(&Self::fixed(PRIVATE_PREFIX), "is never public")
    }

    /// A path that is known to be well formed.
    pub(super) fn fixed(path: &'static str) -> Self {
        Self(path.trim_end_matches('/').to_owned())
    }

    /// The path without a trailing slash; `/` for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }

    /// Whether `path` is this path or lies below it, whole segments only.
    ///
    /// `path` is what stands before the query; one that still has a query or fragment is cut there, never let through
    /// to a weaker rule.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.0.as_str());
        path.starts_with('/')
            && rest.is_some_and(|rest| {
                matches!(rest.as_bytes().first(), None | Some(b'/' | b'?' | b'#'))
            })
    }

    /// The path itself, if it does not lie inside `other`, which is reserved for the reason given.
    pub(super) fn outside(self, other: &Self, reason: &str) -> Result<Self, String> {
        if other.covers(self.as_str()) {
            Err(format!("lies inside {other}, which {reason}"))
        } else {
            Ok(self)
        }
    }

    /// Length in bytes, by which the more specific of two matching prefixes is known.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RFC 3986 `pchar` without escapes, `;` and `*`. Some servers cut a segment at `;`. A `*` looks like a pattern, which
/// paths do not support.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()+,=:@".contains(c)
}
