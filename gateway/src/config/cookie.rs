//! `[cookie]`: the one cookie that browsers keep.

use super::domain::optional_domain;
use super::host::Host;
use super::reader::Reader;

/// The cookie that carries the sid. Path is always `/`, `HttpOnly` always set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieConfig {
    /// Its name.
    pub name: CookieName,
    /// Whether browsers send it over TLS only.
    pub secure: bool,
    /// Whether other sites' requests carry it.
    pub same_site: SameSite,
    /// The domain whose hosts all get it; `None`: the host that set it alone.
    pub domain: Option<Host>,
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
    /// Reads the table `cookie` of `parent`. What it does not say is as in `default`.
    pub(super) fn read(parent: &mut Reader<'_>, default: &Self) -> Self {
        parent.section("cookie", |cookie| {
            let name = cookie.text("name", CookieName::parse);
            let same_site = cookie.choice_in_any_case(
                "same_site",
                &[
                    ("lax", SameSite::Lax),
                    ("strict", SameSite::Strict),
                    ("none", SameSite::None),
                ],
            );
            let domain = cookie.text("domain", optional_domain);
            let read = Self {
                name: name.unwrap_or_else(|| default.name.clone()),
                secure: cookie.flag("secure").unwrap_or(default.secure),
                same_site: same_site.unwrap_or(default.same_site),
                domain: domain.unwrap_or_else(|| default.domain.clone()),
            };
            read.check(cookie);
            read
        })
    }

    fn check(&self, cookie: &Reader<'_>) {
        if !self.secure && self.name.demands_secure() {
            let message = format!("the prefix of {:?} needs secure = true", self.name.as_str());
            cookie.contradiction(&["name", "secure"], message);
        }
        if !self.secure && self.same_site == SameSite::None {
            cookie.contradiction(&["same_site", "secure"], "\"none\" needs secure = true");
        }
        if let Some(domain) = &self.domain
            && self.name.belongs_to_a_host()
        {
            let message = format!(
                "browsers keep {:?} for the host that sets it alone, not for {domain}",
                self.name.as_str()
            );
            cookie.contradiction(&["domain", "name"], message);
        }
    }
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            name: CookieName("sid".to_owned()),
            secure: true,
            same_site: SameSite::Lax,
            domain: None,
        }
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
        self.belongs_to_a_host() || self.0.to_ascii_lowercase().starts_with("__secure-")
    }

    /// Whether browsers accept this name only without a `Domain`. They ignore the case of the prefix.
    fn belongs_to_a_host(&self) -> bool {
        self.0.to_ascii_lowercase().starts_with("__host-")
    }
}
