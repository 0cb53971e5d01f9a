//! The trace that one request belongs to.

use http::{HeaderMap, HeaderValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use sidgate_policy::edge::traceparent::{TRACEPARENT, TRACESTATE, TraceParent};

use super::ids::{Ids, SpanId, TraceId};
use super::recording::{Recording, Whole};

/// Where one request stands in its trace, and what is recorded of it.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(super) ids: Ids,
    recording: Option<Recording>,
}

impl Trace {
    /// With these ids, after `parent`.
    pub(super) fn new(
        (trace_id, span_id): ([u8; 16], SpanId),
        parent: Option<TraceParent>,
        recording: Option<Recording>,
    ) -> Self {
        let (parent, state) = parent.map(|parent| (parent.span_id, parent.state)).unzip();
        let ids = Ids {
            trace_id,
            span_id,
            parent,
            state: state.flatten(),
        };
        Self { ids, recording }
    }

    /// What is recorded; `None`: nothing is.
    pub(crate) const fn recording(&self) -> Option<&Recording> {
        self.recording.as_ref()
    }

    /// Its id, as people read it.
    pub(crate) fn id(&self) -> TraceId {
        self.ids.shown()
    }

    /// The span of the request itself.
    pub(crate) const fn span_id(&self) -> SpanId {
        self.ids.span_id
    }

    /// Tells an app: its parent is the span by which it is asked.
    pub(crate) fn write_for_app(&self, headers: &mut HeaderMap) {
        let span = self.recording.as_ref().map(Recording::upstream_id);
        self.write(headers, span.unwrap_or(self.ids.span_id));
    }

    /// Tells whoever is asked by the span `parent`.
    pub(crate) fn write(&self, headers: &mut HeaderMap, parent: SpanId) {
        let traceparent: HeaderValue = self.ids.traceparent(parent, self.recording.is_some());
        headers.insert(TRACEPARENT, traceparent);
        match &self.ids.state {
            Some(state) => headers.insert(TRACESTATE, state.clone()),
            None => headers.remove(TRACESTATE),
        };
    }

    /// The spans of a request that is over; none, where nothing is recorded. `app`: which one was asked, and at which server.
    pub(crate) fn finish(&self, whole: Whole<'_>, app: Option<(&str, &str)>) -> Vec<Span> {
        let recording = self.recording.as_ref();
        recording.map_or_else(Vec::new, |recording| {
            recording.finish(&self.ids, whole, app)
        })
    }
}

#[cfg(test)]
mod tests;
