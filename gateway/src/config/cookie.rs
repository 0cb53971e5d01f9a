//! `[cookie]`: the one cookie that browsers keep.

use super::reader::Reader;

/// The cookie that carries the sid. Path is always `/`, `HttpOnly` always set, Domain never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieConfig {
    /// Its name.
    pub name: CookieName,
    /// Whether browsers send it over TLS only.
    pub secure: bool,
    /// Whether other sites' requests carry it.
    pub same_site: SameSite,
}

/// The `SameSite` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Sent with top-level navigations from elsewhere.
    Lax,
    /// Never sent from elsewhere.
    Strict,
    /// Always sent; needs `secure`.
    None,
}

/// A cookie name: an RFC 6265 token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CookieName(String);

impl CookieConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("cookie", |cookie| {
            let name = cookie
                .text("name", CookieName::parse)
                .unwrap_or_else(|| CookieName("sid".to_owned()));
            let secure = cookie.flag("secure").unwrap_or(true);
            let same_site = cookie
                .choice_in_any_case(
                    "same_site",
                    &[
                        ("lax", SameSite::Lax),
                        ("strict", SameSite::Strict),
                        ("none", SameSite::None),
                    ],
                )
                .unwrap_or(SameSite::Lax);
            if !secure && name.demands_secure() {
                let message = format!("the prefix of {:?} needs secure = true", name.as_str());
                cookie
                    .document()
                    .contradiction(&["cookie.name", "cookie.secure"], message);
            }
            if !secure && same_site == SameSite::None {
                let message = "\"none\" needs secure = true";
                cookie
                    .document()
                    .contradiction(&["cookie.same_site", "cookie.secure"], message);
            }
            Self {
                name,
                secure,
                same_site,
            }
        })
    }
}

impl CookieName {
    /// Reads a token. A leading `$` is refused: the edge drops such pairs, as RFC 2965 attributes.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || text.starts_with('$') || !text.bytes().all(is_token) {
            return Err(format!("{text:?} is not a cookie name"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers accept this name only with `Secure`. They ignore the case of the prefix.
    pub(super) fn demands_secure(&self) -> bool {
        let name = self.0.to_ascii_lowercase();
        name.starts_with("__host-") || name.starts_with("__secure-")
    }
}
