//! Answers to requests of which nothing else is looked at.

use bytes::Bytes;

use super::{Answer, Body};
use crate::telemetry::outcome::Outcome;

impl Answer {
    /// Whether this node may be sent traffic. No detail: anybody may ask.
    #[must_use]
    pub(crate) fn health(is_ready: bool) -> Self {
        let (status, word) = if is_ready {
            (200, "ready\n")
        } else {
            (503, "not ready\n")
        };
        let mut answer = Self::new(status, Outcome::Health);
        answer.body = Body::Plain(Bytes::from_static(word.as_bytes()));
        answer
    }

    /// The answer to a challenge of an authority.
    #[must_use]
    pub(crate) fn challenge(bytes: Bytes) -> Self {
        let mut answer = Self::new(200, Outcome::Acme);
        answer.body = Body::Plain(bytes);
        answer
    }
}
