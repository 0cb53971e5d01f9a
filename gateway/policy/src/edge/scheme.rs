//! How did the visitor reach the proxy before us? Asked only of a proxy that the operator has named.
//!
//! A balancer that ends TLS also takes plain requests, and hands both on in the same way. It says
//! which is which in `X-Forwarded-Proto`, or in `Forwarded` where that is missing. Each hop appends
//! what it saw, so the last word is the one of the proxy that is known.

use http::HeaderMap;
use http::header::FORWARDED;

use super::trim_blank;

/// What the visitor's connection was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Clear text.
    Http,
    /// TLS.
    Https,
}

/// What the last proxy says; `None` where it says nothing that is known.
#[must_use]
pub fn told(headers: &HeaderMap) -> Option<Scheme> {
    let mut protos = headers.get_all("x-forwarded-proto").into_iter();
    if let Some(last) = protos.next_back() {
        return parse(last_hop(last.as_bytes()));
    }
    let last = headers.get_all(FORWARDED).into_iter().next_back()?;
    let mut pairs = last_hop(last.as_bytes())
        .split(|&byte| byte == b';')
        .map(trim_blank);
    parse(pairs.find_map(proto)?)
}

/// The element of a list that the last proxy has added. Empty elements say nothing (RFC 9110, 5.6.1).
fn last_hop(list: &[u8]) -> &[u8] {
    let mut elements = list.rsplit(|&byte| byte == b',').map(trim_blank);
    elements
        .find(|element| !element.is_empty())
        .unwrap_or_default()
}

/// The value of `proto=` in one pair of a `Forwarded` element.
fn proto(pair: &[u8]) -> Option<&[u8]> {
    let (name, value) = pair.split_at_checked("proto=".len())?;
    name.eq_ignore_ascii_case(b"proto=").then_some(value)
}

fn parse(text: &[u8]) -> Option<Scheme> {
    let text = trim_blank(text);
    let text = text
        .strip_prefix(b"\"")
        .and_then(|inner| inner.strip_suffix(b"\""))
        .unwrap_or(text);
    match text.to_ascii_lowercase().as_slice() {
        b"http" | b"ws" => Some(Scheme::Http),
        b"https" | b"wss" => Some(Scheme::Https),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
