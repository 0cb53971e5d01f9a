//! `upstream_peer`: which server of the app gets the request.

use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};
use pingora_core::{Error, ErrorType, Result};

use super::Ctx;
use crate::answer::Rejection;

pub(super) fn choose(ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
    let Some(forward) = &ctx.forward else {
        return Error::e_explain(ErrorType::InternalError, "nothing to forward");
    };
    let pool = &forward.app.pool;
    let Some(address) = pool.next() else {
        return ctx.reject(Rejection::BadGateway, "no address of the upstream is known");
    };
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
pub(super) fn failed(ctx: &mut Ctx, mut error: Box<Error>) -> Box<Error> {
    if let Some(forward) = &mut ctx.forward {
        forward.attempts += 1;
        error.set_retry(forward.attempts < forward.app.pool.count());
    }
    error
}
