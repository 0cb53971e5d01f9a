//! Puts an [`Answer`] on the wire.

use http::Method;
use http::header::{CONTENT_LENGTH, SET_COOKIE};
use pingora_core::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::Ctx;
use crate::answer::Answer;
use crate::gate::Gate;

/// Writes `answer` as the response to the request of `session`.
pub(super) async fn answer(
    gate: &Gate,
    session: &mut Session,
    ctx: &mut Ctx,
    answer: Answer,
) -> Result<()> {
    ctx.outcome = answer.outcome;
    let mut head = ResponseHeader::build(answer.status, Some(answer.headers.len() + 4))?;
    for (name, value) in Answer::common_headers() {
        head.insert_header(name, value)?;
    }
    head.insert_header("X-Request-Id", ctx.request_id.as_str())?;
    for (name, value) in answer.headers {
        head.append_header(name, value)?;
    }
    if let Some(farewell) = ctx.farewell.take() {
        for cookie in farewell.lines(gate, &ctx.site, true) {
            head.append_header(SET_COOKIE, cookie)?;
        }
    }
    if answer.status != 204 {
        head.insert_header(CONTENT_LENGTH, answer.body.len())?;
    }
    // An unread body would have to be drained before the connection could be used again.
    if answer.close || !session.as_downstream_mut().is_body_done() {
        session.set_keepalive(None);
    }
    let has_body = !answer.body.is_empty() && session.req_header().method != Method::HEAD;
    session
        .write_response_header(Box::new(head), !has_body)
        .await?;
    if has_body {
        session.write_response_body(Some(answer.body), true).await?;
    }
    Ok(())
}
