//! Which header names belong to the gateway? No client may send them under any spelling that an app
//! could fold.
//!
//! Back ends read `X-Session-User`, `X_Session_User` and (some) `Http-X-Session-User` as one
//! variable. A name is therefore compared by its *fold*: lower case, and every byte that is neither
//! letter nor digit counts as `-`. Names with such bytes are not honest HTTP in practice and are
//! refused outright, or dropped by configuration; plain spellings are stripped and counted, because
//! proxies in front of us and curious clients send them without evil intent.
//!
//! Fields that concern one connection (`Keep-Alive`, `TE`, `Trailer`, `Proxy-*`, ...) are not
//! listed: Pingora's standard request policy strips those.

use http::header::{HeaderMap, HeaderName};

use super::{EdgePolicy, Refused};
use crate::config::OddHeaderNames;

/// What a client pretends to be by sending a reserved name; the `kind` of the spoof counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reserved {
    /// `X-Session-*`, `X-Sidgate-*`: the gateway itself.
    Identity,
    /// `X-Forwarded-*`, `Forwarded`, `X-Real-IP`: a proxy that we trust.
    Forwarding,
    /// `X-Original-*`, `X-Rewrite-URL`, method overrides: another request than the one that was
    /// judged.
    Rewrite,
    /// `X-Middleware-*` and the like: the framework's own router.
    Framework,
    /// `Remote-User`: a web server that has authenticated somebody.
    RemoteUser,
    /// `Proxy`: the environment of a CGI program (httpoxy).
    Proxy,
    /// A name with a byte outside `[A-Za-z0-9-]`.
    OddName,
}

impl Reserved {
    /// Every kind, so that counters exist before they move.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Forwarding,
        Self::Rewrite,
        Self::Framework,
        Self::RemoteUser,
        Self::Proxy,
        Self::OddName,
    ];

    /// The label in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Forwarding => "forwarding",
            Self::Rewrite => "rewrite",
            Self::Framework => "framework",
            Self::RemoteUser => "remote_user",
            Self::Proxy => "proxy",
            Self::OddName => "odd_name",
        }
    }
}

/// Folded names that are reserved as they are.
const EXACT: [(&str, Reserved); 13] = [
    ("forwarded", Reserved::Forwarding),
    ("x-real-ip", Reserved::Forwarding),
    ("x-rewrite-url", Reserved::Rewrite),
    ("x-http-method", Reserved::Rewrite),
    ("x-http-method-override", Reserved::Rewrite),
    ("x-method-override", Reserved::Rewrite),
    ("x-matched-path", Reserved::Framework),
    ("x-now-route-matches", Reserved::Framework),
    ("next-resume", Reserved::Framework),
    ("x-next-resume-state-length", Reserved::Framework),
    ("remote-user", Reserved::RemoteUser),
    ("proxy", Reserved::Proxy),
    ("x-forwarded", Reserved::Forwarding),
];

/// Folded beginnings: every longer name is reserved too.
const PREFIXES: [(&str, Reserved); 7] = [
    ("x-session-", Reserved::Identity),
    ("x-sidgate-", Reserved::Identity),
    ("x-forwarded-", Reserved::Forwarding),
    ("x-original-", Reserved::Rewrite),
    ("x-middleware-", Reserved::Framework),
    ("x-nextjs-", Reserved::Framework),
    ("x-invoke-", Reserved::Framework),
];

/// What a name pretends, if it is reserved in this or any foldable spelling.
///
/// `Http-` in front changes nothing, however often: it is a step of CGI naming (`HTTP_X_SESSION_ID`)
/// read as a header again.
#[must_use]
pub fn reserved(name: &str) -> Option<Reserved> {
    let mut name = name.as_bytes();
    while let Some(inner) = strip_folded_prefix(name, "http-") {
        name = inner;
    }
    reserved_plain(name)
}

fn reserved_plain(name: &[u8]) -> Option<Reserved> {
    // Most names of a browser's request leave here, on their first byte.
    if !matches!(fold(*name.first()?), b'x' | b'f' | b'n' | b'p' | b'r') {
        return None;
    }
    let exact = EXACT
        .iter()
        .find(|(reserved, _)| strip_folded_prefix(name, reserved).is_some_and(<[u8]>::is_empty));
    let prefix = || {
        PREFIXES
            .iter()
            .find(|(prefix, _)| strip_folded_prefix(name, prefix).is_some())
    };
    exact.or_else(prefix).map(|&(_, kind)| kind)
}

/// What is left of `name` behind the folded `prefix`.
fn strip_folded_prefix<'a>(name: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    let same = head
        .iter()
        .zip(prefix.bytes())
        .all(|(&byte, expected)| fold(byte) == expected);
    same.then_some(rest)
}

const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

/// Is there a byte outside `[A-Za-z0-9-]` in this name?
#[must_use]
pub fn is_odd(name: &str) -> bool {
    !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Why this field must not reach an app, if so.
fn verdict(name: &HeaderName, policy: &EdgePolicy) -> Option<Reserved> {
    if is_odd(name.as_str()) {
        return Some(Reserved::OddName);
    }
    // The exemption is looked up last: it is rarely there, and never reached by an ordinary name.
    reserved(name.as_str()).filter(|_| !policy.passthrough_headers.contains(name))
}

/// How many fields of each kind a request carried that will not reach an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spoofed {
    counts: [u16; Reserved::ALL.len()],
}

impl Spoofed {
    /// The kinds that were seen, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reserved, u16)> + '_ {
        Reserved::ALL
            .into_iter()
            .zip(self.counts)
            .filter(|&(_, count)| count > 0)
    }

    /// Was there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn add(&mut self, kind: Reserved) {
        for (counted, count) in Reserved::ALL.into_iter().zip(&mut self.counts) {
            if counted == kind {
                *count = count.saturating_add(1);
            }
        }
    }
}

/// Checks every header name, counting what [`to_remove`] will take away.
pub(super) fn check(headers: &HeaderMap, policy: &EdgePolicy) -> Result<Spoofed, Refused> {
    let mut spoofed = Spoofed::default();
    for (name, _) in headers {
        match verdict(name, policy) {
            Some(Reserved::OddName) if policy.odd_header_names == OddHeaderNames::Reject => {
                return Err(Refused::HeaderName);
            }
            Some(kind) => spoofed.add(kind),
            None => {}
        }
    }
    Ok(spoofed)
}

/// The names to remove from a request before the gateway writes its own; each once.
///
/// Allocates only when there is something to remove.
#[must_use]
pub fn to_remove(headers: &HeaderMap, policy: &EdgePolicy) -> Vec<HeaderName> {
    headers
        .keys()
        .filter(|name| verdict(name, policy).is_some())
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
