//! `upstream_request_filter`: the only place that writes an identity.
//!
//! Pingora removes what the client nominated in `Connection` just before this hook, so nothing that is written here can
//! be taken away by a client. It runs once for each attempt, on a fresh copy of the request: everything is first removed,
//! then set, exactly once.
//!
//! Pingora keeps the spelling of HTTP/1 names in a second map beside the fields. Apps get every name in the spelling that
//! requests by HTTP/2 have anyway, so that map goes, and each field is written once.

use http::header::{COOKIE, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::token::SignError;
use sidgate_policy::edge::identity_headers::{ASSERTION, STATE};
use sidgate_policy::edge::marker;
use uuid::Uuid;

use super::ctx::{Ctx, Forward, REQUEST_ID};
use super::forward::Doubt;
use crate::answer::Rejection;
use crate::state::{Gateway, SessionHeaders};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// At most so many fields are written, beside those about a session.
const MOST_WRITTEN: usize = 9;

/// Names that the gateway itself writes; removed even when no client sent them.
const WRITTEN: [HeaderName; 6] = [
    COOKIE,
    FORWARDED,
    FORWARDED_FOR,
    REQUEST_ID,
    STATE,
    ASSERTION,
];

pub(super) async fn write_identity(
    gateway: &Gateway,
    request: &mut RequestHeader,
    ctx: &mut Ctx,
) -> Result<()> {
    let Some(forward) = &mut ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    let rejected = match forward.confirm(gateway).await {
        Ok(()) => None,
        Err(Doubt::Missing) => Some(Rejection::NoSession(None)),
        Err(Doubt::Unavailable) => Some(Rejection::Unavailable),
    };
    if let Some(why) = rejected {
        return ctx.reject(why, "the session changed on the way");
    }
    let Some(forward) = &ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    if let (State::Active(active), Some(watch)) = (&forward.state, &ctx.watch) {
        watch.ends_with(&active.entry);
    }
    let told = (&*ctx.settings, &gateway.metrics);
    let (app, now) = (&forward.app, gateway.now());
    let told =
        SessionHeaders::of(&gateway.badges, told, app, &forward.state, now).map_err(not_signed)?;
    edit(request, |headers| {
        // Once, instead of growing several times.
        headers.reserve(MOST_WRITTEN + told.fields().len());
        for name in forward.remove.iter().chain(&WRITTEN) {
            headers.remove(name);
        }
        write_forwarding(headers, ctx, forward);
        told.write(headers);
    })
}

/// Changes the fields of a request that goes to an app, and drops the spelling of their names.
fn edit(request: &mut RequestHeader, change: impl FnOnce(&mut HeaderMap)) -> Result<()> {
    // A target in another form than a path would be lost. Vetting has refused it.
    let target = request.uri.path_and_query().map(PathAndQuery::as_str);
    if target.map(str::as_bytes) != Some(request.raw_path()) {
        return Error::e_explain(ErrorType::InternalError, "not a path");
    }
    let (nothing, ()) = http::Request::new(()).into_parts();
    let mut parts = Parts::from(std::mem::replace(request, RequestHeader::from(nothing)));
    change(&mut parts.headers);
    *request = RequestHeader::from(parts);
    Ok(())
}

/// The cookies that are the app's, and the marker if it is to see one.
fn cookie_line(forward: &Forward) -> Option<HeaderValue> {
    let Some(name) = &forward.app.cookie_marker else {
        return forward.cookie.clone();
    };
    let mut buffer = Uuid::encode_buffer();
    let handle = match &forward.state {
        State::Active(active) => {
            let id = active.entry.session().id.hyphenated();
            Some(&*id.encode_lower(&mut buffer))
        }
        _ => None,
    };
    marker::marked(forward.cookie.as_ref(), name.as_str(), handle)
}

fn write_forwarding(headers: &mut HeaderMap, ctx: &Ctx, forward: &Forward) {
    headers.insert(HOST, forward.host.clone());
    if let Some(cookie) = cookie_line(forward) {
        headers.insert(COOKIE, cookie);
    }
    if let Some(client) = ctx
        .client
        .and_then(|ip| HeaderValue::try_from(ip.to_string()).ok())
    {
        headers.insert(FORWARDED_FOR, client);
    }
    headers.insert(FORWARDED_PROTO, ctx.settings.proto.clone());
    headers.insert(FORWARDED_HOST, forward.host.clone());
    headers.insert(FORWARDED_PORT, ctx.settings.port.clone());
    headers.insert(REQUEST_ID, ctx.request_id.header());
}

fn not_signed(_failed: SignError) -> Box<Error> {
    Error::explain(ErrorType::InternalError, "assertion not signed")
}
