//! Which trace does a request belong to? `traceparent` and `tracestate` as the W3C recommendation "Trace Context" has them.
//!
//! A `traceparent` that breaks a rule counts as none, so that its sender gets a new trace. A `tracestate` that breaks one is
//! left out, and the trace goes on without it.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::fields;

/// The field that names trace and parent.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The field that carries what tracing systems tell each other.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of `traceparent` that version 00 has, and that every later version begins with.
const LENGTH: usize = 55;
/// The flag by which the sender says that it records the trace.
const SAMPLED: u8 = 1;
/// Members of a `tracestate`.
const MEMBERS_MAX: usize = 32;
/// Bytes of a `tracestate` that is passed on: as many as the recommendation asks for.
const STATE_MAX: usize = 512;

/// What a sender says about its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Which trace.
    pub trace_id: [u8; 16],
    /// Which span of it has sent the request.
    pub span_id: [u8; 8],
    /// Whether the sender records it.
    pub is_sampled: bool,
    /// What goes along with it.
    pub state: Option<HeaderValue>,
}

impl TraceParent {
    /// What these fields say; `None`: nothing, or nothing that can be believed.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let parent = fields::only(headers, &TRACEPARENT)?;
        let (trace_id, span_id, flags) = parsed(parent.as_bytes())?;
        Some(Self {
            trace_id,
            span_id,
            is_sampled: flags & SAMPLED != 0,
            state: state(headers),
        })
    }
}

fn parsed(bytes: &[u8]) -> Option<([u8; 16], [u8; 8], u8)> {
    let (head, rest) = bytes.split_at_checked(LENGTH)?;
    let mut parts = head.split(|byte| *byte == b'-');
    let mut next = || parts.next();
    let (version, trace_id, span_id, flags) = (next()?, next()?, next()?, next()?);
    let [version] = hex::<1>(version)?;
    // A later version may go on after another dash. 255 is none.
    let is_known = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => matches!(rest, [] | [b'-', ..]),
    };
    let (trace_id, span_id) = (hex::<16>(trace_id)?, hex::<8>(span_id)?);
    let [flags] = hex::<1>(flags)?;
    let is_named = trace_id != [0; 16] && span_id != [0; 8];
    (is_known && is_named).then_some((trace_id, span_id, flags))
}

/// Bytes that are written as digits in small letters.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(bytes)
}

/// All lines of `tracestate` as one; `None`: there is none, or it breaks a rule.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let (mut whole, mut keys) = (Vec::new(), Vec::new());
    for line in headers.get_all(TRACESTATE) {
        for member in line.as_bytes().split(|byte| *byte == b',') {
            let member = member.trim_ascii();
            if member.is_empty() {
                continue;
            }
            let equals = member.iter().position(|byte| *byte == b'=')?;
            let (key, value) = member.split_at_checked(equals)?;
            if !is_key(key) || !is_value(value.get(1..)?) || keys.contains(&key) {
                return None;
            }
            keys.push(key);
            if !whole.is_empty() {
                whole.push(b',');
            }
            whole.extend_from_slice(member);
        }
    }
    let fits = (1..=MEMBERS_MAX).contains(&keys.len()) && whole.len() <= STATE_MAX;
    fits.then(|| HeaderValue::from_bytes(&whole).ok()).flatten()
}

/// `system`, or `tenant@system`.
fn is_key(key: &[u8]) -> bool {
    let is_plain =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(byte);
    let begins = |part: &[u8]| part.first().is_some_and(u8::is_ascii_lowercase);
    let begins_with_digit = |part: &[u8]| part.first().is_some_and(u8::is_ascii_digit);
    let fits = |part: &[u8], most: usize| part.len() <= most && part.iter().all(is_plain);
    match key.iter().position(|byte| *byte == b'@') {
        None => begins(key) && fits(key, 256),
        Some(at) => {
            let (tenant, system) = (key.get(..at), key.get(at + 1..));
            let (tenant, system) = (tenant.unwrap_or_default(), system.unwrap_or_default());
            (begins(tenant) || begins_with_digit(tenant))
                && fits(tenant, 241)
                && begins(system)
                && fits(system, 14)
        }
    }
}

/// Printable, without `,` and `=`, and not ending with a space.
fn is_value(value: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=256).contains(&value.len()) && value.iter().all(is_plain) && value.last() != Some(&b' ')
}

#[cfg(test)]
mod tests;
