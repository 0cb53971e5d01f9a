//! The request is over: its spans, if it is recorded.
//!
//! A span says no more of a request than its access line may: path, host and session stand in it only where
//! `access_log.fields` has them, in the same words.

use std::borrow::Cow;

use sidgate_policy::edge::{FieldName, METHODS};

use super::line::{Sent, Wire, protocol, site_of};
use super::told::{self, Told};
use super::{Answerer, Record};
use crate::config::AccessField;
use crate::state::Gateway;
use crate::telemetry::outcome::{Group, Outcome};
use crate::telemetry::traces::attributes::Attributes;
use crate::telemetry::traces::recording::Whole;

/// What a method is called that nobody knows.
const OTHER_METHOD: &str = "_OTHER";

/// Puts the spans of a request among those that wait to be sent.
pub(crate) fn finish(
    gateway: &Gateway,
    record: &Record,
    told: &Told<'_>,
    wire: &Wire<'_>,
    sent: &Sent,
) {
    let Some(trace) = record.trace.as_deref() else {
        return;
    };
    let (Some(_), Some(tracing)) = (trace.recording(), &record.settings.tracing) else {
        return;
    };
    let failed = failure(record.outcome, sent.status);
    let whole = Whole {
        name: format!(
            "{} {}",
            known(&told.method).unwrap_or("HTTP"),
            record.answerer.label()
        ),
        took: sent.duration,
        attributes: attributes(gateway, record, told, wire, sent)
            .maybe("error.type", failed.as_deref()),
        failed: failed.as_deref(),
    };
    let app = wire.upstream.zip(wire.server);
    gateway.spans.put(trace.finish(whole, app), tracing.queue);
}

fn attributes(
    gateway: &Gateway,
    record: &Record,
    told: &Told<'_>,
    wire: &Wire<'_>,
    sent: &Sent,
) -> Attributes {
    let fields = record.settings.config.access_log.fields;
    let host = wire.head.filter(|_| fields.has(AccessField::Host));
    let host = host.and_then(|head| told::host(gateway, head));
    let path = Some(&*told.path).filter(|path| fields.has(AccessField::Path) && !path.is_empty());
    let session = record.handle.filter(|_| fields.has(AccessField::Session));
    let route = match &record.answerer {
        Answerer::Route(route) => Some(&*route.label),
        Answerer::Nobody | Answerer::Edge | Answerer::Endpoint(_) | Answerer::Admin => None,
    };
    let refusal = record.refusal.as_ref();
    let field = refusal.and_then(|refusal| refusal.field.as_ref());
    let mut attributes = Attributes::default()
        .text(
            "http.request.method",
            known(&told.method).unwrap_or(OTHER_METHOD),
        )
        .text(
            "url.scheme",
            if wire.tls.is_some() { "https" } else { "http" },
        )
        .maybe("url.path", path)
        .maybe("server.address", host.map(Cow::into_owned))
        .maybe("http.route", route)
        .maybe(
            "network.protocol.version",
            wire.head.map(|head| version(protocol(head.version))),
        )
        .text("sidgate.request_id", &*record.request_id)
        .text("sidgate.outcome", record.outcome.into_str())
        .text("sidgate.tier", record.tier)
        .maybe("sidgate.site", site_of(record))
        .maybe("sidgate.via", record.via.map(<&str>::from))
        .maybe("sidgate.reason", refusal.map(|refusal| refusal.reason))
        .maybe("sidgate.field", field.map(FieldName::as_str))
        .maybe("sidgate.session", session.map(|id| id.to_string()));
    if sent.status != 0 {
        attributes = attributes.number("http.response.status_code", sent.status);
    }
    attributes
}

/// A method that is one of a closed set.
fn known(method: &str) -> Option<&str> {
    METHODS.contains(&method).then_some(method)
}

/// The version alone, of what TLS calls a protocol.
fn version(protocol: &'static str) -> &'static str {
    match protocol {
        "h2" => "2",
        other => other.strip_prefix("http/").unwrap_or(other),
    }
}

/// What went wrong on our side. What clients do wrong is no failure of a server.
fn failure(outcome: Outcome, status: u16) -> Option<String> {
    match (status, outcome.group()) {
        (500.., _) => Some(status.to_string()),
        (_, Group::AppFailed) => Some(outcome.into_str().to_owned()),
        _ => None,
    }
}
