//! Which header names belong to the gateway? No client may send them under any spelling that an app
//! could fold.
//!
//! Back ends read `X-Session-User`, `X_Session_User` and (some) `Http-X-Session-User` as one
//! variable. A name is therefore compared by its *fold*: lower case, and every byte that is neither
//! letter nor digit counts as `-`. Names with such bytes are not honest HTTP in practice and are
//! refused outright, or dropped by configuration; plain spellings are stripped and counted, because
//! proxies in front of us and curious clients send them without evil intent.
//!
//! The names themselves are in `reserved`. Fields that concern one connection (`Keep-Alive`, `TE`,
//! `Trailer`, `Proxy-*`, ...) are not listed: Pingora's standard request policy strips those.

use http::header::{HeaderMap, HeaderName};
use strum::VariantArray as _;

use super::hop::HOP;
use super::identity_headers;
use super::reserved::{OF_PROXIES, UNCOUNTED};
pub use super::reserved::{Reserved, reserved};
use super::{Breach, EdgePolicy, FieldName, OddHeaderNames, Refused};

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
    counts: [u16; Reserved::VARIANTS.len()],
    /// There are fields to remove that no attack sends.
    expected: bool,
}

impl Spoofed {
    /// The kinds that look like an attack, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reserved, u16)> + '_ {
        Reserved::VARIANTS
            .iter()
            .copied()
            .zip(self.counts)
            .filter(|&(_, count)| count > 0)
    }

    /// Is there nothing to remove?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.expected && self.iter().next().is_none()
    }

    fn add(&mut self, kind: Reserved) {
        for (counted, count) in Reserved::VARIANTS.iter().copied().zip(&mut self.counts) {
            if counted == kind {
                *count = count.saturating_add(1);
            }
        }
    }
}

/// Checks every header name, counting what [`to_remove`] will take away.
pub(super) fn check(
    headers: &HeaderMap,
    from_trusted_proxy: bool,
    policy: &EdgePolicy,
) -> Result<Spoofed, Breach> {
    let mut spoofed = Spoofed::default();
    for (name, value) in headers {
        match verdict(name, policy) {
            Some(_) if *name == HOP && policy.hop.are(value) => return Err(Refused::Loop.into()),
            Some(Reserved::OddName) if policy.odd_header_names == OddHeaderNames::Reject => {
                return Err(Breach::by(Refused::HeaderName, name.as_str().as_bytes()));
            }
            Some(kind) if is_expected(name, kind, from_trusted_proxy) => spoofed.expected = true,
            Some(kind) => spoofed.add(kind),
            None => {}
        }
    }
    Ok(spoofed)
}

/// The first field that makes a request count as one of `kind`.
#[must_use]
pub fn first_of(
    kind: Reserved,
    headers: &HeaderMap,
    from_trusted_proxy: bool,
    policy: &EdgePolicy,
) -> Option<FieldName> {
    let counts = |name: &&HeaderName| {
        verdict(name, policy) == Some(kind) && !is_expected(name, kind, from_trusted_proxy)
    };
    let name = headers.keys().find(counts)?;
    Some(FieldName::sent(name.as_str().as_bytes()))
}

/// Reserved names that an edge writes itself, or that reach it from a network for content delivery in front of it. Sorted.
const OF_EDGES: [&str; 12] = [
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "x-azure-clientip",
    "x-azure-fdid",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// The first field that must not reach an app, and that an edge neither overwrites nor writes itself. For whoever cannot take it away.
///
/// Every edge overwrites [`identity_headers::TOLD`]. Names that an operator has configured may be younger than what the edge was told.
#[must_use]
pub fn left_over(headers: &HeaderMap, policy: &EdgePolicy) -> Option<FieldName> {
    let is_usual = |name: &HeaderName| {
        identity_headers::TOLD.contains(name)
            || OF_EDGES.contains(&name.as_str())
            || UNCOUNTED.contains(&name.as_str())
    };
    let stays = |name: &&HeaderName| verdict(name, policy).is_some() && !is_usual(name);
    let name = headers.keys().find(stays)?;
    Some(FieldName::sent(name.as_str().as_bytes()))
}

/// Everyday traffic must not look like an attack: a proxy that we trust speaks of its client, and
/// Next.js sends a few names of its own from browsers.
fn is_expected(name: &HeaderName, kind: Reserved, from_trusted_proxy: bool) -> bool {
    match kind {
        Reserved::Forwarding => from_trusted_proxy,
        Reserved::Rewrite => from_trusted_proxy && OF_PROXIES.contains(&name.as_str()),
        Reserved::Framework => UNCOUNTED.contains(&name.as_str()),
        _ => false,
    }
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
