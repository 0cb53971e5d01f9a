//! The body of a call to the gateway itself, read whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use pingora_core::protocols::http::ServerSession;
use pingora_core::{Error, ErrorType, Result};

/// The whole body, which has to be there within `limit`, or `None` when it is larger than `max`.
pub(crate) async fn read(
    session: &mut ServerSession,
    max: usize,
    limit: Duration,
) -> Result<Option<Bytes>> {
    let read = async {
        if session.req_header().headers.contains_key(EXPECT) {
            session.write_continue_response().await?;
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = session.read_request_body().await? {
            if body.len() + chunk.len() > max {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body.freeze()))
    };
    tokio::time::timeout(limit, read)
        .await
        .unwrap_or_else(|_elapsed| {
            Error::e_explain(ErrorType::HTTPStatus(408), "request body too slow")
        })
}
