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
const SEC_FETCH_OTHERS: [&str; 3] = ["sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user"];

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
    /// Fetch metadata without the decisive header: a browser's request from which it has been taken out, or a program that
    /// sends only some of them. Holds the name of the one that is there.
    #[error("{0} without sec-fetch-site")]
    Incomplete(&'static str),
}

impl CrossSite {
    /// The name of the cause in metrics and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::FetchSite => "fetch_site",
            Self::Origin => "origin",
            Self::Incomplete(_) => "incomplete",
        }
    }

    /// The name of the header that decided.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::FetchSite => "sec-fetch-site",
            Self::Origin => "origin",
            Self::Incomplete(name) => name,
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
        Field::Absent => {
            let mut others = SEC_FETCH_OTHERS.into_iter();
            match others.find(|name| headers.contains_key(*name)) {
                Some(name) => Err(CrossSite::Incomplete(name)),
                None => Ok(Allowed::NonBrowser),
            }
        }
    }
}

#[cfg(test)]
mod tests;
