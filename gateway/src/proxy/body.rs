//! Request bodies of apps: counted, and not waited for longer than they deserve.

use bytes::Bytes;
use http::Version;
use http::header::EXPECT;
use pingora_core::Result;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use sidgate_policy::edge::{Breach, Refused};

use super::Ctx;
use crate::answer::Rejection;

/// The app is about to be sent the request: what there is of a body has to keep coming.
pub(super) fn expect(session: &mut Session, ctx: &Ctx) {
    let downstream = session.as_downstream_mut();
    if downstream.is_http2()
        && !downstream.is_body_empty()
        && let Some(watch) = &ctx.watch
    {
        watch.awaits_body(ctx.gateway.sessions.clock().boot());
    }
}

/// What `Expect: 100-continue` becomes for an app of HTTP/2, whose interim answers the library below shows nobody: the client is told
/// to go on, and the app is not asked.
pub(super) async fn go_on(session: &mut Session, request: &mut RequestHeader) -> Result<()> {
    if request.version != Version::HTTP_2 || request.remove_header(&EXPECT).is_none() {
        return Ok(());
    }
    let told = session.as_downstream_mut().write_continue_response().await;
    told.map_err(|error| error.into_down())
}

/// Counts the body of a forwarded request; chunked bodies say their size only as they come.
pub(super) fn limit(
    session: &mut Session,
    body: Option<&Bytes>,
    is_last: bool,
    ctx: &mut Ctx,
) -> Result<()> {
    if let Some(watch) = &ctx.watch {
        if is_last {
            watch.body_is_over();
        } else {
            watch.body_moves(ctx.gateway.sessions.clock().boot());
        }
    }
    let read = body.map_or(0, |chunk| u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    ctx.body_bytes = ctx.body_bytes.saturating_add(read);
    // A handshake's stream is no body and may be as slow as it likes, and so may what goes on beside an answer, as with gRPC.
    let is_answered = session
        .response_written()
        .is_some_and(|head| !head.status.is_informational());
    if read > 0 && !session.is_upgrade_req() && !is_answered {
        check_rate(session, ctx)?;
    }
    let route = ctx.forward.as_ref().map(|forward| &forward.route);
    if ctx.body_bytes > ctx.record.settings.max_body_bytes(route) {
        session.set_keepalive(None);
        // What came in chunks has not said its length in a field.
        let breach = Breach {
            rule: Refused::BodyTooLarge,
            field: None,
        };
        return ctx.reject(Rejection::Edge(breach), "request body too large");
    }
    Ok(())
}

/// A body that trickles is as good as one that stops.
fn check_rate(session: &mut Session, ctx: &mut Ctx) -> Result<()> {
    let (edge, now) = (
        &ctx.record.settings.config.edge,
        ctx.gateway.sessions.clock().boot(),
    );
    let took = now.since(*ctx.body_began.get_or_insert(now));
    let slowest = took.as_secs().saturating_mul(edge.min_body_rate);
    if took > edge.body_timeout && ctx.body_bytes < slowest {
        session.set_keepalive(None);
        return ctx.reject(Rejection::TooSlow, "request body too slow");
    }
    Ok(())
}
