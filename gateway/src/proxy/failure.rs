//! `fail_to_proxy`: an error on the way to the app or back becomes an answer.

use http::header::{HeaderValue, RETRY_AFTER};
use pingora_core::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session};
use serde_json::json;

use super::{Ctx, chunks, forward, write};
use crate::answer::{Answer, RETRY_SECONDS};
use crate::edge::{Refused, Target};
use crate::state::Gateway;

pub(super) async fn answer(
    gateway: &Gateway,
    session: &mut Session,
    error: &Error,
    ctx: &mut Ctx,
) -> FailToProxy {
    let status = if chunks::are_broken(session) {
        gateway.metrics.refused(Refused::Chunk.reason());
        Refused::Chunk.status()
    } else {
        status(error)
    };
    let sent = session
        .response_written()
        .is_some_and(|head| !head.status.is_informational());
    if status > 0 && !sent {
        // The client may be gone; then there is nobody to tell.
        let answer = if status == 401 {
            ended_on_the_way(session, ctx)
        } else {
            of(status, ctx.denied_beside)
        };
        drop(write::answer(gateway, session, ctx, answer.closing()).await);
    } else {
        ctx.outcome = "broken_off";
    }
    FailToProxy {
        error_code: status,
        can_reuse_downstream: false,
    }
}

/// What the route says where it requires a session and there is none.
fn ended_on_the_way(session: &Session, ctx: &Ctx) -> Answer {
    let (settings, head) = (&ctx.settings, session.req_header());
    let target = Target::parse(head.raw_path()).ok();
    target
        .and_then(|target| settings.config.routes.route_for(target.path))
        .map_or_else(
            || Answer::unauthenticated(None),
            |route| forward::missing(settings, route, head, None),
        )
}

/// 0: the client is gone.
fn status(error: &Error) -> u16 {
    match (error.etype(), error.esource()) {
        (ErrorType::HTTPStatus(status), _) => *status,
        (
            ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::WriteTimedout,
            ErrorSource::Upstream,
        ) => 504,
        (_, ErrorSource::Upstream) => 502,
        (
            ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed,
            ErrorSource::Downstream,
        ) => 0,
        (ErrorType::ReadTimedout, ErrorSource::Downstream) => 408,
        (_, ErrorSource::Downstream) => 400,
        (
            ErrorType::ConnectTimedout
            | ErrorType::ConnectRefused
            | ErrorType::ConnectError
            | ErrorType::ConnectNoRoute,
            _,
        ) => 502,
        (_, ErrorSource::Internal | ErrorSource::Unset) => 500,
    }
}

fn of(status: u16, denied_beside: Option<u64>) -> Answer {
    match status {
        400 => Answer::problem(400, "bad_request", "The request was refused"),
        409 => Answer::problem_with(
            409,
            "session_limit",
            "There are too many sessions",
            &json!({
                "sessions": denied_beside,
                "detail": "End sessions on other devices, and log in again",
            }),
        ),
        408 => Answer::problem(408, "request_timeout", "The request came too slowly"),
        413 => Answer::too_large(),
        502 => Answer::problem(502, "bad_gateway", "The application did not answer"),
        503 => Answer::unavailable(),
        504 => Answer::problem(
            504,
            "gateway_timeout",
            "The application did not answer in time",
        ),
        _ => Answer::problem(500, "internal_error", "The gateway failed"),
    }
    .with_retry(status)
}

impl Answer {
    /// An app that does not answer may do so soon.
    fn with_retry(self, status: u16) -> Self {
        if matches!(status, 502 | 504) {
            self.with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
        } else {
            self
        }
    }
}
