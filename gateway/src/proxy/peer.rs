//! `upstream_peer`: which server of the app gets the request.

use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};
use pingora_core::{Error, ErrorType, Result};
use tracing::{info, warn};

use super::Ctx;
use super::upstream_fault::UpstreamFault;
use crate::answer::Rejection;
use crate::state::Gateway;
use crate::views::session::rfc3339;

pub(super) fn choose(gateway: &Gateway, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
    let Some(forward) = &mut ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    let pool = &forward.app.pool;
    let Some(address) = pool.next() else {
        let fault = UpstreamFault::unresolved(&pool.unresolved());
        gateway
            .metrics
            .upstream_error(&forward.app.name, fault.kind);
        forward.tries.fault = Some(fault);
        return ctx.reject(Rejection::BadGateway, "no address of the upstream is known");
    };
    forward.tries.server = Some(address);
    let upstream = pool.upstream();
    let mut peer = HttpPeer::new(address, false, String::new());
    let mut options = PeerOptions::new();
    options.connection_timeout = Some(upstream.connect_timeout);
    options.total_connection_timeout = Some(upstream.connect_timeout);
    options.read_timeout = Some(upstream.read_timeout);
    options.write_timeout = Some(upstream.write_timeout);
    options.idle_timeout = Some(upstream.idle_timeout);
    peer.options = options;
    Ok(Box::new(peer))
}

/// Nothing was sent, so the next untried server may be tried.
pub(super) fn failed(gateway: &Gateway, ctx: &mut Ctx, mut error: Box<Error>) -> Box<Error> {
    if let Some(forward) = &mut ctx.forward {
        let pool = &forward.app.pool;
        forward.tries.failed += 1;
        error.set_retry(forward.tries.failed < pool.count());
        let fault = UpstreamFault::of_connect(&error, pool.upstream());
        gateway
            .metrics
            .upstream_error(&forward.app.name, fault.kind);
        let now = gateway.sessions.clock().wall();
        if let Some(server) = forward.tries.server
            && pool.reachable().failed(server, now)
        {
            warn!(
                upstream = &*forward.app.name,
                server = %server,
                cause = fault.cause,
                "server takes no connections"
            );
        }
        forward.tries.fault = Some(fault);
    }
    error
}

/// The server has taken the connection.
pub(super) fn connected(ctx: &mut Ctx) {
    let Some(forward) = &mut ctx.forward else {
        return;
    };
    forward.tries.is_connected = true;
    forward.tries.fault = None;
    if let Some(server) = forward.tries.server
        && let Some(since) = forward.app.pool.reachable().connected(server)
    {
        info!(
            upstream = &*forward.app.name,
            server = %server,
            since = rfc3339(since),
            "server takes connections again"
        );
    }
}
