//! Whom does a balancer say that it speaks for? The header of the PROXY protocol, version 1 and 2.
//!
//! A balancer that passes connections on as they are writes one such header before the first byte of its client
//! (<https://www.haproxy.org/download/3.1/doc/proxy-protocol.txt>). Only a peer that the operator has named is asked for it.
//! The header is read by its own length and never beyond: what follows belongs to TLS or HTTP. Addresses alone are taken
//! from it; ports are checked and forgotten, and the additions of version 2 (TLVs) are skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The longest header that is read. Version 1 has its own limit; version 2 could be 64 KiB long.
pub const LONGEST: usize = 4096;

/// Longest line of version 1, with its CRLF.
const LONGEST_1: usize = 107;
const START_1: &[u8] = b"PROXY ";
const START_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Start, version and command, family and protocol, length.
const FIXED_2: usize = START_2.len() + 4;

/// A complete header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes that it takes up.
    pub length: usize,
    /// The client; `None` where the connection is the balancer's own, or of a kind that has no address.
    pub client: Option<IpAddr>,
}

/// How far a connection has come with its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It may still become one.
    Incomplete,
    /// It is there.
    Complete(Header),
}

/// Why the beginning of a connection is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHeader {
    /// It begins with something else.
    Missing,
    /// It begins like one, and breaks the rules of one.
    Malformed,
    /// It is longer than is read.
    TooLong,
}

/// Whether a connection begins with a header of either version, as far as its first bytes tell.
#[must_use]
pub fn begins_one(start: &[u8]) -> bool {
    start.starts_with(START_1) || start.starts_with(START_2)
}

/// Reads the header at the beginning of `bytes`.
///
/// # Errors
/// When no bytes that follow could make one of it.
pub fn read(bytes: &[u8]) -> Result<Progress, NoHeader> {
    if is_start_of(bytes, START_1) {
        read_1(bytes)
    } else if is_start_of(bytes, START_2) {
        read_2(bytes)
    } else {
        Err(NoHeader::Missing)
    }
}

/// Whether `bytes` begin with `start`, as far as they go.
fn is_start_of(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(byte, wanted)| byte == wanted)
}

fn read_1(bytes: &[u8]) -> Result<Progress, NoHeader> {
    let line = bytes.get(..LONGEST_1).unwrap_or(bytes);
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() >= LONGEST_1 {
            Err(NoHeader::TooLong)
        } else {
            Ok(Progress::Incomplete)
        };
    };
    let text = line.get(START_1.len()..end).unwrap_or_default();
    let client = client_of_line(text).ok_or(NoHeader::Malformed)?;
    Ok(Progress::Complete(Header {
        length: end + 2,
        client,
    }))
}

/// The client of a line without its first word and its end; `None` when it is malformed.
fn client_of_line(text: &[u8]) -> Option<Option<IpAddr>> {
    let text = str::from_utf8(text).ok()?;
    // Whatever follows that word is to be ignored.
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return Some(None);
    }
    let mut words = text.split(' ');
    let family = words.next()?;
    let (source, destination) = (words.next()?, words.next()?);
    let ports = [words.next()?, words.next()?];
    if words.next().is_some() || !ports.into_iter().all(is_port) {
        return None;
    }
    match family {
        "TCP4" => both::<Ipv4Addr>(source, destination).map(Some),
        "TCP6" => both::<Ipv6Addr>(source, destination).map(Some),
        _ => None,
    }
}

/// The first of two addresses of one family.
fn both<A: FromStr + Into<IpAddr>>(source: &str, destination: &str) -> Option<IpAddr> {
    destination.parse::<A>().ok()?;
    Some(source.parse::<A>().ok()?.into())
}

fn is_port(text: &str) -> bool {
    let is_canonical = text == "0" || !text.starts_with('0');
    is_canonical && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn read_2(bytes: &[u8]) -> Result<Progress, NoHeader> {
    let Some(&[command, kind, high, low]) = bytes.get(START_2.len()..FIXED_2) else {
        return Ok(Progress::Incomplete);
    };
    let length = FIXED_2 + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(NoHeader::TooLong);
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(NoHeader::Malformed),
    };
    let Some(body) = bytes.get(FIXED_2..length) else {
        return Ok(Progress::Incomplete);
    };
    let client = if is_local {
        None
    } else {
        client_of_body(kind, body).ok_or(NoHeader::Malformed)?
    };
    Ok(Progress::Complete(Header { length, client }))
}

/// The client in the body of a header that speaks for somebody; `None` when it is malformed.
fn client_of_body(kind: u8, body: &[u8]) -> Option<Option<IpAddr>> {
    // Source, destination, and two ports; UDP is no connection of ours.
    let (client, rest) = match kind {
        0x11 => {
            let (addresses, rest) = body.split_at_checked(12)?;
            let source: [u8; 4] = addresses.first_chunk().copied()?;
            (Some(IpAddr::from(source)), rest)
        }
        0x21 => {
            let (addresses, rest) = body.split_at_checked(36)?;
            let source: [u8; 16] = addresses.first_chunk().copied()?;
            (Some(IpAddr::from(source)), rest)
        }
        // Two paths of sockets.
        0x31 => (None, body.split_at_checked(216)?.1),
        // Unspecified: whatever is there is to be skipped.
        0x00 => return Some(None),
        _ => return None,
    };
    are_additions(rest).then_some(client)
}

/// Whether these bytes are additions, each with a type and its own length.
fn are_additions(mut rest: &[u8]) -> bool {
    while let [_, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match behind.get(length..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
