//! Has this request come through here before?
//!
//! Every request to an app carries a mark that only holders of the master key can make. One that comes back with it has gone
//! in a circle: an app, or a balancer before it, leads to a gateway of the same installation. The mark says nothing about
//! anybody and opens nothing; who copies it has their own requests refused.

use http::header::{HeaderName, HeaderValue};
use session_core::keys::HopMark;

/// The name of the field.
pub const HOP: HeaderName = HeaderName::from_static("x-sidgate-hop");

/// The marks of one installation: the one that is written, and those that rotation keeps valid.
#[derive(Debug, Clone, Default)]
pub struct HopMarks {
    written: Option<HeaderValue>,
    known: Vec<HopMark>,
}

impl HopMarks {
    /// `marks`: the current one first.
    #[must_use]
    pub fn new(marks: Vec<HopMark>) -> Self {
        let current = marks.first();
        let mut written = current.and_then(|mark| HeaderValue::from_str(&mark.text()).ok());
        if let Some(written) = &mut written {
            written.set_sensitive(true);
        }
        Self {
            written,
            known: marks,
        }
    }

    /// What requests to apps carry.
    #[must_use]
    pub const fn written(&self) -> Option<&HeaderValue> {
        self.written.as_ref()
    }

    /// Whether a value is a mark of ours. Takes the same time for every value of the right length.
    #[must_use]
    pub fn are(&self, value: &HeaderValue) -> bool {
        let value = value.as_bytes();
        self.known.iter().any(|mark| mark.is(value))
    }
}
