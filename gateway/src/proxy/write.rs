//! Puts an [`Answer`] on the wire.

use http::Method;
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};
use pingora_core::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::{Ctx, compress, cors};
use crate::answer::{Answer, Rendered};
use crate::passage::reader;
use crate::state::Gateway;

/// One year: browsers that have been here once do not speak plain HTTP to this host any more.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Writes `answer` as the response to the request of `session`.
pub(super) async fn answer(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut Ctx,
    answer: Answer,
) -> Result<()> {
    ctx.record.outcome = answer.outcome;
    compress::forget(session);
    let fields = answer.fields();
    let mut head = ResponseHeader::build(answer.status, Some(fields.len() + 8))?;
    for (name, value) in &fields {
        head.append_header(name, value)?;
    }
    if is_secure(session, ctx) {
        head.insert_header(STRICT_TRANSPORT_SECURITY, HSTS)?;
    }
    head.insert_header("X-Request-Id", ctx.record.request_id.header())?;
    if let Some(cookie_changes) = ctx.record.cookie_changes.take() {
        for cookie in cookie_changes.lines(gateway, &ctx.record.settings, true) {
            head.append_header(SET_COOKIE, cookie)?;
        }
    }
    cors::write(&ctx.record.cors, &mut head)?;
    let (status, close) = (answer.status, answer.close);
    let reader = reader::of(session.req_header(), &ctx.record.settings, &answer);
    let Rendered { kind, body, fields } = answer.render(&ctx.record.request_id, &reader);
    for (name, value) in fields {
        head.insert_header(name, value)?;
    }
    if !body.is_empty() {
        head.insert_header(CONTENT_TYPE, kind)?;
    }
    if status != 204 {
        head.insert_header(CONTENT_LENGTH, body.len())?;
    }
    // An unread body would have to be drained before the connection could be used again.
    if close || !session.as_downstream_mut().is_body_done() {
        session.set_keepalive(None);
    }
    let has_body = !body.is_empty() && session.req_header().method != Method::HEAD;
    session
        .write_response_header(Box::new(head), !has_body)
        .await?;
    if has_body {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}

/// Whether the browser speaks TLS, to us or to a proxy in front. HSTS means nothing elsewhere (RFC 6797, 7.2).
fn is_secure(session: &Session, ctx: &Ctx) -> bool {
    let config = &ctx.record.settings.config;
    let is_https = match ctx.record.site {
        Some(site) => ctx.record.settings.site(site).config.origin.is_https(),
        None => config.sites.are_https(),
    };
    is_https && (!config.server.redirect_https || is_over_tls(session))
}

pub(super) fn is_over_tls(session: &Session) -> bool {
    session
        .digest()
        .is_some_and(|digest| digest.ssl_digest.is_some())
}
