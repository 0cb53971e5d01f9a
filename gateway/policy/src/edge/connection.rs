//! What may a client say about the connection itself?
//!
//! Three headers speak to the next hop instead of the app, and each has been used to take a gateway
//! apart: `Connection` names fields that a proxy then deletes (our identity, or the app's cookie),
//! `Upgrade` turns off checks that treat the rest of the stream as opaque, and `Expect` makes two
//! hops disagree about whether a body follows.
//!
//! `Connection` may name only what concerns the hop and never reaches an app. Honest clients do:
//! LWP sends `TE, close`, Java and curl offer HTTP/2 with `Upgrade, HTTP2-Settings`. An offer to
//! upgrade that is not taken is ignored (RFC 9110, 7.8), except one: whoever mentions `websocket`
//! must bring the complete handshake, because a half one is a handshake to some servers and an
//! ordinary request to others.

use http::Version;
use http::header::{
    CONNECTION, EXPECT, HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};

use super::fields::{Field, only};
use super::{RawRequest, Refused, trim_blank};

/// What `Connection` may name. All of it is removed before the request goes on.
const NAMEABLE: [&str; 7] = [
    "close",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "http2-settings",
    "proxy-connection",
];

/// The name that no upgrade may carry without a complete handshake.
const WEBSOCKET: &[u8] = b"websocket";

/// Sixteen bytes in base64 (RFC 6455, 4.1).
const KEY_LENGTH: usize = 24;

/// Checks the three headers; returns whether this is a WebSocket handshake.
///
/// `content_length` is what the framing rules found: a handshake has no body.
pub(super) fn check(req: &RawRequest<'_>, content_length: Option<u64>) -> Result<bool, Refused> {
    let upgrade_named = check_connection(req)?;
    check_expect(req)?;

    if req.version == Version::HTTP_2 && req.headers.contains_key(UPGRADE) {
        return Err(Refused::Upgrade);
    }
    if !req.headers.get_all(UPGRADE).iter().any(names_websocket) {
        return Ok(false);
    }
    let has_body = content_length.is_some_and(|length| length > 0)
        || req.headers.contains_key(TRANSFER_ENCODING);
    let handshake = is_websocket(req.headers)
        && upgrade_named
        && req.version == Version::HTTP_11
        && req.method == "GET"
        && !has_body
        && has_key(req.headers);
    if handshake {
        Ok(true)
    } else {
        Err(Refused::Upgrade)
    }
}

/// Does a vetted request ask for a WebSocket? Every other `Upgrade` must be taken away.
#[must_use]
pub fn is_websocket(headers: &HeaderMap) -> bool {
    only(headers, &UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(WEBSOCKET))
}

/// Does the client want the connection closed after the answer? It may say so in any of several fields.
#[must_use]
pub fn is_last(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(CONNECTION).into_iter();
    let mut tokens = fields.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    tokens.any(|token| trim_blank(token).eq_ignore_ascii_case(b"close"))
}

/// Does this `Upgrade` mention it, alone or in a list, with a version or in quotes?
fn names_websocket(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .windows(WEBSOCKET.len())
        .any(|part| part.eq_ignore_ascii_case(WEBSOCKET))
}

/// The two fields without which no server may answer `101` (RFC 6455, 4.2.1).
fn has_key(headers: &HeaderMap) -> bool {
    let version = only(headers, &SEC_WEBSOCKET_VERSION);
    let key = only(headers, &SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    version.is_some_and(|version| version.as_bytes() == b"13")
        && key.is_some_and(|key| key.len() == KEY_LENGTH && key.ends_with(b"=="))
}

/// Does `Connection` name `upgrade`? Refuses every name outside the allow-list, and more names than there are: the
/// library below has a limit of its own, and would refuse the request after it was looked up.
fn check_connection(req: &RawRequest<'_>) -> Result<bool, Refused> {
    let (mut upgrade_named, mut named) = (false, 0);
    for value in req.headers.get_all(CONNECTION) {
        if req.version == Version::HTTP_2 {
            return Err(Refused::Connection);
        }
        for token in value.as_bytes().split(|&byte| byte == b',').map(trim_blank) {
            let is = |name: &str| token.eq_ignore_ascii_case(name.as_bytes());
            upgrade_named |= is("upgrade");
            named += usize::from(!token.is_empty());
            let known = token.is_empty() || NAMEABLE.iter().any(|name| is(name));
            if !known || named > NAMEABLE.len() {
                return Err(Refused::Connection);
            }
        }
    }
    Ok(upgrade_named)
}

fn check_expect(req: &RawRequest<'_>) -> Result<(), Refused> {
    match Field::find(req.headers, &EXPECT) {
        Field::Absent => Ok(()),
        Field::One(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        Field::One(_) | Field::Several => Err(Refused::Expect),
    }
}

#[cfg(test)]
mod tests;
