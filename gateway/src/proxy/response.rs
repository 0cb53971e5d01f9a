//! `response_filter`: what the app's answer may not carry, what it must carry, and what it asks for.

use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, HeaderName, HeaderValue, LOCATION, PROXY_AUTHENTICATE, SERVER, SET_COOKIE,
    TRAILER, UPGRADE, VARY,
};
use http::{HeaderMap, StatusCode};
use pingora_core::Result;
use pingora_http::ResponseHeader;
use session_core::service::RENEWAL_GRACE;
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::State;
use sidgate_policy::edge::fields::Field;
use sidgate_policy::edge::headers::{Reserved, reserved};
use sidgate_policy::edge::identity_headers::EVENT;

use super::watch::Watch;
use super::{Ctx, cors};
use crate::answer::{Rejection, set_cookie};
use crate::passage::event::{self, Outcome, Served};
use crate::passage::{Forward, renew};
use crate::state::Gateway;
use crate::telemetry::labels::EventResult;
use crate::telemetry::outcome;

/// Headers that reveal an app's software are removed (ASVS 13.4.6).
const SOFTWARE: [HeaderName; 2] = [SERVER, HeaderName::from_static("x-powered-by")];
/// What an app says about its connection to the gateway (RFC 9110, 7.6.1). The browser has another one, on which the
/// gateway speaks for itself.
const OF_THE_CONNECTION: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    TRAILER,
    UPGRADE,
];
/// Directives for shared caches alone, which would overrule `Cache-Control` there (RFC 9213).
const FOR_SHARED_CACHES: [HeaderName; 3] = [
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("cloudflare-cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
];

/// `asked_to_switch`: the request was a WebSocket handshake.
pub(super) async fn filter(
    gateway: &Arc<Gateway>,
    asked_to_switch: bool,
    response: &mut ResponseHeader,
    ctx: &mut Ctx,
) -> Result<()> {
    let event = take_event(response);
    clean(gateway, response, ctx)?;
    // Interim answers carry nothing of ours; 101 is final.
    let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
    if response.status.is_informational() && !switches {
        return Ok(());
    }
    if switches && !asked_to_switch {
        // What follows would be read as another protocol by one side only.
        return ctx.reject(Rejection::BadGateway, "an upgrade nobody asked for");
    }
    if let Some(watch) = &ctx.watch {
        watch.answer_begins();
    }
    ctx.app_answers();
    ctx.progress.answered(ctx.holder(), switches);
    let Some(forward) = ctx.forward.take() else {
        return Ok(());
    };
    response.insert_header("X-Request-Id", ctx.record.request_id.header())?;
    if !switches {
        fill_in(response, &forward)?;
    }
    let mut outcome = match event {
        Event::None if may_carry_cookie(response) => Outcome {
            cookie: renew::renew(gateway, &ctx.record, &forward, RENEWAL_GRACE, |key| {
                moves(ctx.watch.as_ref(), &forward, Some(key))
            })
            .await,
            ..Outcome::default()
        },
        Event::None => Outcome::default(),
        Event::One(token) => {
            let watch = ctx.watch.clone();
            let moves = |key| moves(watch.as_ref(), &forward, key);
            let token = token.as_bytes();
            Box::pin(event::obey(
                gateway,
                &Served::of(&forward),
                &mut ctx.record,
                token,
                moves,
            ))
            .await
        }
        Event::Several => {
            gateway.metrics.event("none", EventResult::Repeated);
            Outcome::untrusted()
        }
    };
    cors::overwrite(&ctx.record.cors, response)?;
    stay_at_the_gateway(response, &forward, ctx)?;
    let result = match outcome.failed.take() {
        // The app told the browser that it is logged in, or out. It must not hear it unless it is true.
        Some(why) => ctx.reject(why, "a session event could not be committed"),
        None => finish(response, &forward, &outcome)
            .and_then(|()| write_cookie_changes(gateway, response, ctx, &outcome))
            .and_then(|()| keep_cookies_private(response)),
    };
    ctx.record.outcome = match &result {
        Ok(()) => outcome::Outcome::from(&forward.state),
        Err(_) => outcome::Outcome::EventNotCommitted,
    };
    ctx.forward = Some(forward);
    result
}

/// From now on the request ends with this session.
fn moves(watch: Option<&Arc<Watch>>, forward: &Forward, key: Option<SessionKey>) {
    if let Some(watch) = watch {
        watch.moves_to(key, &forward.visit.client.to);
    }
}

/// The fields that the route adds where the app says nothing. What follows judges them as if the app had written them.
fn fill_in(response: &mut ResponseHeader, forward: &Forward) -> Result<()> {
    for (name, value) in &forward.route.response_headers {
        if !response.headers.contains_key(name) {
            response.insert_header(name.clone(), value.clone())?;
        }
    }
    Ok(())
}

fn finish(response: &mut ResponseHeader, forward: &Forward, outcome: &Outcome) -> Result<()> {
    if outcome.had_event || outcome.cookie.is_some() {
        response.insert_header(CACHE_CONTROL, "private, no-store")?;
    } else if matches!(forward.state, State::Active(_))
        && !response.headers.contains_key(CACHE_CONTROL)
    {
        response.insert_header(CACHE_CONTROL, HeaderValue::from_static("private"))?;
    }
    if matches!(forward.state, State::Active(_)) {
        vary_by_cookie(response)?;
    }
    if let Some(cookie) = &outcome.cookie {
        response.append_header(SET_COOKIE, cookie.clone())?;
    }
    Ok(())
}

/// Has redirects of the app to its own address lead to the origin that the visitor knows.
fn stay_at_the_gateway(response: &mut ResponseHeader, forward: &Forward, ctx: &Ctx) -> Result<()> {
    let (Some(own), Some(location)) = (
        &forward.app.own_addresses,
        response
            .headers
            .get(LOCATION)
            .and_then(|location| location.to_str().ok()),
    ) else {
        return Ok(());
    };
    let host = forward.host.to_str().unwrap_or_default();
    match own.moved_to(&forward.site(&ctx.record).origin_at(host), location) {
        Some(public) => response.insert_header(LOCATION, public),
        None => Ok(()),
    }
}

/// What is to be said about cookies of the old system. An answer that shared caches may keep carries no cookie; the next
/// one will. An event of the app has the last word about the session's own.
fn write_cookie_changes(
    gateway: &Gateway,
    response: &mut ResponseHeader,
    ctx: &mut Ctx,
    outcome: &Outcome,
) -> Result<()> {
    let Some(mut cookie_changes) = ctx.record.cookie_changes.take() else {
        return Ok(());
    };
    if outcome.had_event {
        cookie_changes.keep_back();
    }
    if !outcome.had_event && is_shared(response) {
        gateway.metrics.cookies_withheld();
        return Ok(());
    }
    let lines = cookie_changes.lines(gateway, &ctx.record.settings, outcome.cookie.is_none());
    if !lines.is_empty() && response.status.as_u16() != 101 {
        response.insert_header(CACHE_CONTROL, "private, no-store")?;
    }
    for cookie in lines {
        response.append_header(SET_COOKIE, cookie)?;
    }
    Ok(())
}

/// Whether a cookie of ours can go with this answer.
fn may_carry_cookie(response: &ResponseHeader) -> bool {
    response.status.as_u16() != 101 && !is_shared(response)
}

/// Whether the app wants this answer kept for everybody.
pub(super) fn is_shared(response: &ResponseHeader) -> bool {
    let directives = response.headers.get_all(CACHE_CONTROL).iter();
    directives
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .any(|directive| {
            let name = directive.split(|&byte| byte == b'=').next();
            let name = name.unwrap_or_default().trim_ascii();
            [&b"public"[..], b"s-maxage", b"immutable"]
                .iter()
                .any(|shared| name.eq_ignore_ascii_case(shared))
        })
}

/// A cookie in a shared cache would reach every user, so an answer that sets a cookie must not be shared.
fn keep_cookies_private(response: &mut ResponseHeader) -> Result<()> {
    if !response.headers.contains_key(SET_COOKIE) {
        return Ok(());
    }
    for name in &FOR_SHARED_CACHES {
        response.remove_header(name);
    }
    if is_shared(response) {
        response.insert_header(CACHE_CONTROL, "private, no-store")?;
    }
    Ok(())
}

enum Event {
    None,
    One(HeaderValue),
    Several,
}

fn take_event(response: &ResponseHeader) -> Event {
    match Field::find(&response.headers, &EVENT) {
        Field::Absent => Event::None,
        Field::One(token) => Event::One(token.clone()),
        Field::Several => Event::Several,
    }
}

/// Takes away what no answer of an app may carry, interim ones included.
fn clean(gateway: &Gateway, response: &mut ResponseHeader, ctx: &Ctx) -> Result<()> {
    strip_identity(response);
    strip_our_cookie(gateway, response, ctx)?;
    for name in &SOFTWARE {
        response.remove_header(name);
    }
    for name in &OF_THE_CONNECTION {
        if *name != UPGRADE || response.status != StatusCode::SWITCHING_PROTOCOLS {
            response.remove_header(name);
        }
    }
    Ok(())
}

/// Takes away what stands after a body and belongs before it, or is not the browser's.
pub(super) fn clean_trailers(trailers: &mut HeaderMap) {
    let ours = |name: &HeaderName| reserved(name.as_str()) == Some(Reserved::Identity);
    let banned = |name: &HeaderName| {
        ours(name)
            || *name == SET_COOKIE
            || SOFTWARE.contains(name)
            || OF_THE_CONNECTION.contains(name)
    };
    let names: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| banned(name))
        .cloned()
        .collect();
    for name in &names {
        trailers.remove(name);
    }
}

