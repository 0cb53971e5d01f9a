//! The ids of a trace, and how they are written.

use std::fmt;

use http::HeaderValue;

/// Which span.
pub(crate) type SpanId = [u8; 8];

/// Where one request stands in its trace.
#[derive(Debug)]
pub(crate) struct Ids {
    /// Which trace.
    pub(super) trace_id: [u8; 16],
    /// The span of the request itself.
    pub(super) span_id: SpanId,
    /// The span of whoever has sent it.
    pub(super) parent: Option<SpanId>,
    /// What goes along with it.
    pub(super) state: Option<HeaderValue>,
}

impl Ids {
    /// What whoever is asked by the span `parent` is told.
    pub(super) fn traceparent(&self, parent: SpanId, is_sampled: bool) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let (_version, rest) = text.split_at_mut(3);
        let (trace_id, rest) = rest.split_at_mut(32);
        write_hex(trace_id, &self.trace_id);
        let (span_id, flags) = rest.split_at_mut(17);
        write_hex(span_id.get_mut(1..).unwrap_or_default(), &parent);
        if let Some(last) = flags.last_mut().filter(|_| is_sampled) {
            *last = b'1';
        }
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The id of the trace, as people read it.
    pub(super) fn shown(&self) -> TraceId {
        let mut id = TraceId([0; 32]);
        write_hex(&mut id.0, &self.trace_id);
        id
    }
}

/// Digits of a trace's id.
#[derive(Clone, Copy)]
pub(crate) struct TraceId([u8; 32]);

impl TraceId {
    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Writes `bytes` as digits, as far as there is room.
fn write_hex(into: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    for (pair, byte) in into.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
}
