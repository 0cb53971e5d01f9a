//! What may a client say about the connection itself?
//!
//! Three headers speak to the next hop instead of the app, and each has been used to take a gateway
//! apart: `Connection` names fields that a proxy then deletes (our identity, or the app's cookie),
//! `Upgrade` turns off checks that treat the rest of the stream as opaque, and `Expect` makes two
//! hops disagree about whether a body follows. The answer is an allow-list for each. Pingora takes
//! any `Upgrade: websocket` for a handshake, with or without `Connection: upgrade`, so the full
//! form is demanded here.

use http::Version;
use http::header::{CONNECTION, EXPECT, TRANSFER_ENCODING, UPGRADE};

use super::{RawRequest, Refused, trim_blank};

/// Checks the three headers; returns whether this is a WebSocket handshake.
///
/// `content_length` is what the framing rules found: a handshake has no body.
pub(super) fn check(req: &RawRequest<'_>, content_length: Option<u64>) -> Result<bool, Refused> {
    let upgrade_named = check_connection(req)?;
    check_expect(req)?;

    let mut protocols = req.headers.get_all(UPGRADE).into_iter();
    let Some(protocol) = protocols.next() else {
        // A lone `Connection: upgrade` asks for nothing; much-copied nginx configurations send it
        // on every request.
        return Ok(false);
    };
    let has_body = content_length.is_some_and(|length| length > 0)
        || req.headers.contains_key(TRANSFER_ENCODING);
    let handshake = protocols.next().is_none()
        && protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
        && upgrade_named
        && req.version == Version::HTTP_11
        && req.method == "GET"
        && !has_body;
    if handshake {
        Ok(true)
    } else {
        Err(Refused::Upgrade)
    }
}

/// Does `Connection` name `upgrade`? Refuses every name outside the allow-list.
fn check_connection(req: &RawRequest<'_>) -> Result<bool, Refused> {
    let mut upgrade_named = false;
    for value in req.headers.get_all(CONNECTION) {
        if req.version == Version::HTTP_2 {
            return Err(Refused::Connection);
        }
        for token in value.as_bytes().split(|&byte| byte == b',').map(trim_blank) {
            if token.eq_ignore_ascii_case(b"upgrade") {
                upgrade_named = true;
            } else if !token.is_empty()
                && !token.eq_ignore_ascii_case(b"close")
                && !token.eq_ignore_ascii_case(b"keep-alive")
            {
                return Err(Refused::Connection);
            }
        }
    }
    Ok(upgrade_named)
}

fn check_expect(req: &RawRequest<'_>) -> Result<(), Refused> {
    let mut values = req.headers.get_all(EXPECT).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        _ => Err(Refused::Expect),
    }
}

#[cfg(test)]
mod tests;
