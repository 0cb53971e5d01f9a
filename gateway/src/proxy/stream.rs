//! Puts the events of a session on the wire, as they come.

use std::time::Duration;

use http::Version;
use http::header::{CONTENT_TYPE, TRANSFER_ENCODING};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Ctx, cors};
use crate::answer;
use crate::endpoints::events::Feed;
use crate::telemetry::outcome::Outcome;

/// Writes `feed` to its end, or until the client goes away: it does if it accepts nothing for `limit`.
pub(super) async fn pump(
    session: &mut Session,
    ctx: &mut Ctx,
    mut feed: Feed,
    limit: Duration,
) -> Result<()> {
    ctx.record.outcome = Outcome::Events;
    // Whatever the client sends meanwhile is not read as another request.
    session.set_keepalive(None);
    let head = head(session, ctx)?;
    in_time(limit, session.write_response_header(Box::new(head), false)).await?;
    loop {
        let next = tokio::select! {
            next = feed.next() => next,
            _gone = session.as_downstream_mut().read_body_or_idle(true) => return Ok(()),
        };
        let Some(bytes) = next else { break };
        in_time(limit, session.write_response_body(Some(bytes), false)).await?;
    }
    in_time(limit, session.write_response_body(None, true)).await
}

fn head(session: &Session, ctx: &Ctx) -> Result<ResponseHeader> {
    let mut head = ResponseHeader::build(200, Some(6))?;
    for (name, value) in answer::COMMON {
        head.insert_header(name, value)?;
    }
    head.insert_header("X-Request-Id", ctx.record.request_id.header())?;
    head.insert_header(CONTENT_TYPE, "text/event-stream")?;
    // nginx would collect the events otherwise.
    head.insert_header("X-Accel-Buffering", "no")?;
    cors::write(&ctx.record.cors, &mut head)?;
    if session.req_header().version == Version::HTTP_11 {
        head.insert_header(TRANSFER_ENCODING, "chunked")?;
    }
    Ok(head)
}

async fn in_time(limit: Duration, write: impl Future<Output = Result<()>> + Send) -> Result<()> {
    tokio::time::timeout(limit, write)
        .await
        .unwrap_or_else(|_elapsed| Error::e_explain(ErrorType::WriteTimedout, "event stream"))
}
