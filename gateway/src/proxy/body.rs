//! Request bodies: read whole for our own endpoints, counted for apps.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use pingora_core::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::Ctx;

/// Longest wait for the body of a call to one of our own endpoints.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The whole body, or `None` when it is larger than `max`.
pub(super) async fn read(session: &mut Session, max: usize) -> Result<Option<Bytes>> {
    let read = async {
        if session.req_header().headers.contains_key(EXPECT) {
            session
                .as_downstream_mut()
                .write_continue_response()
                .await?;
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = session.as_downstream_mut().read_request_body().await? {
            if body.len() + chunk.len() > max {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body.freeze()))
    };
    tokio::time::timeout(BODY_TIMEOUT, read)
        .await
        .unwrap_or_else(|_elapsed| {
            Error::e_explain(ErrorType::HTTPStatus(408), "request body too slow")
        })
}

/// Counts the body of a forwarded request; chunked bodies say their size only as they come.
pub(super) fn limit(session: &mut Session, body: Option<&Bytes>, ctx: &mut Ctx) -> Result<()> {
    let read = body.map_or(0, |chunk| u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    ctx.body_bytes = ctx.body_bytes.saturating_add(read);
    if ctx.body_bytes > ctx.site.edge.max_body_bytes {
        session.set_keepalive(None);
        return Error::e_explain(ErrorType::HTTPStatus(413), "request body too large");
    }
    Ok(())
}
