//! `upstream_peer`: which server of the app gets the request, and what its connection says about it.

use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use sidgate_policy::auth::decide::State;

use super::Ctx;
use crate::answer::Rejection;
use crate::apps::pool::{Failure, NoServer, Wanted};
use crate::apps::standing::Now;
use crate::apps::upstream_fault::UpstreamFault;
use crate::config::{Protocol, RetryOn};
use crate::state::Gateway;
use crate::telemetry::labels::UpstreamError;

/// `is_switch`: the request is a WebSocket handshake.
pub(super) async fn choose(
    gateway: &Gateway,
    is_switch: bool,
    ctx: &mut Ctx,
) -> Result<Box<HttpPeer>> {
    let Some(forward) = &ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    let (pool, way) = (&forward.app.pool, &forward.app.way);
    let upstream = pool.upstream();
    if is_switch && upstream.protocol == Protocol::Http2 {
        return ctx.reject(Rejection::NoWebSockets, "a WebSocket for an app of HTTP/2");
    }
    let wanted = Wanted {
        session: match &forward.state {
            State::Active(active) => Some(active.entry.session().id.as_u128()),
            State::None | State::Anonymous | State::Unknown => None,
        },
        tried: ctx.tries.failed(),
        now: gateway.sessions.clock().boot(),
    };
    let request = match pool.choose(wanted).await {
        Ok(request) => request,
        Err(why) => return no_server(gateway, ctx, why),
    };
    let peer = way.peer(&request.server);
    ctx.tries.begin(request);
    if let Some(recording) = ctx.record.recording() {
        recording.asks_app(gateway.sessions.clock().boot());
    }
    let mut peer = Box::new(peer?);
    // While another server is free, nobody waits long for this one.
    if ctx.tries.has_alternative(pool) {
        let limit = upstream.retry.connect_after.min(upstream.connect_timeout);
        peer.options.connection_timeout = Some(limit);
    }
    peer.options.read_timeout = Some(forward.route.read_timeout(upstream));
    if is_switch {
        // Pingora begins the time anew when either side has sent something. It would also wait so long for the answer to the
        // handshake, so that is waited for by the watch.
        peer.options.read_timeout = Some(upstream.websocket_idle);
        if let Some(watch) = &ctx.watch {
            let now = gateway.sessions.clock().boot();
            watch.awaits_head(now.plus(forward.route.read_timeout(upstream)));
        }
    }
    Ok(peer)
}

/// No server is left, or free. After an attempt that failed, its own cause stands.
fn no_server<T>(gateway: &Gateway, ctx: &mut Ctx, why: NoServer) -> Result<T> {
    let Some(forward) = &ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    let pool = &forward.app.pool;
    let (fault, rejection, words) = match why {
        NoServer::Free => (
            UpstreamFault::busy(pool.upstream()),
            Rejection::AppBusy,
            "every server has as many requests as it may have",
        ),
        NoServer::Left if ctx.tries.fault.is_some() => {
            return ctx.reject(Rejection::BadGateway, "no other server is left");
        }
        NoServer::Left => (
            UpstreamFault::unresolved(&pool.unresolved()),
            Rejection::BadGateway,
            "no address of the upstream is known",
        ),
    };
    let upstream = &forward.app.name;
    gateway.metrics.upstream_error(upstream, fault.kind);
    ctx.tries.fault = Some(fault);
    ctx.reject(rejection, words)
}

/// There is no connection. Nothing was sent, so every request may go to another server.
pub(super) fn failed(gateway: &Gateway, ctx: &mut Ctx, mut error: Box<Error>) -> Box<Error> {
    let Some(forward) = &ctx.forward else {
        return error;
    };
    let (pool, tries) = (&forward.app.pool, &mut ctx.tries);
    let Some(request) = tries.in_flight() else {
        return error;
    };
    let fault = UpstreamFault::of_connect(&error, pool.upstream(), &request.server.at.address);
    let is_late = matches!(
        fault.kind,
        UpstreamError::ConnectTimeout | UpstreamError::TlsTimeout
    );
    let (how, fault) = if is_late && tries.has_alternative(pool) {
        (
            Failure::Slow,
            UpstreamFault::slow(fault.kind, pool.upstream()),
        )
    } else {
        (Failure::Connect, fault)
    };
    gateway
        .metrics
        .upstream_error(&forward.app.name, fault.kind);
    let now = Now::of(&**gateway.sessions.clock());
    pool.failed(request, how, &fault.cause, now);
    tries.has_failed();
    let goes_on = tries.may_go_on(pool, RetryOn::Connect);
    if goes_on {
        gateway.metrics.upstream_retry(&forward.app.name);
    }
    error.set_retry(goes_on);
    let why = fault.kind.into();
    tries.fault = Some(fault);
    ctx.attempt_failed(why, goes_on);
    error
}

/// The server has taken the connection.
pub(super) fn connected(gateway: &Gateway, ctx: &mut Ctx) {
    ctx.tries.connected(gateway.sessions.clock().boot());
}

/// The app has taken the connection, and is about to be sent the request. `is_http2`: by HTTP/2.
pub(super) fn check_protocol(gateway: &Gateway, is_http2: bool, ctx: &mut Ctx) -> Result<()> {
    let Some(forward) = &ctx.forward else {
        return Ok(());
    };
    if is_http2 || forward.app.way.upstream().protocol == Protocol::Http1 {
        return Ok(());
    }
    let fault = UpstreamFault::no_http2();
    gateway
        .metrics
        .upstream_error(&forward.app.name, fault.kind);
    ctx.tries.fault = Some(fault);
    ctx.reject(Rejection::BadGateway, "the app does not agree to HTTP/2")
}
