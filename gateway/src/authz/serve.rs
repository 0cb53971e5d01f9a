//! One question over HTTP, from its head to its answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use sidgate_policy::edge::client_ip::Peer;
use tracing::debug;

use super::allowed::{self, Allowed};
use super::described::Described;
use super::event;
use super::flow::{self, Decision, UnderWay};
use super::question::{self, Asked};
use super::refused::Refused;
use crate::answer::Answer;
use crate::passage::line::{self, Sent, Wire};
use crate::passage::told::Told;
use crate::passage::{Answerer, Record};
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::questions::{NoQuestion, Via};

/// How many `Set-Cookie` lines are told one by one, for edges that copy a field by its name.
pub(crate) const NUMBERED_COOKIES: usize = 64;

const COOKIE_LINE: HeaderName = HeaderName::from_static("x-sidgate-cookie");
const STATUS: HeaderName = HeaderName::from_static("x-sidgate-status");
const CODE: HeaderName = HeaderName::from_static("x-sidgate-code");
const TO_LOGIN: HeaderName = HeaderName::from_static("x-sidgate-location");
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What an answer is made of.
pub(super) type Body = UnsyncBoxBody<Bytes, tonic::Status>;

/// Whether `peer` may ask. Whoever may not learns nothing.
pub(super) fn may_ask(settings: &ActiveConfig, peer: Peer) -> bool {
    let authz = settings.config.authz.as_ref();
    authz.is_some_and(|authz| authz.trusted_edges.contain(peer))
}

/// The answer to a question.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    peer: Peer,
    question: Parts,
) -> Response<Full<Bytes>> {
    let settings = gateway.settings.get();
    if !may_ask(&settings, peer) {
        return not_asked(gateway, peer, NoQuestion::Peer);
    }
    let is_post = question.method == Method::POST;
    let headers = question.headers.clone();
    match question::read(question) {
        Ok(Asked::About(via, Ok(described))) => about(gateway, via, &described).await,
        Ok(Asked::About(via, Err(rule))) => broken(gateway, via, rule),
        Ok(Asked::Event) if is_post => event(gateway, peer, &headers).await,
        Ok(Asked::Event) => not_asked(gateway, peer, NoQuestion::Path),
        Err(why) => not_asked(gateway, peer, why),
    }
}

