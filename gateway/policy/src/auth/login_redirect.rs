//! Where is a person sent to log in, and how does the login page know the way back?
//!
//! `login_url?next=<path and query>`. The way back is made from the vetted request, never from Host or
//! `X-Forwarded-*`, and is always a path on this origin: a login page that sends its user to `next`
//! cannot be made to send them elsewhere. Only somebody who has sent a form goes back to the page that
//! held it, which the browser names in `Referer`: its path has to pass the rules for every path.

use http::header::{HeaderMap, REFERER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::edge::Target;
use crate::edge::fields::only;
use crate::edge::target::MAX_TARGET_BYTES;

/// The longest `next`, percent-encoded. Keeps the Location header below what proxies and browsers
/// take.
pub const MAX_NEXT_BYTES: usize = 2048;

/// What is encoded in `next`: everything that is not unreserved (RFC 3986), so that nothing of the request can end the
/// value. `/` stays readable.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The login page, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginUrl {
    /// Everything before the fragment.
    base: String,
    /// With its `#`, or empty.
    fragment: String,
}

/// A `login_url` that is neither a path on this origin nor an absolute http(s) URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("login_url must be a path that begins with a single '/', or an absolute http(s) url")]
pub struct InvalidLoginUrl;

impl LoginUrl {
    /// Parses the configured value.
    ///
    /// # Errors
    /// It could send people somewhere unintended, or break the header it is written to.
    pub fn parse(url: &str) -> Result<Self, InvalidLoginUrl> {
        let absolute = ["https://", "http://"].iter().any(|scheme| {
            url.strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        });
        let printable = url.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(absolute || is_local(url)) {
            return Err(InvalidLoginUrl);
        }
        let (base, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        Ok(Self {
            base: base.to_owned(),
            fragment: fragment.to_owned(),
        })
    }

    /// The Location for a request to `path` and `query`; `None` when that *is* the login page,
    /// which would send the browser in a circle.
    ///
    /// A way back that is too long loses its query, then itself: logging in matters more.
    #[must_use]
    pub fn location(&self, path: &str, query: Option<&str>) -> Option<String> {
        self.with_way_back("", path, query)
    }

    /// The same for somebody who is logged in and has to prove once more who they are: with `reauth=1`, so that the login page
    /// does not send them straight back.
    #[must_use]
    pub fn location_again(&self, path: &str, query: Option<&str>) -> Option<String> {
        self.with_way_back("reauth=1", path, query)
    }

    /// The same for somebody who is not to be asked for a login: with `silent=1`.
    #[must_use]
    pub fn location_silently(&self, path: &str, query: Option<&str>) -> Option<String> {
        self.with_way_back("silent=1", path, query)
    }

    fn with_way_back(&self, first: &str, path: &str, query: Option<&str>) -> Option<String> {
        if self.is_at(path) {
            return None;
        }
        let next = query
            .and_then(|query| encode_next(&[path, "?", query]))
            .or_else(|| encode_next(&[path]))
            .filter(|_| is_local(path));
        let Self { base, fragment } = self;
        let mut location = base.clone();
        let mut separator = if base.contains('?') { '&' } else { '?' };
        let first = (!first.is_empty()).then(|| first.to_owned());
        for parameter in first
            .into_iter()
            .chain(next.map(|next| format!("next={next}")))
        {
            location.push(separator);
            location.push_str(&parameter);
            separator = '&';
        }
        location.push_str(fragment);
        Some(location)
    }

    fn is_at(&self, path: &str) -> bool {
        let own_path = self.base.split('?').next().unwrap_or_default();
        // An absolute URL never equals a path: it may well share one with another origin.
        own_path.trim_end_matches('/') == path.trim_end_matches('/')
    }
}

/// The page that held the form which somebody has sent, as path and query, if it is one of this origin.
///
/// `origin` is written as browsers write it, so it is compared byte by byte.
#[must_use]
pub fn page_of_form<'a>(headers: &'a HeaderMap, origin: &str) -> Option<Target<'a>> {
    let referer = only(headers, &REFERER)?.to_str().ok()?;
    let target = referer.strip_prefix(origin)?;
    let target = Target::parse(target.as_bytes(), MAX_TARGET_BYTES).ok()?;
    is_local(target.path).then_some(target)
}

/// Is this a place on our own origin, to every browser?
///
/// Browsers take `//host` and `/\host` for another host, and drop tabs and line ends before they
/// look.
#[must_use]
pub fn is_local(target: &str) -> bool {
    let Some(rest) = target.strip_prefix('/') else {
        return false;
    };
    !rest.starts_with(['/', '\\']) && !target.bytes().any(|byte| byte.is_ascii_control())
}

/// Percent-encodes the parts for use as a query value; `None` when the result is too long.
fn encode_next(parts: &[&str]) -> Option<String> {
    let mut encoded = String::new();
    for piece in parts
        .iter()
        .flat_map(|part| utf8_percent_encode(part, ENCODED))
    {
        if encoded.len() + piece.len() > MAX_NEXT_BYTES {
            return None;
        }
        encoded.push_str(piece);
    }
    Some(encoded)
}

#[cfg(test)]
mod tests;
