//! The line about a request that failed: on whose side, at which server, and why.

use pingora_core::{Error, ErrorSource, ErrorType};
use tracing::warn;

use super::Ctx;
use crate::apps::upstream_fault::{UpstreamFault, system_says};
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;

/// Writes it for a WebSocket handshake that the app does not answer.
pub(super) fn of_silence(gateway: &Gateway, ctx: &mut Ctx) {
    let error = Error::explain(ErrorType::ReadTimedout, "no answer to a handshake").into_up();
    ctx.tries.is_connected = true;
    ctx.tries.fault = None;
    write(gateway, &error, ctx);
}

/// Writes it. Never the context of `error`: that may quote the request.
pub(super) fn write(gateway: &Gateway, error: &Error, ctx: &mut Ctx) {
    let fault = upstream_fault(gateway, error, ctx);
    let (kind, cause) = match fault {
        Some(UpstreamFault { kind, cause }) => (Some(<&str>::from(kind)), Some(cause)),
        None => {
            let ours = ctx.rejected_because.or_else(|| of_client(error));
            let ours = ours.map(str::to_owned);
            (None, system_says(error).or(ours))
        }
    };
    let forward = ctx.forward.as_ref();
    let tries = forward.map(|_| &ctx.tries);
    warn!(
        request_id = &*ctx.record.request_id,
        error = error.etype().as_str(),
        side = error.esource().as_str(),
        upstream = forward.map(|forward| &*forward.app.name),
        server = tries
            .and_then(|tries| tries.server())
            .map(tracing::field::display),
        attempt = tries.map(|tries| tries.number()),
        kind,
        cause,
        "request failed"
    );
}

/// What the client has to do with it.
fn of_client(error: &Error) -> Option<&'static str> {
    if *error.esource() != ErrorSource::Downstream {
        return None;
    }
    Some(match error.root_etype() {
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => {
            "the client closed the connection"
        }
        ErrorType::ReadTimedout => "the client sent nothing for too long",
        ErrorType::WriteTimedout => "the client took nothing for too long",
        _ => "the client breaks a rule of HTTP",
    })
}

/// What the app has to do with it; counted here, unless that has been done already.
fn upstream_fault(gateway: &Gateway, error: &Error, ctx: &mut Ctx) -> Option<UpstreamFault> {
    let forward = ctx.forward.as_ref()?;
    if let Some(fault) = ctx.tries.fault.take() {
        return Some(fault);
    }
    let is_theirs = *error.esource() == ErrorSource::Upstream
        && !matches!(error.etype(), ErrorType::HTTPStatus(_));
    if !is_theirs || !ctx.tries.is_connected {
        return None;
    }
    let has_head = ctx.record.outcome == Outcome::BrokenOff;
    let upstream = forward.app.pool.upstream();
    let silence = forward.route.read_timeout(upstream);
    let fault = UpstreamFault::of_exchange(error, upstream, (silence, has_head));
    gateway
        .metrics
        .upstream_error(&forward.app.name, fault.kind);
    Some(fault)
}
