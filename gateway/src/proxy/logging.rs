//! `logging`: called once for each request, whatever became of it.

use pingora_core::Error;
use pingora_proxy::Session;
use tracing::warn;

use super::Ctx;
use crate::gate::Gate;
use crate::telemetry::access_log::AccessLine;

pub(super) fn write(gate: &Gate, session: &Session, error: Option<&Error>, ctx: &Ctx) {
    gate.metrics.request(&ctx.route, ctx.outcome);
    if let Some(error) = error {
        // Type and source only: the context may quote the request.
        warn!(
            request_id = ctx.request_id,
            error = error.etype().as_str(),
            side = error.esource().as_str(),
            "request failed"
        );
    }
    let head = session.req_header();
    let refused = &*ctx.route == "edge";
    AccessLine {
        request_id: &ctx.request_id,
        method: if refused { "" } else { head.method.as_str() },
        path: if refused { "" } else { head.uri.path() },
        route: &ctx.route,
        outcome: ctx.outcome,
        status: session
            .response_written()
            .map_or(0, |head| head.status.as_u16()),
        session: ctx.handle.as_deref(),
        tier: ctx.tier,
        client: ctx.client,
        duration: gate.sessions.clock().boot().since(ctx.started),
    }
    .write();
}
