//! What a browser brings that a handover has to know.

use http::HeaderMap;
use session_core::sid::Sid;
use sidgate_policy::auth::on_missing::{is_page, is_prefetch};
use sidgate_policy::edge::{Cookies, SidCookie, Vetted};

use crate::state::{ActiveConfig, site};

/// What a handover has to know of a request beside its query.
#[derive(Debug)]
pub(crate) struct Browser {
    /// The sid that it brought, well-formed.
    pub sid: Option<Sid>,
    /// The secret that it was given when a handover began.
    pub secret: Option<String>,
    /// Whether it shows the answer as a page of its own window, and not of a frame.
    pub is_page: bool,
    /// Whether nobody has asked for the page yet.
    pub is_prefetch: bool,
    /// The addressed host and port, as configured.
    pub host: String,
}

impl Browser {
    /// What a vetted request with these fields brought.
    pub(crate) fn of(settings: &ActiveConfig, vetted: &Vetted<'_>, headers: &HeaderMap) -> Self {
        let at = &settings.site(vetted.host.site()).config;
        let name = site::state_cookie_name(at.cookie.secure);
        // Planted beside ours, a second one makes both of no use.
        let secret = Cookies::parse(headers, name, settings.edge.cookie_limits()).ok();
        let secret = secret.and_then(|cookies| match cookies.sid() {
            SidCookie::One(secret) => String::from_utf8(secret.to_vec()).ok(),
            SidCookie::None => None,
        });
        let sid = match vetted.cookies.sid() {
            SidCookie::One(sid) => Sid::parse(sid),
            SidCookie::None => None,
        };
        Self {
            sid,
            secret: secret.filter(|secret| !secret.is_empty()),
            is_page: is_page(headers),
            is_prefetch: is_prefetch(headers),
            host: vetted.host.to_string(),
        }
    }
}