/// The answer to whoever asks nothing that makes sense.
fn not_asked(gateway: &Gateway, peer: Peer, why: NoQuestion) -> Response<Full<Bytes>> {
    gateway.metrics.not_asked(why);
    debug!(peer = %peer, reason = <&str>::from(why), "no question");
    let status = match why {
        NoQuestion::Peer => StatusCode::FORBIDDEN,
        NoQuestion::Path => StatusCode::NOT_FOUND,
        NoQuestion::Replayed => StatusCode::CONFLICT,
        NoQuestion::Incomplete | NoQuestion::RequestId | NoQuestion::Body => {
            StatusCode::BAD_REQUEST
        }
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    if why == NoQuestion::Peer {
        // It keeps no place.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    } else {
        let reason = HeaderValue::from_static(why.into());
        response.headers_mut().insert(CODE, reason);
    }
    response
}

/// A request that was described and cannot be one.
fn broken(
    gateway: &Gateway,
    via: Via,
    rule: sidgate_policy::edge::Refused,
) -> Response<Full<Bytes>> {
    let mut record = Record::begin(gateway, Some(via));
    gateway.metrics.refused(rule);
    record.answerer = Answerer::Edge;
    let answer = Answer::refused(&rule.into());
    record.outcome = answer.outcome;
    let refused = Refused::new(gateway, &mut record, None, answer);
    line::count(gateway, &record);
    refusal(&record.settings, via, refused)
}

async fn about(gateway: &Arc<Gateway>, via: Via, described: &Described) -> Response<Full<Bytes>> {
    let _under_way = UnderWay::begin(gateway);
    let mut record = Record::begin(gateway, Some(via));
    let (response, upstream) = match flow::decide(gateway, &mut record, described).await {
        Decision::Allowed(allowed) => {
            let upstream = allowed.upstream.clone();
            (permission(via, *allowed), Some(upstream))
        }
        Decision::Refused(answer) => {
            let refused = Refused::new(gateway, &mut record, Some(described), *answer);
            (refusal(&record.settings, via, refused), None)
        }
    };
    let status = response.status().as_u16();
    write_line(gateway, &record, described, (status, upstream.as_deref()));
    response
}

/// The request is over for us: its counters and its line.
pub(super) fn write_line(
    gateway: &Gateway,
    record: &Record,
    described: &Described,
    (status, upstream): (u16, Option<&str>),
) {
    let duration = line::count(gateway, record);
    if !line::is_asked_for(gateway, record, status) {
        return;
    }
    let head = described.head();
    let told = Told::of(gateway, &record.settings, &record.answerer, head);
    let wire = Wire {
        head: Some(head),
        upstream,
        ..Wire::default()
    };
    let sent = Sent {
        status,
        received: None,
        bytes: None,
        duration,
    };
    line::write(gateway, record, &told, &wire, &sent);
}

/// The app gets the request.
fn permission(via: Via, allowed: Allowed) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    if via == Via::EnvoyHttp {
        let names = allowed.to_remove();
        let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
        if let Ok(names) = HeaderValue::try_from(names.join(",")) {
            headers.insert(REMOVE, names);
        }
    }
    headers.extend(allowed.identity);
    headers.insert(COOKIE_LINE, allowed.cookie.clone());
    headers.insert(REQUEST_ID, allowed.request_id);
    headers.extend(allowed.for_browser);
    if matches!(via, Via::Forward | Via::EnvoyHttp) {
        // Traefik and Envoy copy a field under its own name only.
        headers.insert(COOKIE, allowed.cookie);
    }
    number(headers, &allowed.set_cookies);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// The cookies as browsers read them, and one by one.
fn number(headers: &mut HeaderMap, cookies: &[HeaderValue]) {
    for (index, cookie) in cookies.iter().enumerate() {
        headers.append(SET_COOKIE, cookie.clone());
        let name = format!("x-sidgate-set-cookie-{}", index + 1);
        if index < NUMBERED_COOKIES
            && let Ok(name) = HeaderName::try_from(name)
        {
            headers.insert(name, cookie.clone());
        }
    }
}

/// The visitor gets an answer of the gateway.
fn refusal(settings: &ActiveConfig, via: Via, refused: Refused) -> Response<Full<Bytes>> {
    let Refused {
        status,
        code,
        mut fields,
        body,
    } = refused;
    let cookies: Vec<_> = fields.get_all(SET_COOKIE).iter().cloned().collect();
    fields.remove(SET_COOKIE);
    number(&mut fields, &cookies);
    fields.insert(STATUS, HeaderValue::from(status));
    fields.insert(CODE, HeaderValue::from_static(code));
    let is_allowing = (200..300).contains(&status);
    let status = match via {
        // nginx takes 2xx for a permission, and knows no other refusals than 401 and 403.
        Via::Nginx if is_allowing || (300..400).contains(&status) => {
            if let Some(location) = fields.remove(LOCATION) {
                fields.insert(TO_LOGIN, location);
            }
            401
        }
        _ => status,
    };
    if is_allowing {
        // An edge that takes it for a permission sends the request on without any identity.
        for name in allowed::names(settings) {
            fields.insert(name, HeaderValue::from_static(""));
        }
        fields.insert(COOKIE_LINE, HeaderValue::from_static(""));
    }
    if status != 204 {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = fields;
    response
}

async fn event(gateway: &Arc<Gateway>, peer: Peer, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let _under_way = UnderWay::begin(gateway);
    let mut record = Record::begin(gateway, Some(Via::Event));
    record.answerer = Answerer::Endpoint("authz:event");
    let answer = match event::serve(gateway, &mut record, headers).await {
        Ok(answer) => answer,
        Err(why) => return not_asked(gateway, peer, why),
    };
    record.outcome = answer.outcome;
    let refused = Refused::new(gateway, &mut record, None, answer);
    line::count(gateway, &record);
    let mut response = Response::new(Full::new(refused.body));
    *response.status_mut() =
        StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = refused.fields;
    response
}
