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
use http::uri::{PathAndQuery, Uri};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::token::SignError;
use sidgate_policy::edge::hop::HOP;
use sidgate_policy::edge::identity_headers::{ASSERTION, STATE};

use super::Ctx;
use crate::answer::Rejection;
use crate::decision::sent_path::SentPath;
use crate::passage::Forward;
use crate::passage::cookie_line::cookie_line;
use crate::passage::forward::Doubt;
use crate::passage::record::REQUEST_ID;
use crate::state::{Gateway, SessionHeaders};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// At most so many fields are written, beside those about a session.
const MOST_WRITTEN: usize = 13;

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
        Err(Doubt::Unmet(why)) => Some(Rejection::Unmet(why)),
        Err(Doubt::Unavailable) => Some(Rejection::Unavailable),
    };
    if let Some(why) = rejected {
        return ctx.reject(why, "the session changed on the way");
    }
    let Some(forward) = &ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    if let (State::Active(active), Some(watch)) = (&forward.state, &ctx.watch) {
        watch.ends_with(&active.entry, &forward.visit.client.to);
    }
    let told = (&*ctx.record.settings, &gateway.metrics);
    let (app, now) = (&forward.app, gateway.now());
    let shown = (&**app, forward.visit.client.to.site);
    let told = SessionHeaders::of(&gateway.badges, told, shown, &forward.state, now)
        .map_err(not_signed)?;
    edit(request, &forward.path, |headers| {
        // Once, instead of growing several times.
        headers.reserve(MOST_WRITTEN + told.fields().len());
        for name in forward.remove.iter().chain(&WRITTEN) {
            headers.remove(name);
        }
        write_forwarding(headers, ctx, forward);
        told.write(headers);
    })
}

/// Changes path and fields of a request that goes to an app, and drops the spelling of their names.
fn edit(
    request: &mut RequestHeader,
    path: &SentPath,
    change: impl FnOnce(&mut HeaderMap),
) -> Result<()> {
    // A target in another form than a path would be lost. Vetting has refused it.
    let target = request.uri.path_and_query().map(PathAndQuery::as_str);
    if target.map(str::as_bytes) != Some(request.raw_path()) {
        return Error::e_explain(ErrorType::InternalError, "not a path");
    }
    let (nothing, ()) = http::Request::new(()).into_parts();
    let mut parts = Parts::from(std::mem::replace(request, RequestHeader::from(nothing)));
    if let SentPath::Stripped(path) = path {
        parts.uri = with_path(&parts.uri, path)?;
    }
    change(&mut parts.headers);
    *request = RequestHeader::from(parts);
    Ok(())
}

/// The target with another path, and its query.
fn with_path(target: &Uri, path: &str) -> Result<Uri> {
    let wanted = match target.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // It is read as it will be written, or not at all.
    match wanted.parse::<Uri>() {
        Ok(read)
            if read
                .path_and_query()
                .is_some_and(|target| *target == *wanted) =>
        {
            Ok(read)
        }
        _ => Error::e_explain(ErrorType::InternalError, "not a path"),
    }
}

fn write_forwarding(headers: &mut HeaderMap, ctx: &Ctx, forward: &Forward) {
    headers.insert(HOST, forward.host.clone());
    if let Some(cookie) = cookie_line(forward) {
        headers.insert(COOKIE, cookie);
    }
    if let Some(client) = ctx
        .record
        .client
        .and_then(|ip| HeaderValue::try_from(ip.to_string()).ok())
    {
        headers.insert(FORWARDED_FOR, client);
    }
    let site = forward.site(&ctx.record);
    headers.insert(FORWARDED_PROTO, site.proto.clone());
    headers.insert(FORWARDED_HOST, forward.host.clone());
    headers.insert(FORWARDED_PORT, site.port.clone());
    headers.insert(REQUEST_ID, ctx.record.request_id.header());
    if let Some(trace) = &ctx.record.trace {
        trace.write_for_app(headers);
    }
    if let SentPath::Stripped(_) = &forward.path
        && let Ok(prefix) = HeaderValue::from_str(forward.route.path.as_str())
    {
        headers.insert(FORWARDED_PREFIX, prefix);
    }
    if let Some(mark) = ctx.record.settings.edge.hop.written() {
        headers.insert(HOP, mark.clone());
    }
}

fn not_signed(_failed: SignError) -> Box<Error> {
    Error::explain(ErrorType::InternalError, "assertion not signed")
}
