//! `request_filter`: from the first byte to the decision.

use std::sync::Arc;

use http::header::{TRANSFER_ENCODING, UPGRADE};
use pingora_core::Result;
use pingora_proxy::Session;
use sidgate_policy::edge::connection;

use super::arrival::{self, Way};
use super::sender::sender;
use super::write::is_over_tls;
use super::{Ctx, admin, chunks, endpoint, unvetted, write};
use crate::answer::Answer;
use crate::config::{EdgeConfig, RequestIdFrom};
use crate::decision::{self, Request};
use crate::limits::streams::Full;
use crate::passage::course::{self, Next};
use crate::passage::forward::Settled;
use crate::passage::{Answerer, told};
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::traces::noting;

/// True when the answer has been written already.
///
/// What few requests do is awaited in a box, so that the others do not carry room for it.
pub(super) async fn filter(
    gateway: &Arc<Gateway>,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool> {
    let settings = Arc::clone(&ctx.record.settings);
    // Nothing that follows a body in chunks is read as the next request: a proxy in front of us may see its end elsewhere.
    let headers = &session.req_header().headers;
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    if gateway.is_draining() || chunked || connection::is_last(headers) {
        session.set_keepalive(None);
    }
    chunks::head_is_read(session);
    if let Some(answer) = unvetted::answer(gateway, &settings, session, ctx).await {
        limit_waits(session, &settings.config.edge);
        write::answer(gateway, session, ctx, answer).await?;
        return Ok(true);
    }
    let next = next(gateway, &settings, session, ctx);
    ctx.record.vetted(gateway);
    forget_other_upgrades(session);
    limit_waits(session, &settings.config.edge);
    let next = course::shed(gateway, &settings, &ctx.record, &next)
        .map_or(next, |answer| Next::Answer(Box::new(answer)));
    let answer = match next {
        Next::Refuse(breach) => {
            ctx.record.answerer = Answerer::Edge;
            told::broken(gateway, &mut ctx.record, session.req_header(), &breach);
            Answer::refused(&breach)
        }
        Next::Endpoint(endpoint, caller) => {
            ctx.record.answerer = Answerer::Endpoint(endpoint.label());
            let trace = ctx.record.trace.clone();
            let serving = endpoint::serve(gateway, &settings, session, ctx, endpoint, &caller);
            let served = Box::pin(noting(trace.as_deref(), serving)).await?;
            ctx.record.saw(caller.seen.into_inner());
            ctx.record.cookie_changes = caller.cookie_changes.into_inner();
            match served {
                Some(answer) => answer,
                None => return Ok(true),
            }
        }
        Next::Admin(call, caller) => {
            ctx.record.answerer = Answerer::Admin;
            let trace = ctx.record.trace.clone();
            let serving = admin::serve(gateway, &settings, session, ctx, call, &caller);
            Box::pin(noting(trace.as_deref(), serving)).await
        }
        Next::Answer(answer) => *answer,
        Next::Forward(route, plan) => {
            ctx.record.answerer = Answerer::Route(Arc::clone(route));
            let trace = ctx.record.trace.clone();
            let settling = plan.settle(gateway, &mut ctx.record, session.req_header());
            match noting(trace.as_deref(), settling).await {
                Settled::Onward(forward) => {
                    ctx.forward = Some(forward);
                    match keep_permit(&settings, session, ctx) {
                        Ok(()) => return Ok(false),
                        Err(full) => Answer::too_many_streams(full),
                    }
                }
                Settled::Answer(answer) => *answer,
            }
        }
    };
    write::answer(gateway, session, ctx, answer).await?;
    Ok(true)
}

/// A WebSocket has its place before the app hears of it. What is left of upgrades after vetting are its handshakes.
fn keep_permit(settings: &ActiveConfig, session: &Session, ctx: &Ctx) -> Result<(), Full> {
    if session.req_header().headers.contains_key(UPGRADE) {
        ctx.progress.keep_permit(settings, ctx.holder())?;
    }
    Ok(())
}

/// Offers to upgrade that are not taken. Pingora would read what follows them as something else than a request's body.
fn forget_other_upgrades(session: &mut Session) {
    let head = session.req_header();
    if head.headers.contains_key(UPGRADE) && !connection::is_websocket(&head.headers) {
        session.req_header_mut().remove_header(&UPGRADE);
    }
}

/// A client that stops reading, or stops sending a body half-way, must not hold a task and a connection to an app for ever.
/// A WebSocket may be silent: what an upgrade sends is no body.
fn limit_waits(session: &mut Session, edge: &EdgeConfig) {
    let upgrades = session.req_header().headers.contains_key(UPGRADE);
    let downstream = session.as_downstream_mut();
    downstream.set_read_timeout((!upgrades).then_some(edge.body_timeout));
    downstream.set_write_timeout(Some(edge.write_timeout));
    downstream.set_total_drain_timeout(Some(edge.body_timeout));
}

/// Everything that needs no I/O.
fn next<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    session: &Session,
    ctx: &mut Ctx,
) -> Next<'a> {
    let head = session.req_header();
    let (peer, sender) = sender(session, settings);
    ctx.record.client = sender.client;
    ctx.record
        .begin_trace(gateway, &head.headers, sender.is_trusted_proxy);
    if sender.is_trusted_proxy
        && settings.config.server.request_id_from == RequestIdFrom::TrustedProxies
    {
        ctx.record.take_request_id(&head.headers);
    }
    let raw_head = session
        .as_downstream()
        .as_http1()
        .map(|http| http.get_headers_raw_bytes());
    let request = Request {
        version: head.version,
        method: head.method.as_str(),
        target: head.raw_path(),
        authority: head.uri.authority().map(http::uri::Authority::as_str),
        headers: &head.headers,
        raw_head: raw_head.as_deref(),
        over_tls: is_over_tls(session),
    };
    let body = || {
        ctx.asked = Some((head.method.clone(), head.uri.clone()));
        chunks::begin(session, request.raw_head)
    };
    let way = Way {
        peer,
        sender,
        is_tls: request.over_tls,
    };
    match decision::decide(&request, sender, settings, body, |_step| {}) {
        Ok(decided) => {
            let from = (head, sender);
            let record = &mut ctx.record;
            course::follow(gateway, settings, from, record, decided, |vetted| {
                arrival::answer(gateway, settings, vetted, head, &way)
            })
        }
        Err(breach) => Next::Refuse(breach),
    }
}
