//! Is this request fit to be looked at?
//!
//! Everything behind this module may believe that gateway and apps read the same request: one body
//! length, one path, one host, one spelling for each header name, at most one session cookie.
//! Whatever could be read in two ways is refused, not repaired. The rules are pure: bytes in, a
//! verdict out; no socket, clock or store is touched, so a refusal costs nothing and reveals
//! nothing.
//!
//! | file | question |
//! |---|---|
//! | `framing` | where does the request end? |
//! | `chunks` | and where, if it does not say beforehand? |
//! | `connection` | may it say this about the connection, and is it a WebSocket handshake? |
//! | `target` | which resource is meant? |
//! | `host` | which host is addressed? |
//! | `headers`, `reserved` | which names belong to the gateway? |
//! | `identity_headers` | and which of them does it write itself? |
//! | `hop` | has it been here before? |
//! | `fields` | how often does a field stand in a message? |
//! | `cookies` | which cookie is ours? |
//! | `marker` | which cookie do we show instead? |
//! | `client_ip` | who is at the other end? |
//! | `scheme` | and how did the visitor reach the proxy before us? |
//! | `quality` | how much is something wanted? |
//! | `refused` | why it was turned away, and with which status |
//! | `passed` | what was found out on the way |
//! | `breach` | and by which field? |
//! | `shown` | what of it may be written down? |
//! | `unread` | what came instead of a request? |
//! | `proxy_protocol` | whom does a balancer say that it speaks for? |
//! | `distinguished_name` | whose is a client's certificate? |
//! | `traceparent` | which trace does it belong to? |

mod breach;
pub mod chunks;
pub mod client_ip;
pub mod connection;
pub mod cookies;
pub mod distinguished_name;
pub mod fields;
mod framing;
pub mod headers;
pub mod hop;
pub mod host;
pub mod identity_headers;
pub mod marker;
mod passed;
pub mod proxy_protocol;
pub mod quality;
mod refused;
mod reserved;
pub mod scheme;
pub mod shown;
pub mod target;
pub mod traceparent;
pub mod unread;

use std::borrow::Cow;
use std::fmt;

use http::header::{HeaderMap, HeaderName};

pub use self::breach::{Breach, FieldName};
pub use self::cookies::{CookieLimits, Cookies, SidCookie, SidNames};
pub use self::headers::{Reserved, Spoofed};
pub use self::hop::HopMarks;
pub use self::host::{HostSet, ServedHost};
pub use self::passed::Passed;
pub use self::refused::{Class, Refused};
pub use self::target::{Slashes, Target};

/// Methods that go on to an app. WebDAV, TRACE and CONNECT do not; case matters.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A request as it was received, before anybody has believed any of it.
#[derive(Clone, Copy)]
pub struct RawRequest<'a> {
    /// As parsed from the request line; HTTP/2 for h2 and h2c.
    pub version: http::Version,
    /// As received, in its own letter case.
    pub method: &'a str,
    /// The request target exactly as it would be sent upstream.
    pub target: &'a [u8],
    /// HTTP/2 `:authority`, when there is one. Ignored for HTTP/1.
    pub authority: Option<&'a str>,
    /// The fields as parsed, none added or removed since.
    pub headers: &'a HeaderMap,
    /// HTTP/1: the head as received, request line to empty line. `None` in HTTP/2, whose framing
    /// has no text.
    pub raw_head: Option<&'a [u8]>,
    /// The peer is a proxy that the operator has named.
    pub from_trusted_proxy: bool,
}

/// What happens to header names with bytes other than letters, digits and `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddHeaderNames {
    /// The request is refused.
    Reject,
    /// The field is dropped.
    Drop,
}

/// What the operator has decided about requests.
#[derive(Debug, Clone)]
pub struct EdgePolicy {
    /// Hosts that are served.
    pub hosts: HostSet,
    /// The exact name of the session cookie of each site, by the number of the site.
    pub session_cookies: Vec<SessionCookie>,
    /// What becomes of header names outside `[A-Za-z0-9-]`.
    pub odd_header_names: OddHeaderNames,
    /// Reserved names that apps get from clients nevertheless.
    pub passthrough_headers: Vec<HeaderName>,
    /// Limit of the header block without the request line, in bytes.
    pub max_header_bytes: usize,
    /// Limit of the number of header fields.
    pub max_header_count: usize,
    /// Limit of all cookies together, in bytes.
    pub max_cookie_bytes: usize,
    /// Limit of the number of cookies.
    pub max_cookies: usize,
    /// Limit of one cookie, in bytes.
    pub max_one_cookie_bytes: usize,
    /// Limit of the request target, in bytes.
    pub max_target_bytes: usize,
    /// What becomes of paths with `%2F` or `//`.
    pub slashes: Slashes,
    /// Limit of a request body, in bytes: that of the route that takes the most.
    pub max_body_bytes: u64,
    /// What requests carry that have been here before.
    pub hop: HopMarks,
}

/// The names of session cookies as one site sees them. See [`SidNames`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCookie {
    own: String,
    others: Vec<String>,
}

