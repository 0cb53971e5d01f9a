//! May this request change something on behalf of the browser's user?
//!
//! A browser sends our cookie along when any page asks it to, so the cookie alone proves nothing
//! about who wrote the request. The browser itself says where it came from: in `Sec-Fetch-Site`,
//! which no script can set, and in `Origin`. A client that sends neither is not a browser and
//! carries no ambient cookie (curl, a server); it is allowed. The rule is that of Go's
//! `CrossOriginProtection`, but `same-site` is not enough: a sibling subdomain is another party.

use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};

use crate::edge::fields::Field;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Sent by browsers together with `Sec-Fetch-Site`, never without.
const SEC_FETCH_OTHERS: [HeaderName; 3] = [
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-user"),
];

/// Why a request is accepted as intended by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// The browser says that a page of ours, or the user's own hand, made it.
    SameOrigin,
    /// No browser is involved.
    NonBrowser,
}

/// Why a request is refused as cross-site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// `Sec-Fetch-Site` names another site, or nothing that a browser says.
    #[error("sec-fetch-site is neither same-origin nor none")]
    FetchSite,
    /// `Origin` is another origin, `null`, or repeated.
    #[error("origin is not the public origin")]
    Origin,
    /// A browser's request from which the decisive header has been taken out.
    #[error("fetch metadata without sec-fetch-site")]
    Incomplete,
}

impl CrossSite {
    /// The name of the cause in metrics and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::FetchSite => "fetch_site",
            Self::Origin => "origin",
            Self::Incomplete => "incomplete",
        }
    }
}

/// Judges a request that would change something.
///
/// `public_origin` is compared byte by byte, so it must be written as browsers write it: scheme,
/// host, port unless it is the default one, lower case, no trailing slash.
///
/// # Errors
/// Why the request is refused.
pub fn check(headers: &HeaderMap, public_origin: &str) -> Result<Allowed, CrossSite> {
    match Field::find(headers, &SEC_FETCH_SITE) {
        Field::One(site) if site == "same-origin" || site == "none" => {
            return Ok(Allowed::SameOrigin);
        }
        Field::One(_) | Field::Several => return Err(CrossSite::FetchSite),
        Field::Absent => {}
    }
    match Field::find(headers, &ORIGIN) {
        Field::One(origin) if origin == public_origin => Ok(Allowed::SameOrigin),
        Field::One(_) | Field::Several => Err(CrossSite::Origin),
        Field::Absent
            if SEC_FETCH_OTHERS
                .iter()
                .any(|name| headers.contains_key(name)) =>
        {
            Err(CrossSite::Incomplete)
        }
        Field::Absent => Ok(Allowed::NonBrowser),
    }
}

#[cfg(test)]
mod tests;
