//! One question over HTTP, from its head to its answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use sidgate_policy::edge::client_ip::Peer;
use tracing::debug;

use super::allowed::Allowed;
use super::event;
use super::flow::{self, Decision, UnderWay};
use super::question::{self, Asked};
use super::refused::Refused;
use crate::passage::line;
use crate::passage::record::REQUEST_ID;
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

/// What an answer is made of.
pub(super) type Body = UnsyncBoxBody<Bytes, tonic::Status>;

/// An answer over HTTP.
type Answered = Response<Full<Bytes>>;

/// Whether `peer` may ask. Whoever may not learns nothing.
pub(super) fn may_ask(settings: &ActiveConfig, peer: Peer) -> bool {
    let authz = settings.config.authz.as_ref();
    authz.is_some_and(|authz| authz.trusted_edges.contain(peer))
}

/// The answer to a question.
pub(super) async fn answer(gateway: &Arc<Gateway>, peer: Peer, question: Parts) -> Answered {
    if !may_ask(&gateway.settings.get(), peer) {
        return not_asked(gateway, peer, NoQuestion::Peer);
    }
    match question::read(question) {
        Ok(Asked::About(via, described)) => match flow::answer(gateway, via, described).await {
            Decision::Allowed(allowed) => permission(via, *allowed),
            Decision::Refused(refused) => refusal(&gateway.settings.get(), via, *refused),
        },
        Ok(Asked::Event(headers)) => event(gateway, peer, &headers).await,
        Err(why) => not_asked(gateway, peer, why),
    }
}

/// The answer to whoever asks nothing that makes sense.
fn not_asked(gateway: &Gateway, peer: Peer, why: NoQuestion) -> Answered {
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

/// The app gets the request.
fn permission(via: Via, allowed: Allowed) -> Answered {
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
    headers.extend(allowed.trace);
    headers.extend(allowed.for_browser);
    if matches!(via, Via::ForwardAuth | Via::EnvoyHttp) {
        // Traefik and Envoy copy a field under its own name only.
        headers.insert(COOKIE, allowed.cookie);
    }
    for cookie in &allowed.set_cookies {
        headers.append(SET_COOKIE, cookie.clone());
    }
    number(headers, &allowed.set_cookies);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// The cookies one by one.
fn number(headers: &mut HeaderMap, cookies: &[HeaderValue]) {
    for (index, cookie) in cookies.iter().enumerate() {
        let name = format!("x-sidgate-set-cookie-{}", index + 1);
        if index < NUMBERED_COOKIES
            && let Ok(name) = HeaderName::try_from(name)
        {
            headers.insert(name, cookie.clone());
        }
    }
}

/// The visitor gets an answer of the gateway.
fn refusal(settings: &ActiveConfig, via: Via, refused: Refused) -> Answered {
    let Refused {
        status,
        code,
        mut fields,
        body,
    } = refused;
    // Other edges pass the whole answer on, and what is told twice could be read by scripts.
    if via == Via::Nginx {
        let cookies: Vec<_> = fields.get_all(SET_COOKIE).iter().cloned().collect();
        number(&mut fields, &cookies);
        fields.insert(STATUS, HeaderValue::from(status));
        fields.insert(CODE, HeaderValue::from_static(code));
    }
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
        for name in settings.config.identity.names() {
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

async fn event(gateway: &Arc<Gateway>, peer: Peer, headers: &HeaderMap) -> Answered {
    let _under_way = UnderWay::begin(gateway);
    let mut record = Record::begin(gateway, Some(Via::Event));
    record.answerer = Answerer::Endpoint("authz:event");
    let answer = match event::serve(gateway, &mut record, headers).await {
        Ok(answer) => answer,
        Err(why) => return not_asked(gateway, peer, why),
    };
    let refused = Refused::new(gateway, &mut record, None, answer);
    line::count(gateway, &record);
    let mut response = Response::new(Full::new(refused.body));
    *response.status_mut() =
        StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = refused.fields;
    response
}
