//! `upstream_request_filter`: the only place that writes an identity.
//!
//! Pingora removes what the client nominated in `Connection` just before this hook, so nothing that is written here can
//! be taken away by a client. It runs once for each attempt, on a fresh copy of the request: everything is first removed,
//! then set, exactly once.

use http::header::{COOKIE, FORWARDED, HOST, HeaderName, HeaderValue};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::identity::{claims, signed};
use sidgate_policy::auth::token::SessionClaims;
use sidgate_policy::edge::identity_headers::{ASSERTION, STATE};
use sidgate_policy::edge::marker;

use super::ctx::{Ctx, Forward, REQUEST_ID};
use super::forward::Doubt;
use crate::answer::Rejection;
use crate::decision::identity;
use crate::state::Gateway;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

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
    let rejected = match forward.confirm(gateway, &ctx.settings).await {
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
    for name in &forward.remove {
        request.remove_header(name);
    }
    for name in &WRITTEN {
        request.remove_header(name);
    }
    request.insert_header(HOST, forward.host.clone())?;
    if let Some(cookie) = cookie_line(forward) {
        request.insert_header(COOKIE, cookie)?;
    }
    write_forwarding(request, ctx, forward)?;
    write_session(gateway, request, forward)
}

/// The cookies that are the app's, and the marker if it is to see one.
fn cookie_line(forward: &Forward) -> Option<HeaderValue> {
    let Some(name) = &forward.app.cookie_marker else {
        return forward.cookie.clone();
    };
    let handle = match (&forward.state, &forward.badge) {
        (State::Active(_), Some(badge)) => Some(&*badge.handle),
        _ => None,
    };
    marker::marked(forward.cookie.as_ref(), name.as_str(), handle)
}

fn write_forwarding(request: &mut RequestHeader, ctx: &Ctx, forward: &Forward) -> Result<()> {
    if let Some(client) = ctx.client {
        request.insert_header(FORWARDED_FOR, client.to_string())?;
    }
    request.insert_header(FORWARDED_PROTO, ctx.settings.proto.clone())?;
    request.insert_header(FORWARDED_HOST, forward.host.clone())?;
    request.insert_header(FORWARDED_PORT, ctx.settings.port.clone())?;
    request.insert_header(REQUEST_ID, ctx.request_id.as_str())
}

fn write_session(gateway: &Gateway, request: &mut RequestHeader, forward: &Forward) -> Result<()> {
    identity::fields(&forward.state, forward.badge.as_deref(), |name, value| {
        request.insert_header(name, value)
    })?;
    request.insert_header(ASSERTION, assertion(gateway, forward)?)
}

fn assertion(gateway: &Gateway, forward: &Forward) -> Result<HeaderValue> {
    let (app, now) = (&forward.app, gateway.now());
    let made = match (&forward.state, &forward.badge) {
        (State::Active(active), Some(badge)) => match active.stale {
            None => {
                let session = active.entry.session();
                let confided = || app.confided(session);
                badge.assertion(session, &app.name, &app.keys, confided, now)
            }
            Some(stale) => {
                let session = active.entry.session();
                let told = claims(session, app.confided(session), Some(stale.as_secs()));
                signed(&app.keys, "active", &told, now)
            }
        },
        (state, _) => signed(&app.keys, state.as_str(), &SessionClaims::default(), now),
    };
    made.map_err(|_error| Error::explain(ErrorType::InternalError, "assertion not signed"))
}
