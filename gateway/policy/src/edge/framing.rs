//! Where does this request end? Refuses every message that two parsers could cut in two ways.
//!
//! Pingora repairs some heads before anybody sees the parsed fields: it drops Content-Length beside
//! Transfer-Encoding, skips empty lines, takes bare LF for a line end and cuts a fragment off the
//! target. The app behind us would never know. So an HTTP/1 request is judged on the bytes as they
//! arrived: the head must be the request line that was parsed, followed by exactly the fields that
//! were parsed, each line ended by CRLF.

use http::Version;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use super::fields::Field;
use super::{Breach, EdgePolicy, RawRequest, Refused};

/// Transfer codings that exist; they get "not implemented" rather than "malformed".
const OTHER_CODINGS: [&str; 5] = ["gzip", "x-gzip", "deflate", "compress", "x-compress"];

/// Checks version, head, header limits and body framing; returns the declared body length.
///
/// A chunked body declares no length: whoever reads it must count it against the same limit.
pub(super) fn check(req: &RawRequest<'_>, policy: &EdgePolicy) -> Result<Option<u64>, Breach> {
    match req.version {
        Version::HTTP_10 | Version::HTTP_11 => check_head(req)?,
        Version::HTTP_2 => {}
        _ => return Err(Refused::Version.into()),
    }
    check_limits(req.headers, policy)?;

    let chunked = check_transfer_encoding(req)?;
    let length = content_length(req.headers)?;
    if chunked && length.is_some() {
        return Err(Refused::FramingConflict.into());
    }
    if length.is_some_and(|length| length > policy.max_body_bytes) {
        return Err(Refused::BodyTooLarge.into());
    }
    Ok(length)
}

/// Holds the head as received against what the parser made of it.
fn check_head(req: &RawRequest<'_>) -> Result<(), Refused> {
    let head = req.raw_head.ok_or(Refused::HeadUnseen)?;
    let lines = count_lines(head).ok_or(Refused::BareLineEnd)?;
    check_request_line(req, head)?;

    // Request line and closing empty line frame the fields. Counting alone is enough in the good
    // case; which field the parser swallowed is looked up only when one is missing.
    let ends_well = head.ends_with(b"\r\n\r\n");
    if ends_well && lines == req.headers.len() + 2 {
        return Ok(());
    }
    if fields(head).any(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
        return Err(Refused::ObsFold);
    }
    let has_both = has_field(head, b"content-length") && has_field(head, b"transfer-encoding");
    Err(if has_both {
        Refused::FramingConflict
    } else {
        Refused::HeadMismatch
    })
}

/// Number of lines, or `None` when any CR or LF stands alone.
///
/// A byte must be CR exactly where the next one is LF. Written without branches and with a counter
/// of one byte for each block, so that it compiles to vector code: this is the only walk over every
/// byte of every request.
fn count_lines(head: &[u8]) -> Option<usize> {
    const BLOCK: usize = 128;

    let following = head.get(1..).unwrap_or_default();
    let mut stray = head.starts_with(b"\n") || head.ends_with(b"\r");
    let mut lines = 0;
    for (block, next) in head.chunks(BLOCK).zip(following.chunks(BLOCK)) {
        let mut ends: u8 = 0;
        for (&byte, &next) in block.iter().zip(next) {
            let is_end = next == b'\n';
            stray |= (byte == b'\r') != is_end;
            ends += u8::from(is_end);
        }
        lines += usize::from(ends);
    }
    (!stray).then_some(lines)
}

fn check_request_line(req: &RawRequest<'_>, head: &[u8]) -> Result<(), Refused> {
    let version: &[u8] = if req.version == Version::HTTP_10 {
        b" HTTP/1.0\r\n"
    } else {
        b" HTTP/1.1\r\n"
    };
    head.strip_prefix(req.method.as_bytes())
        .and_then(|rest| rest.strip_prefix(b" "))
        .and_then(|rest| rest.strip_prefix(req.target))
        .and_then(|rest| rest.strip_prefix(version))
        .map(|_| ())
        .ok_or(Refused::RequestLine)
}

/// The field lines of a head, without their line ends.
fn fields(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|&byte| byte == b'\n')
        .skip(1)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn has_field(head: &[u8], name: &[u8]) -> bool {
    fields(head).any(|line| field_value(line, name).is_some())
}

/// The value of `line`, spaces included, if it is the field `name`.
fn field_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (line_name, rest) = line.split_at_checked(name.len())?;
    if !line_name.eq_ignore_ascii_case(name) {
        return None;
    }
    rest.strip_prefix(b":")
}

fn check_limits(headers: &HeaderMap, policy: &EdgePolicy) -> Result<(), Breach> {
    /// `": "` and CRLF, so that the sum is what the block weighs on the wire.
    const FIELD_OVERHEAD: usize = 4;

    if headers.len() > policy.max_header_count {
        return Err(Refused::HeaderCount.into());
    }
    let weight = |(name, value): &(&HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + FIELD_OVERHEAD
    };
    let bytes: usize = headers.iter().map(|field| weight(&field)).sum();
    if bytes <= policy.max_header_bytes {
        return Ok(());
    }
    let largest = headers.iter().max_by_key(weight);
    let name = largest.map_or("", |(name, _)| name.as_str());
    Err(Breach::by(Refused::HeaderBytes, name.as_bytes()))
}

/// Is the body chunked? Anything but one plain `chunked` on HTTP/1.1 is refused.
fn check_transfer_encoding(req: &RawRequest<'_>) -> Result<bool, Refused> {
    let coding = Field::find(req.headers, &TRANSFER_ENCODING);
    let Some(value) = coding.at_most_once(Refused::TransferEncoding)? else {
        return Ok(false);
    };
    if req.version != Version::HTTP_11 {
        return Err(Refused::TransferEncoding);
    }
    if !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(refuse_coding(value.as_bytes()));
    }
    // Space after the value is legal and a favourite way to hide the coding from one of two
    // parsers. The field parser has trimmed it, so look at the head.
    let padded = fields(req.raw_head.unwrap_or_default())
        .filter_map(|line| field_value(line, b"transfer-encoding"))
        .any(|raw| raw.ends_with(b" ") || raw.ends_with(b"\t"));
    if padded {
        Err(Refused::TransferEncoding)
    } else {
        Ok(true)
    }
}

/// Tells an honest coding that we lack from a malformed list.
fn refuse_coding(value: &[u8]) -> Refused {
    let mut codings = value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .peekable();
    while let Some(coding) = codings.next() {
        let known = OTHER_CODINGS
            .iter()
            .any(|name| coding.eq_ignore_ascii_case(name.as_bytes()));
        let final_chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.peek().is_none();
        if !known && !final_chunked {
            return Refused::TransferEncoding;
        }
    }
    Refused::TransferCoding
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Refused> {
    Field::find(headers, &CONTENT_LENGTH)
        .at_most_once(Refused::ContentLength)?
        .map(|value| canonical_length(value.as_bytes()).ok_or(Refused::ContentLength))
        .transpose()
}

/// A decimal number in its only spelling: digits, no sign, no leading zero.
fn canonical_length(digits: &[u8]) -> Option<u64> {
    let canonical = match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical
        .then(|| str::from_utf8(digits).ok()?.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests;
