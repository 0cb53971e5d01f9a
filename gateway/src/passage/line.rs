//! The request is over: a few counters, and a line if one is asked for.

use std::time::Duration;

use http::Version;
use pingora_http::RequestHeader;
use sidgate_policy::edge::FieldName;
use uuid::Uuid;

use super::told::{self, Told};
use super::{Answerer, Record};
use crate::config::AccessField;
use crate::state::Gateway;
use crate::telemetry::access_log::{AccessLine, Headers};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::traces::Trace;

/// What came and went on the wire.
pub(crate) struct Sent {
    /// Status of the answer; 0: there was none.
    pub status: u16,
    /// Bytes of the request's body.
    pub received: Option<u64>,
    /// Bytes of the answer's body.
    pub bytes: Option<u64>,
    /// How long it took.
    pub duration: Duration,
}

/// What else a line tells of a request.
#[derive(Default)]
pub(crate) struct Wire<'a> {
    /// Its head, if that was read.
    pub head: Option<&'a RequestHeader>,
    /// The version of TLS that it came by.
    pub tls: Option<&'a str>,
    /// The app that it was for.
    pub upstream: Option<&'a str>,
    /// The server of the app that was asked.
    pub server: Option<&'a str>,
    /// How long that took to begin its answer.
    pub first_byte: Option<Duration>,
}

/// Counts the request. How long it took.
pub(crate) fn count(gateway: &Gateway, record: &Record) -> Duration {
    let duration = gateway.sessions.clock().boot().since(record.started);
    let (route, outcome) = (record.answerer.label(), record.outcome);
    gateway.metrics.request(route, outcome, duration);
    if let Some(site) = site_of(record) {
        gateway.metrics.site_request(site, outcome);
    }
    if let Some(via) = record.via {
        gateway.metrics.asked(via, outcome);
    }
    duration
}

/// Counts what came and went by a route.
pub(crate) fn count_bytes(gateway: &Gateway, record: &Record, sent: &Sent) {
    if let Answerer::Route(route) = &record.answerer {
        let bytes = (sent.received.unwrap_or(0), sent.bytes.unwrap_or(0));
        gateway.metrics.bytes(&route.label, bytes);
    }
}

/// Whether a line of the request is wanted.
pub(crate) fn is_asked_for(gateway: &Gateway, record: &Record, status: u16) -> bool {
    let is_broken = matches!(
        record.outcome,
        Outcome::Aborted | Outcome::BrokenOff | Outcome::Cut
    );
    gateway.access_log.is_asked_for() && record.answerer.is_logged(status, is_broken)
}

/// The name of the site that a vetted request was sent to, if it has one.
pub(super) fn site_of(record: &Record) -> Option<&str> {
    record.settings.site(record.site?).name.as_deref()
}

/// Writes its line.
pub(crate) fn write(
    gateway: &Gateway,
    record: &Record,
    told: &Told<'_>,
    wire: &Wire<'_>,
    sent: &Sent,
) {
    let config = &record.settings.config.access_log;
    let asked = |field| wire.head.filter(|_| config.fields.has(field));
    let host = asked(AccessField::Host).and_then(|head| told::host(gateway, head));
    let user_agent = asked(AccessField::UserAgent);
    let user_agent = user_agent.and_then(|head| told::user_agent(gateway, head));
    let is_sid = |text: &str| gateway.is_sid(text);
    let headers = wire.head.filter(|_| !config.headers.is_empty());
    let mut handle = Uuid::encode_buffer();
    gateway.access_log.write(&AccessLine {
        fields: config.fields,
        request_id: &record.request_id,
        trace_id: record.trace.as_deref().map(Trace::id),
        method: &told.method,
        path: &told.path,
        host: host.as_deref(),
        site: site_of(record),
        protocol: wire.head.map(|head| protocol(head.version)),
        via: record.via.map(Into::into),
        tls: wire.tls,
        route: record.answerer.label(),
        outcome: record.outcome,
        status: sent.status,
        reason: record.refusal.as_ref().map(|refusal| refusal.reason),
        field: record
            .refusal
            .as_ref()
            .and_then(|refusal| refusal.field.as_ref())
            .map(FieldName::as_str),
        session: record
            .handle
            .map(|id| &*id.hyphenated().encode_lower(&mut handle)),
        tier: record.tier,
        client: record.client,
        user_agent: user_agent.as_deref(),
        upstream: wire.upstream,
        server: wire.server,
        first_byte: wire.first_byte,
        received: sent.received,
        bytes: sent.bytes,
        duration: sent.duration,
        headers: headers.map(|head| Headers {
            names: &config.headers,
            of: &head.headers,
            is_sid: &is_sid,
        }),
    });
}

/// As the negotiation of TLS calls it.
pub(super) const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "http/1.0",
        Version::HTTP_2 => "h2",
        _ => "http/1.1",
    }
}
