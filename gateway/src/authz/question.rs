//! Which request does an edge describe over HTTP?
//!
//! | path | asked by | where the request is |
//! |---|---|---|
//! | `/authz/nginx` | nginx, HAProxy | `X-Original-Method`, `X-Original-URI`, `X-Forwarded-Proto`, `-Host`, `-For` |
//! | `/authz/forward` | Traefik, Caddy | `X-Forwarded-Method`, `-Uri`, `-Proto`, `-Host`, `-For` |
//! | `/authz/envoy/...` | Envoy | the question itself; `X-Forwarded-Proto`, `-For` |
//!
//! What is missing has no default, and what is there twice is as good as missing: somebody else may have written the other one.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sidgate_policy::edge::Refused;
use sidgate_policy::edge::fields::only;
use sidgate_policy::edge::scheme::{self, Scheme};

use super::described::{Described, FORWARDED_PROTO, Said, SentBy};
use crate::telemetry::questions::{NoQuestion, Via};

const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
/// The host that the client has asked.
pub(super) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const ENVOY: &str = "/authz/envoy";

/// What is asked.
pub(super) enum Asked {
    /// What becomes of this request; or the rule that it breaks, whatever else it says.
    About(Via, Result<Box<Described>, Refused>),
    /// An app has something done about a session.
    Event(Box<HeaderMap>),
}

/// Reads a question.
///
/// # Errors
/// Why it is none.
pub(super) fn read(question: Parts) -> Result<Asked, NoQuestion> {
    let via = match question.uri.path() {
        "/authz/nginx" => Via::Nginx,
        "/authz/forward" => Via::ForwardAuth,
        "/authz/event" if question.method == Method::POST => {
            return Ok(Asked::Event(Box::new(question.headers)));
        }
        path if path
            .strip_prefix(ENVOY)
            .is_some_and(|rest| rest.starts_with('/')) =>
        {
            Via::EnvoyHttp
        }
        _ => return Err(NoQuestion::Path),
    };
    let described = match via {
        Via::Nginx => by_fields(question.headers, &ORIGINAL_METHOD, &ORIGINAL_URI)?,
        Via::ForwardAuth => by_fields(question.headers, &FORWARDED_METHOD, &FORWARDED_URI)?,
        _ => by_itself(question)?,
    };
    Ok(Asked::About(via, described.map(Box::new)))
}

/// The request is described by fields.
fn by_fields(
    mut headers: HeaderMap,
    method: &HeaderName,
    target: &HeaderName,
) -> Result<Result<Described, Refused>, NoQuestion> {
    let scheme = scheme_of(&headers)?;
    let method = take(&mut headers, method)?;
    let target = take(&mut headers, target)?;
    let host = one(&headers, &FORWARDED_HOST)?.clone();
    has_sender(&headers)?;
    Ok(Described::new(Said {
        method: method.as_bytes(),
        target: target.as_bytes(),
        host: &host,
        scheme,
        sender: SentBy::Fields,
        headers,
    }))
}

/// The question has method, target and fields of the request.
fn by_itself(question: Parts) -> Result<Result<Described, Refused>, NoQuestion> {
    let headers = question.headers;
    let scheme = scheme_of(&headers)?;
    has_sender(&headers)?;
    let authority = question.uri.authority().map(http::uri::Authority::as_str);
    let host = match only(&headers, &HOST) {
        Some(host) => host.clone(),
        None => authority
            .and_then(|host| HeaderValue::from_str(host).ok())
            .ok_or(NoQuestion::Incomplete)?,
    };
    let asked = question.uri.path_and_query();
    let asked = asked.map(http::uri::PathAndQuery::as_str);
    let target = asked.and_then(|asked| asked.strip_prefix(ENVOY));
    Ok(Described::new(Said {
        method: question.method.as_str().as_bytes(),
        target: target.ok_or(NoQuestion::Incomplete)?.as_bytes(),
        host: &host,
        scheme,
        sender: SentBy::Fields,
        headers,
    }))
}

/// The value of a field that is there once.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h HeaderValue, NoQuestion> {
    only(headers, name)
        .filter(|value| !value.is_empty())
        .ok_or(NoQuestion::Incomplete)
}

/// The same, which then is no field of the request.
fn take(headers: &mut HeaderMap, name: &HeaderName) -> Result<HeaderValue, NoQuestion> {
    let value = one(headers, name)?.clone();
    headers.remove(name);
    Ok(value)
}

/// What the edge says about the client's connection.
pub(super) fn scheme_of(headers: &HeaderMap) -> Result<Scheme, NoQuestion> {
    one(headers, &FORWARDED_PROTO)?;
    scheme::told(headers).ok_or(NoQuestion::Incomplete)
}

/// Every edge adds who came to it.
fn has_sender(headers: &HeaderMap) -> Result<(), NoQuestion> {
    let last = headers.get_all(FORWARDED_FOR).into_iter().next_back();
    let is_there = last.is_some_and(|value| !value.is_empty());
    is_there.then_some(()).ok_or(NoQuestion::Incomplete)
}

#[cfg(test)]
mod tests;
