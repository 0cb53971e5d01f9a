//! Whose trace is continued, and which requests are recorded.
//!
//! A stranger may send any `traceparent`. If it counted, every client could have each of its requests recorded, here and in the
//! apps behind us, and choose under which ids. So it counts only from proxies that the configuration trusts with it.

use http::HeaderMap;
use session_core::clock::{Boot, Clock};
use session_core::entropy::{self, SharedEntropy};
use sidgate_policy::edge::traceparent::TraceParent;

use super::recording::Recording;
use super::trace::Trace;
use crate::config::{Ratio, StoreUrl, TelemetryConfig, TraceparentFrom};

/// Decides which requests are recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler {
    share: Ratio,
    trust: TraceparentFrom,
    /// What the store is called.
    store: &'static str,
}

impl Sampler {
    /// As it is configured.
    pub(crate) const fn new(config: &TelemetryConfig, store: &StoreUrl) -> Self {
        Self {
            share: config.sample,
            trust: config.trust_traceparent,
            store: match store {
                StoreUrl::Sqlite(_) => "sqlite",
                StoreUrl::Postgres(_) => "postgresql",
            },
        }
    }

    /// The trace of a request that came at `started` with these fields. `None`: there is no randomness for its ids.
    pub(crate) fn begin(
        self,
        (headers, is_of_trusted_proxy): (&HeaderMap, bool),
        started: Boot,
        clock: &dyn Clock,
        entropy: &SharedEntropy,
    ) -> Option<Trace> {
        let counts = self.trust == TraceparentFrom::TrustedProxies && is_of_trusted_proxy;
        let parent = counts.then(|| TraceParent::of(headers)).flatten();
        let random = entropy::bytes::<24>(entropy.as_ref()).ok()?;
        let (trace_id, span_id) = random.split_first_chunk::<16>()?;
        let span_id = *span_id.first_chunk::<8>()?;
        let (trace_id, is_sampled) = match &parent {
            Some(parent) => (parent.trace_id, parent.is_sampled),
            None => (*trace_id, self.share.holds(last_bytes(trace_id))),
        };
        let recording = is_sampled.then(|| Recording::begin(started, clock, entropy, self.store));
        Some(Trace::new((trace_id, span_id), parent, recording.flatten()))
    }
}

/// What samplers of other programs decide by as well, so that a larger share includes a smaller one.
fn last_bytes(trace_id: &[u8; 16]) -> u64 {
    let last = trace_id.last_chunk::<8>().copied();
    u64::from_be_bytes(last.unwrap_or_default())
}

#[cfg(test)]
mod tests;
