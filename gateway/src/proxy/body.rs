//! Request bodies of apps: counted.

use bytes::Bytes;
use pingora_core::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::Ctx;

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
