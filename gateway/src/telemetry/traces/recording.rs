//! What is recorded of one request: its spans, as they end.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::Event;
pub(crate) use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use parking_lot::Mutex;
use session_core::asked::{Asked, Of};
use session_core::clock::{Boot, Clock, Timestamp};
use session_core::entropy::{self, SharedEntropy};

use super::attributes::Attributes;
use super::ids::{Ids, SpanId};

/// Most spans of one request, its own aside. A request that asks for more is not worth the memory.
const SPANS_MAX: usize = 62;
/// Most attempts of one request that are told.
const EVENTS_MAX: usize = 16;
/// The flag of a trace that is recorded.
const SAMPLED: u32 = 1;

/// What is recorded of one request.
#[derive(Debug)]
pub(crate) struct Recording {
    /// The same moment on both clocks.
    began: (Boot, Timestamp),
    /// What the store is called.
    store: &'static str,
    entropy: SharedEntropy,
    upstream: SpanId,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Part>,
    exchange: Exchange,
}

/// A part of what was done for a request.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which span.
    pub id: SpanId,
    /// What it is a part of; `None`: of the request itself.
    pub of: Option<SpanId>,
    /// What it is called.
    pub name: String,
    /// Whether somebody else was asked.
    pub kind: SpanKind,
    /// From when.
    pub from: Boot,
    /// How long.
    pub took: Duration,
    /// What is known of it.
    pub attributes: Attributes,
    /// What went wrong.
    pub failed: Option<String>,
}

/// The exchange with the app.
#[derive(Debug, Default)]
struct Exchange {
    from: Option<Boot>,
    head: Option<(Boot, u16)>,
    attempts: u32,
    failed: Vec<(Boot, Attributes)>,
}

/// What was said of an attempt that has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedAttempt<'a> {
    /// The server.
    pub server: &'a str,
    /// Why, as in metrics.
    pub why: &'a str,
    /// Whether another server is tried.
    pub goes_on: bool,
}

impl Recording {
    /// Of a request that came at `started`.
    pub(super) fn begin(
        started: Boot,
        clock: &dyn Clock,
        entropy: &SharedEntropy,
        store: &'static str,
    ) -> Option<Self> {
        let (boot, wall) = (clock.boot(), clock.wall());
        let since = i64::try_from(boot.since(started).as_micros()).unwrap_or(0);
        let at_start = Timestamp::from_micros(wall.as_micros().saturating_sub(since));
        Some(Self {
            began: (started, at_start),
            store,
            upstream: entropy::bytes(entropy.as_ref()).ok()?,
            entropy: entropy.clone(),
            kept: Mutex::default(),
        })
    }

    /// The span by which the app is asked.
    pub(super) const fn upstream_id(&self) -> SpanId {
        self.upstream
    }

    /// An id for another span. Without randomness it has that of nobody, which receivers leave out.
    pub(crate) fn new_id(&self) -> SpanId {
        entropy::bytes(self.entropy.as_ref()).unwrap_or_default()
    }

    /// A part has ended.
    pub(crate) fn ended(&self, part: Part) {
        let mut kept = self.kept.lock();
        if kept.spans.len() < SPANS_MAX {
            kept.spans.push(part);
        }
    }

    /// Something was done within the gateway, from then until now.
    pub(crate) fn did(
        &self,
        name: &'static str,
        (from, now): (Boot, Boot),
        attributes: Attributes,
    ) {
        self.ended(Part {
            id: self.new_id(),
            of: None,
            name: name.to_owned(),
            kind: SpanKind::Internal,
            from,
            took: now.since(from),
            attributes,
            failed: None,
        });
    }

    /// The session was looked up: `span` says by which tier, and what came of it.
    pub(crate) fn resolved(
        &self,
        span: SpanId,
        (from, took): (Boot, Duration),
        (tier, result): (&'static str, &'static str),
    ) {
        self.ended(Part {
            id: span,
            of: None,
            name: "resolve".to_owned(),
            kind: SpanKind::Internal,
            from,
            took,
            attributes: Attributes::default()
                .text("sidgate.tier", tier)
                .text("sidgate.result", result),
            failed: None,
        });
    }

    /// What was asked of the other tiers, as a part of `of`.
    pub(crate) fn asked(&self, of: Option<SpanId>, all: Vec<Asked>) {
        for asked in all {
            let system = match asked.of {
                Of::Shared => "redis",
                Of::Store => self.store,
            };
            let attributes = Attributes::default()
                .text("db.system.name", system)
                .text("db.operation.name", asked.what);
            self.ended(Part {
                id: self.new_id(),
                of,
                name: format!("{} {system}", asked.what),
                kind: SpanKind::Client,
                from: asked.from,
                took: asked.took,
                attributes: attributes.maybe("error.type", asked.failed),
                failed: asked.failed.map(str::to_owned),
            });
        }
    }

    /// A server of the app is asked, for the first time or again.
    pub(crate) fn asks_app(&self, now: Boot) {
        let exchange = &mut self.kept.lock().exchange;
        exchange.from.get_or_insert(now);
        exchange.attempts = exchange.attempts.saturating_add(1);
        exchange.head = None;
    }

