//! What the exchange with a server says about it, and whether another one is tried: `upstream_response_filter` when the head
//! of its answer has come, `error_while_proxy` when the connection breaks.

use http::StatusCode;
use pingora_core::{Error, ErrorSource, ErrorType, Result, RetryType};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::Ctx;
use super::tries::may_be_repeated;
use crate::apps::pool::Failure;
use crate::apps::standing::Now;
use crate::apps::upstream_fault::UpstreamFault;
use crate::config::RetryOn;
use crate::state::Gateway;

/// The mark of an error that stands for an answer which nobody is to see, because another server is asked.
const ANOTHER_SERVER: ErrorType = ErrorType::Custom("AnotherServer");

/// The head of an answer has come.
///
/// # Errors
/// When another server is asked instead.
pub(super) fn head(
    gateway: &Gateway,
    session: &mut Session,
    response: &ResponseHeader,
    ctx: &mut Ctx,
) -> Result<()> {
    let is_interim =
        response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS;
    let Some(forward) = ctx.forward.as_ref().filter(|_| !is_interim) else {
        return Ok(());
    };
    let (pool, tries) = (&forward.app.pool, &mut ctx.tries);
    tries.has_head = true;
    if let Some(recording) = ctx.record.recording() {
        let now = gateway.sessions.clock().boot();
        recording.app_answers(now, response.status.as_u16());
    }
    let Some(request) = tries.in_flight() else {
        return Ok(());
    };
    let clock = gateway.sessions.clock();
    let Some(what) = failure(response.status) else {
        pool.served(request, &**clock);
        return Ok(());
    };
    let cause = format!("it answers {}", response.status.as_u16());
    pool.failed(request, Failure::Answer, &cause, Now::of(&**clock));
    tries.has_failed();
    let goes_on = tries.may_go_on(pool, what) && may_be_repeated(session);
    ctx.attempt_failed(response.status.as_str(), goes_on);
    let Some(forward) = ctx.forward.as_ref().filter(|_| goes_on) else {
        return Ok(());
    };
    gateway.metrics.upstream_retry(&forward.app.name);
    let mut error = Error::explain(ANOTHER_SERVER, "another server is asked");
    error.set_retry(true);
    error.as_up();
    Err(error)
}

/// An answer that counts as a failure of the server. A 500 is an answer like any other.
fn failure(status: StatusCode) -> Option<RetryOn> {
    match status {
        StatusCode::BAD_GATEWAY => Some(RetryOn::BadGateway),
        StatusCode::SERVICE_UNAVAILABLE => Some(RetryOn::Unavailable),
        StatusCode::GATEWAY_TIMEOUT => Some(RetryOn::GatewayTimeout),
        _ => None,
    }
}

/// The exchange has broken off. `is_reused`: on a connection of before, which the server may have closed meanwhile.
pub(super) fn broke(
    gateway: &Gateway,
    session: &mut Session,
    mut error: Box<Error>,
    ctx: &mut Ctx,
    is_reused: bool,
) -> Box<Error> {
    if error.etype() == &ANOTHER_SERVER {
        return error;
    }
    let may_be_repeated = may_be_repeated(session);
    let is_theirs = *error.esource() == ErrorSource::Upstream;
    let Some(forward) = ctx.forward.as_ref().filter(|_| is_theirs) else {
        error.set_retry(false);
        return error;
    };
    let (pool, tries) = (&forward.app.pool, &mut ctx.tries);
    if tries.has_head {
        error.set_retry(false);
        return error;
    }
    if is_reused && matches!(error.retry, RetryType::ReusedOnly) {
        if may_be_repeated {
            tries.was_stale();
        }
        error.set_retry(may_be_repeated);
        return error;
    }
    let mut why = "broken_off";
    if let Some(request) = tries.in_flight() {
        let upstream = pool.upstream();
        let silence = forward.route.read_timeout(upstream);
        let fault = UpstreamFault::of_exchange(&error, upstream, (silence, false));
        let now = Now::of(&**gateway.sessions.clock());
        pool.failed(request, Failure::Answer, &fault.cause, now);
        why = fault.kind.into();
    }
    tries.has_failed();
    let what = match error.root_etype() {
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => RetryOn::GatewayTimeout,
        _ => RetryOn::BadGateway,
    };
    let goes_on = may_be_repeated && tries.may_go_on(pool, what);
    if goes_on {
        gateway.metrics.upstream_retry(&forward.app.name);
    }
    error.set_retry(goes_on);
    ctx.attempt_failed(why, goes_on);
    error
}
