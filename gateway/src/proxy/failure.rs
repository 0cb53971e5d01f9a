//! `fail_to_proxy`: an error on the way to the app or back becomes an answer.

use pingora_core::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session};
use sidgate_policy::edge::Refused;

use super::{Ctx, chunks, write};
use crate::answer::Rejection;
use crate::passage::rendered::rendered;
use crate::passage::told;
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;

pub(super) async fn answer(
    gateway: &Gateway,
    session: &mut Session,
    error: &Error,
    ctx: &mut Ctx,
) -> FailToProxy {
    let why = if chunks::are_broken(session) {
        Some(Rejection::Edge(Refused::Chunk.into()))
    } else {
        ctx.rejection.take().or_else(|| of(error))
    };
    if let Some(Rejection::Edge(breach)) = &why {
        told::broken(gateway, &mut ctx.record, session.req_header(), breach);
    }
    let sent = session
        .response_written()
        .is_some_and(|head| !head.status.is_informational());
    let answer = why.map(|why| rendered(why, session.req_header(), &ctx.record));
    let status = answer.as_ref().map_or(0, |answer| answer.status);
    match answer {
        // The client may be gone; then there is nobody to tell.
        Some(answer) if !sent => drop(write::answer(gateway, session, ctx, answer.closing()).await),
        _ => ctx.record.outcome = Outcome::BrokenOff,
    }
    FailToProxy {
        error_code: status,
        can_reuse_downstream: false,
    }
}

/// What an error of Pingora's means; `None`: the client is gone.
fn of(error: &Error) -> Option<Rejection> {
    Some(match (error.etype(), error.esource()) {
        (ErrorType::HTTPStatus(status), _) => of_status(*status),
        (
            ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::WriteTimedout,
            ErrorSource::Upstream,
        ) => Rejection::GatewayTimeout,
        (_, ErrorSource::Upstream) => Rejection::BadGateway,
        (
            ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed,
            ErrorSource::Downstream,
        ) => return None,
        (ErrorType::ReadTimedout, ErrorSource::Downstream) => Rejection::TooSlow,
        (_, ErrorSource::Downstream) => Rejection::BadRequest,
        (
            ErrorType::ConnectTimedout
            | ErrorType::ConnectRefused
            | ErrorType::ConnectError
            | ErrorType::ConnectNoRoute,
            _,
        ) => Rejection::BadGateway,
        (_, ErrorSource::Internal | ErrorSource::Unset) => Rejection::Internal,
    })
}

/// A status that Pingora has chosen itself.
const fn of_status(status: u16) -> Rejection {
    match status {
        400 => Rejection::BadRequest,
        408 => Rejection::TooSlow,
        413 => Rejection::TooLarge,
        502 => Rejection::BadGateway,
        503 => Rejection::Unavailable,
        504 => Rejection::GatewayTimeout,
        _ => Rejection::Internal,
    }
}