    /// It has failed.
    pub(crate) fn attempt_failed(&self, now: Boot, attempt: FailedAttempt<'_>) {
        let exchange = &mut self.kept.lock().exchange;
        if exchange.failed.len() < EVENTS_MAX {
            let attributes = Attributes::default()
                .text("sidgate.server", attempt.server)
                .text("error.type", attempt.why)
                .text(
                    "sidgate.retried",
                    if attempt.goes_on { "yes" } else { "no" },
                );
            exchange.failed.push((now, attributes));
        }
    }

    /// The head of its answer has come.
    pub(crate) fn app_answers(&self, now: Boot, status: u16) {
        self.kept.lock().exchange.head = Some((now, status));
    }

    /// Everything, when the request is over: its own span, those of its parts, and that of the exchange with the app.
    pub(super) fn finish(
        &self,
        ids: &Ids,
        whole: Whole<'_>,
        app: Option<(&str, &str)>,
    ) -> Vec<Span> {
        let Kept { spans, exchange } = std::mem::take(&mut *self.kept.lock());
        let writer = Writer {
            ids,
            recording: self,
        };
        let end = self.began.0.plus(whole.took);
        let mut all = vec![writer.whole(whole)];
        all.extend(
            exchange
                .from
                .map(|from| writer.exchange(exchange, (from, end), app)),
        );
        all.extend(spans.into_iter().map(|part| writer.part(part)));
        all
    }

    fn nanos(&self, at: Boot) -> u64 {
        let (boot, wall) = self.began;
        let wall = u64::try_from(wall.as_micros())
            .unwrap_or(0)
            .saturating_mul(1_000);
        let (at, boot) = (at.as_nanos(), boot.as_nanos());
        // A part that several requests share may have begun before this one.
        wall.saturating_add(at).saturating_sub(boot)
    }
}

/// The request itself.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    /// What it is called.
    pub name: String,
    /// How long everything took.
    pub took: Duration,
    /// What is known of it.
    pub attributes: Attributes,
    /// What went wrong.
    pub failed: Option<&'a str>,
}

/// Writes spans of one trace.
struct Writer<'a> {
    ids: &'a Ids,
    recording: &'a Recording,
}

impl Writer<'_> {
    fn whole(&self, whole: Whole<'_>) -> Span {
        let started = self.recording.began.0;
        let span = self.span(self.ids.span_id, SpanKind::Server, (started, whole.took));
        Span {
            name: whole.name,
            parent_span_id: self.ids.parent.map(Vec::from).unwrap_or_default(),
            attributes: whole.attributes.into_vec(),
            status: status(whole.failed.map(str::to_owned)),
            ..span
        }
    }

    fn part(&self, part: Part) -> Span {
        let span = self.span(part.id, part.kind, (part.from, part.took));
        Span {
            name: part.name,
            parent_span_id: part.of.unwrap_or(self.ids.span_id).into(),
            attributes: part.attributes.into_vec(),
            status: status(part.failed),
            ..span
        }
    }

    fn exchange(
        &self,
        exchange: Exchange,
        (from, end): (Boot, Boot),
        app: Option<(&str, &str)>,
    ) -> Span {
        let answered = exchange.head.map(|(_, status)| status);
        let end = exchange.head.map_or(end, |(at, _)| at);
        let mut attributes = Attributes::default().number("sidgate.attempts", exchange.attempts);
        if let Some((name, server)) = app {
            attributes = attributes
                .text("sidgate.upstream", name)
                .text("server.address", server);
        }
        let failed = match answered {
            Some(status) => (status >= 500).then(|| status.to_string()),
            None => Some("no_answer".to_owned()),
        };
        if let Some(status) = answered {
            attributes = attributes.number("http.response.status_code", status);
        }
        let attributes = attributes.maybe("error.type", failed.clone());
        let events = exchange.failed.into_iter().map(|(at, attributes)| Event {
            time_unix_nano: self.recording.nanos(at),
            name: "attempt failed".to_owned(),
            attributes: attributes.into_vec(),
            dropped_attributes_count: 0,
        });
        let id = self.recording.upstream;
        Span {
            name: "upstream".to_owned(),
            parent_span_id: self.ids.span_id.into(),
            attributes: attributes.into_vec(),
            events: events.collect(),
            status: status(failed),
            ..self.span(id, SpanKind::Client, (from, end.since(from)))
        }
    }

    fn span(&self, id: SpanId, kind: SpanKind, (from, took): (Boot, Duration)) -> Span {
        let state = self.ids.state.as_ref();
        let state = state.and_then(|state| state.to_str().ok());
        Span {
            trace_id: self.ids.trace_id.into(),
            span_id: id.into(),
            trace_state: state.unwrap_or_default().to_owned(),
            flags: SAMPLED,
            kind: kind.into(),
            start_time_unix_nano: self.recording.nanos(from),
            end_time_unix_nano: self.recording.nanos(from.plus(took)),
            ..Span::default()
        }
    }
}

fn status(failed: Option<String>) -> Option<Status> {
    failed.map(|message| Status {
        message,
        code: StatusCode::Error.into(),
    })
}
