//! The `Set-Cookie` of the sid. Written with the `cookie` crate; never read with it.

use std::time::Duration;

use cookie::{Cookie, SameSite as CookieSameSite};
use http::HeaderValue;
use session_core::clock::Timestamp;
use session_core::session::Session;
use session_core::sid::Sid;

use crate::config::{CookieConfig, SameSite};

/// Hands the sid of `session` to the browser: for the rest of the session's life, or until the browser is closed.
#[must_use]
pub(crate) fn issue(
    config: &CookieConfig,
    sid: &Sid,
    session: &Session,
    now: Timestamp,
) -> Option<HeaderValue> {
    let life = (!session.references.end_with_browser()).then(|| session.expires_at.since(now));
    header(config, sid.expose().as_str(), life)
}

/// A cookie of the gateway's own that is needed for a short while. It comes back with navigations from other sites.
#[must_use]
pub(crate) fn short_lived(
    name: &'static str,
    value: &str,
    (secure, life): (bool, Duration),
) -> Option<HeaderValue> {
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(CookieSameSite::Lax)
        .max_age(time::Duration::seconds(seconds(life)));
    written(&cookie.build())
}

/// Clears the sid cookie.
#[must_use]
pub(crate) fn clear(config: &CookieConfig) -> Option<HeaderValue> {
    header(config, "", Some(Duration::ZERO))
}

/// Without a `life`, the cookie ends when the browser is closed.
fn header(config: &CookieConfig, value: &str, life: Option<Duration>) -> Option<HeaderValue> {
    let mut cookie = Cookie::build((config.name.as_str(), value))
        .path("/")
        .http_only(true)
        .secure(config.secure)
        .same_site(match config.same_site {
            SameSite::Lax => CookieSameSite::Lax,
            SameSite::Strict => CookieSameSite::Strict,
            SameSite::None => CookieSameSite::None,
        });
    if let Some(domain) = &config.domain {
        cookie = cookie.domain(domain.to_string());
    }
    if let Some(life) = life {
        cookie = cookie.max_age(time::Duration::seconds(seconds(life)));
    }
    written(&cookie.build())
}

fn seconds(life: Duration) -> i64 {
    i64::try_from(life.as_secs()).unwrap_or(i64::MAX)
}

fn written(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&cookie.to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether an app's `Set-Cookie` names our cookie, in any letter case and with any blanks around the name: some client
/// might take it for ours.
///
/// Browsers keep `=sid=x` as a cookie without a name, and send its value back alone: as `sid=x`. So what counts is the
/// first text that is not blank.
#[must_use]
pub(crate) fn names_ours(set_cookie: &HeaderValue, ours: &str) -> bool {
    let pair = set_cookie.as_bytes().split(|&byte| byte == b';').next();
    pair.unwrap_or_default()
        .split(|&byte| byte == b'=')
        .map(|text| text.iter().copied().filter(u8::is_ascii_graphic))
        .map(Vec::from_iter)
        .find(|text| !text.is_empty())
        .is_some_and(|name| name.eq_ignore_ascii_case(ours.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_name_is_found_in_any_dress() {
        for dress in [
            "sid=x",
            "SID=x; Path=/",
            " sid =x",
            "\tsid=",
            "sid",
            "sid; Path=/",
            "Sid\u{a0}=x",
            "=sid=x",
            " =\tSID =x; Path=/",
            "=sid",
            "==sid=x",
        ] {
            let value = HeaderValue::from_bytes(dress.as_bytes()).unwrap();
            assert!(names_ours(&value, "sid"), "{dress:?}");
        }
        for other in ["sidx=1", "xsid=1", "a=sid", "a=b; sid=1", "=a=sid", "=", ""] {
            assert!(
                !names_ours(&HeaderValue::from_static(other), "sid"),
                "{other:?}"
            );
        }
    }
}