impl SessionCookie {
    /// Those of sites whose cookies have these names, in the order of the sites. Sites may share a name. `hidden` are further
    /// cookies that no app gets to see.
    #[must_use]
    pub fn of_sites(names: &[&str], hidden: &[&str]) -> Vec<Self> {
        let of = |own: &&str| {
            let mut others: Vec<String> = vec![];
            for name in names.iter().chain(hidden).filter(|name| *name != own) {
                if others.iter().all(|other| other != name) {
                    others.push((*name).to_owned());
                }
            }
            Self {
                own: (*own).to_owned(),
                others,
            }
        };
        names.iter().map(of).collect()
    }
}

/// A request that may be looked at.
pub struct Vetted<'a> {
    /// The canonical path: what routes are matched on and what goes upstream.
    pub path: &'a str,
    /// The query, unpoliced.
    pub query: Option<&'a str>,
    /// The host as it is configured, and the site that it belongs to. Never the client's text, but for the label of a wildcard.
    pub host: Cow<'a, ServedHost>,
    /// The cookies, ours apart from the others.
    pub cookies: Cookies<'a>,
    /// A complete WebSocket handshake?
    pub websocket: bool,
    /// The declared body length. `None` for no body and for a chunked one.
    pub content_length: Option<u64>,
    /// Reserved header names that the client sent; [`headers::to_remove`] names them.
    pub spoofed: Spoofed,
}

impl EdgePolicy {
    /// The documented defaults, for sites whose session cookies have these names.
    #[must_use]
    pub fn new(hosts: HostSet, cookie_names: &[&str]) -> Self {
        Self {
            hosts,
            session_cookies: SessionCookie::of_sites(cookie_names, &[]),
            odd_header_names: OddHeaderNames::Reject,
            passthrough_headers: Vec::new(),
            max_header_bytes: 32 * 1024,
            max_header_count: 100,
            max_cookie_bytes: 8 * 1024,
            max_cookies: cookies::MAX_COOKIES,
            max_one_cookie_bytes: cookies::MAX_ONE_COOKIE_BYTES,
            max_target_bytes: target::MAX_TARGET_BYTES,
            slashes: Slashes::Strict,
            max_body_bytes: 10 * 1024 * 1024,
            hop: HopMarks::default(),
        }
    }

    /// `None`: there is no such site.
    fn sid_names(&self, site: usize) -> Option<SidNames<'_>> {
        let SessionCookie { own, others } = self.session_cookies.get(site)?;
        Some(SidNames { own, others })
    }

    /// How many and how large cookies are looked at.
    #[must_use]
    pub const fn cookie_limits(&self) -> CookieLimits {
        CookieLimits {
            all_bytes: self.max_cookie_bytes,
            count: self.max_cookies,
            one_bytes: self.max_one_cookie_bytes,
        }
    }
}

/// Vets a request. The order is part of the contract: framing first, because nothing else means
/// anything before it.
///
/// # Errors
/// The first rule that the request breaks.
pub fn vet<'a>(req: &RawRequest<'a>, policy: &'a EdgePolicy) -> Result<Vetted<'a>, Breach> {
    vet_telling(req, policy, |_passed| {})
}

/// Like [`vet`], and tells what each question has found. The one that is not told is the one that refused the request.
///
/// # Errors
/// The first rule that the request breaks.
pub fn vet_telling<'a>(
    req: &RawRequest<'a>,
    policy: &'a EdgePolicy,
    mut tell: impl FnMut(Passed<'_>),
) -> Result<Vetted<'a>, Breach> {
    let content_length = framing::check(req, policy)?;
    tell(Passed::Framing(content_length));
    let websocket = connection::check(req, content_length)?;
    tell(Passed::Connection(websocket));
    if !METHODS.contains(&req.method) {
        return Err(Refused::Method.into());
    }
    tell(Passed::Method);
    let Target { path, query } =
        Target::parse_with(req.target, policy.max_target_bytes, policy.slashes)?;
    tell(Passed::Target(path));
    let host = host::resolve(req, &policy.hosts)?;
    tell(Passed::Host(&host));
    let sid_names = policy.sid_names(host.site()).ok_or(Refused::HostUnknown)?;
    let spoofed = headers::check(req.headers, req.from_trusted_proxy, policy)?;
    tell(Passed::HeaderNames(spoofed));
    let cookies = Cookies::parse(req.headers, sid_names, policy.cookie_limits())?;
    tell(Passed::Cookies(&cookies));
    Ok(Vetted {
        path,
        query,
        host,
        cookies,
        websocket,
        content_length,
        spoofed,
    })
}

/// Without the query, which may hold secrets.
impl fmt::Debug for Vetted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vetted")
            .field("path", &self.path)
            .field("host", &&**self.host)
            .field("cookies", &self.cookies)
            .field("websocket", &self.websocket)
            .field("content_length", &self.content_length)
            .field("spoofed", &self.spoofed)
            .finish_non_exhaustive()
    }
}

/// Strips SP and HTAB, which is all the white space that HTTP knows; any other belongs to the text.
fn trim_blank(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests;