/// Removes the headers that only gateway and app exchange.
fn strip_identity(response: &mut ResponseHeader) {
    let ours: Vec<HeaderName> = response
        .headers
        .keys()
        .filter(|name| reserved(name.as_str()) == Some(Reserved::Identity))
        .cloned()
        .collect();
    for name in &ours {
        response.remove_header(name);
    }
}

/// Only the gateway sets its cookies, those of other sites included.
fn strip_our_cookie(gateway: &Gateway, response: &mut ResponseHeader, ctx: &Ctx) -> Result<()> {
    let all = response.headers.get_all(SET_COOKIE);
    let is_ours = |cookie: &HeaderValue| {
        let mut sites = ctx.record.settings.config.sites.iter();
        sites.any(|site| set_cookie::names_ours(cookie, site.cookie.name.as_str()))
    };
    if !all.iter().any(is_ours) {
        return Ok(());
    }
    let kept: Vec<HeaderValue> = all
        .iter()
        .filter(|cookie| !is_ours(cookie))
        .cloned()
        .collect();
    response.remove_header(&SET_COOKIE);
    for cookie in kept {
        response.append_header(SET_COOKIE, cookie)?;
    }
    gateway.metrics.upstream_cookie_dropped();
    Ok(())
}

fn vary_by_cookie(response: &mut ResponseHeader) -> Result<()> {
    let fields = response.headers.get_all(VARY).iter();
    let mut names = fields.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let said = names.any(|name| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(b"cookie")
    });
    if !said {
        response.append_header(VARY, HeaderValue::from_static("Cookie"))?;
    }
    Ok(())
}
