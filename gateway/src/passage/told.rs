//! What lines tell of a request, so that whoever looks for it finds it.
//!
//! Everything here is the client's text. It goes through [`shown`], which leaves out queries, masks what looks like a
//! secret, and cuts. Where a route keeps its paths out of the log, only its prefix is told.

use std::borrow::Cow;

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, uri::Authority};
use pingora_http::RequestHeader;
use sidgate_policy::auth::csrf::CrossSite;
use sidgate_policy::edge::{Breach, FieldName, METHODS, ServedHost, shown};

use super::{Answerer, Record, Refusal};
use crate::decision::place::Place;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::security::{self, Facts, Kind};

/// Method and path of a request as they may be written down.
#[derive(Debug, Default)]
pub(crate) struct Told<'a> {
    pub(crate) method: Cow<'a, str>,
    pub(crate) path: Cow<'a, str>,
}

impl<'a> Told<'a> {
    /// Of a request whose header was read, also where it makes no sense.
    pub(crate) fn of(
        gateway: &Gateway,
        settings: &'a ActiveConfig,
        answerer: &'a Answerer,
        head: &'a RequestHeader,
    ) -> Self {
        let method = head.method.as_str();
        let path = match answerer {
            Answerer::Edge => refused_path(gateway, settings, head.raw_path()),
            _ => {
                let host = served_host(settings, head);
                let place = (method, host.as_deref().map(ServedHost::name));
                path(gateway, settings, answerer, place, head.uri.path())
            }
        };
        Self {
            method: shown_method(method),
            path,
        }
    }
}

impl Told<'_> {
    /// A security event about the request.
    pub(crate) fn facts<'f>(&'f self, facts: Facts<'f>) -> Facts<'f> {
        Facts {
            method: Some(&self.method),
            path: Some(&self.path),
            ..facts
        }
    }
}

/// Methods are a closed set for those who mean well, and any text for others.
pub(crate) fn shown_method(method: &str) -> Cow<'_, str> {
    if METHODS.contains(&method) {
        Cow::Borrowed(method)
    } else {
        Cow::Owned(shown::name(method.as_bytes()))
    }
}

/// The path of a request that was vetted.
pub(crate) fn path<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    answerer: &'a Answerer,
    (method, host): (&str, Option<&str>),
    path: &'a str,
) -> Cow<'a, str> {
    let route = match answerer {
        Answerer::Route(route) => Some(route),
        Answerer::Nobody => match host {
            Some(host) => Place::as_written(&settings.config, method, host, path).route(),
            None => return refused_path(gateway, settings, path.as_bytes()),
        },
        Answerer::Edge | Answerer::Endpoint(_) | Answerer::Admin => None,
    };
    match route {
        Some(route) if !route.log_path => Cow::Borrowed(route.path.as_str()),
        _ => shown::path(path.as_bytes(), |text| gateway.is_sid(text)),
    }
}

/// The path of a request that was refused. Nobody knows which route it was meant for: it may be any that it could lead to.
fn refused_path<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    target: &'a [u8],
) -> Cow<'a, str> {
    let mut quiet = settings
        .config
        .routes
        .iter()
        .filter(|route| !route.log_path);
    match quiet.find(|route| shown::leads_below(target, route.path.as_str())) {
        Some(route) => Cow::Borrowed(route.path.as_str()),
        None => shown::path(target, |text| gateway.is_sid(text)),
    }
}

/// The served host that a request names.
pub(crate) fn served_host<'s>(
    settings: &'s ActiveConfig,
    head: &RequestHeader,
) -> Option<Cow<'s, ServedHost>> {
    settings.edge.hosts.named(named(head)?)
}

/// The host that a request names, if it names one.
pub(crate) fn host<'h>(gateway: &Gateway, head: &'h RequestHeader) -> Option<Cow<'h, str>> {
    Some(shown::host(named(head)?, |text| gateway.is_sid(text)))
}

fn named(head: &RequestHeader) -> Option<&[u8]> {
    let field = head.headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = || head.uri.authority().map(Authority::as_str);
    field.or_else(|| authority().map(str::as_bytes))
}

/// What a client says that it is.
pub(crate) fn user_agent<'h>(gateway: &Gateway, head: &'h RequestHeader) -> Option<Cow<'h, str>> {
    let agent = head.headers.get(USER_AGENT)?;
    Some(shown::text(agent.as_bytes(), |text| gateway.is_sid(text)))
}

/// Notes that a request is refused: in a security event now, and in its access line when it is over. `about` is the
/// event's reason.
fn refused(
    gateway: &Gateway,
    record: &mut Record,
    head: &RequestHeader,
    (kind, about): (Kind, &str),
    refusal: Refusal,
) {
    note(gateway, record, head, (kind, about), refusal.field.as_ref());
    record.refusal = Some(refusal);
}

/// A rule of the edge was broken.
pub(crate) fn broken(
    gateway: &Gateway,
    record: &mut Record,
    head: &RequestHeader,
    breach: &Breach,
) {
    gateway.metrics.refused(breach.rule);
    let reason = breach.rule.reason();
    let refusal = Refusal {
        reason,
        field: breach.field.clone(),
    };
    refused(gateway, record, head, (Kind::Refused, reason), refusal);
}

/// Another site made the browser send it. `target` says what it was sent to.
pub(crate) fn cross_site(
    gateway: &Gateway,
    record: &mut Record,
    head: &RequestHeader,
    target: &str,
    why: CrossSite,
) {
    let refusal = Refusal::by(why.reason(), why.field());
    refused(gateway, record, head, (Kind::CrossSite, target), refusal);
}

/// Writes a security event with what is told of the request.
pub(crate) fn note(
    gateway: &Gateway,
    record: &Record,
    head: &RequestHeader,
    (kind, about): (Kind, &str),
    field: Option<&FieldName>,
) {
    let told = Told::of(gateway, &record.settings, &record.answerer, head);
    let host = host(gateway, head);
    let facts = Facts {
        host: host.as_deref(),
        field: field.map(FieldName::as_str),
        ..told.facts(record.facts(about))
    };
    security::note(kind, facts);
}
