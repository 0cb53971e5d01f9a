//! `request_filter`: from the first byte to the decision.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use http::header::{TRANSFER_ENCODING, UPGRADE, USER_AGENT};
use pingora_core::Result;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use sidgate_policy::edge::{self, Vetted, connection, headers};

use super::arrival::{self, Way};
use super::ctx::{Answerer, Refusal};
use super::failure::rendered;
use super::forward::{Outcome, Plan, kind_of};
use super::sender::sender;
use super::told;
use super::write::is_over_tls;
use super::{Ctx, admin, chunks, endpoint, unvetted, write};
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::config::{EdgeConfig, RequestIdFrom, Route};
use crate::decision::https::Insecure;
use crate::decision::{self, Decided, Request, Sender, Verdict};
use crate::endpoints::browser::Browser;
use crate::endpoints::{Caller, Endpoint};
use crate::limits::buckets::TooMany;
use crate::limits::shedding;
use crate::limits::streams::Full;
use crate::state::client::NO_ADDRESS;
use crate::state::{ActiveConfig, Addressed, Client, Gateway};
use crate::telemetry::labels::Shed;
use crate::telemetry::security;
use crate::visit::Visit;

/// What a request needs next. Owns what it needs, so that the request can be read from again.
enum Next<'a> {
    Refuse(edge::Breach),
    Endpoint(Endpoint, Box<Caller>),
    Admin(Call, Box<Caller>),
    Answer(Box<Answer>),
    Forward(&'a Arc<Route>, Box<Plan>),
}

/// True when the answer has been written already.
///
/// What few requests do is awaited in a box, so that the others do not carry room for it.
pub(super) async fn filter(
    gateway: &Arc<Gateway>,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool> {
    let settings = Arc::clone(&ctx.settings);
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
    forget_other_upgrades(session);
    limit_waits(session, &settings.config.edge);
    let next =
        shed(gateway, &settings, ctx, &next).map_or(next, |answer| Next::Answer(Box::new(answer)));
    let answer = match next {
        Next::Refuse(breach) => {
            ctx.answerer = Answerer::Edge;
            told::broken(gateway, ctx, session.req_header(), &breach);
            Answer::refused(&breach)
        }
        Next::Endpoint(endpoint, caller) => {
            ctx.answerer = Answerer::Endpoint(endpoint.label());
            let serving = endpoint::serve(gateway, &settings, session, ctx, endpoint, &caller);
            let served = Box::pin(serving).await?;
            ctx.saw(caller.seen.into_inner());
            ctx.cookie_changes = caller.cookie_changes.into_inner();
            match served {
                Some(answer) => answer,
                None => return Ok(true),
            }
        }
        Next::Admin(call, caller) => {
            ctx.answerer = Answerer::Admin;
            Box::pin(admin::serve(
                gateway, &settings, session, ctx, call, &caller,
            ))
            .await
        }
        Next::Answer(answer) => *answer,
        Next::Forward(route, plan) => {
            ctx.answerer = Answerer::Route(Arc::clone(route));
            match plan.settle(gateway, &settings, ctx).await {
                Ok(Outcome::Forward) => match keep_permit(&settings, session, ctx) {
                    Ok(()) => return Ok(false),
                    Err(full) => Answer::too_many_streams(full),
                },
                Ok(Outcome::Missing(why)) => rendered(Rejection::NoSession(why), session, ctx),
                Ok(Outcome::Unmet(why)) => rendered(Rejection::Unmet(why), session, ctx),
                Ok(Outcome::Unavailable) => Answer::unavailable(),
                Ok(Outcome::Again(location)) => Answer::again(&location),
                Ok(Outcome::Refetch(location)) => Answer::hand_over(&location),
                Err(TooMany(seconds)) => Answer::too_many_requests(seconds),
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

/// The answer to a request that is turned away because there are too many.
fn shed(gateway: &Gateway, settings: &ActiveConfig, ctx: &Ctx, next: &Next<'_>) -> Option<Answer> {
    let (busy, max) = (
        gateway.in_flight.load(Ordering::Relaxed),
        settings.config.edge.max_requests,
    );
    if shedding::is_calm(busy, max) {
        return None;
    }
    let kind = match next {
        // Costs nothing more.
        Next::Refuse(_) | Next::Answer(_) => return None,
        Next::Endpoint(Endpoint::Logout | Endpoint::EndDevice(_) | Endpoint::EndDevices, _) => {
            shedding::Kind::Leaving
        }
        Next::Endpoint(_, caller) | Next::Admin(_, caller) => {
            let (key, group) = (caller.visit.key(), &caller.client().to.group);
            key.map_or(shedding::Kind::Anonymous, |key| {
                kind_of(gateway, &key, group)
            })
        }
        Next::Forward(_, plan) => plan.kind(gateway),
    };
    if shedding::admits(kind, busy, max) {
        return None;
    }
    gateway.metrics.shed(Shed::Request(kind));
    Some(Answer::overloaded(&ctx.request_id))
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
    ctx.client = sender.client;
    if sender.is_trusted_proxy
        && settings.config.server.request_id_from == RequestIdFrom::TrustedProxies
    {
        ctx.take_request_id(&head.headers);
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
        Ok(decided) => follow(gateway, settings, head, ctx, &way, decided),
        Err(breach) => Next::Refuse(breach),
    }
}

/// What has to be done about a request for which this was decided.
fn follow<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    head: &RequestHeader,
    ctx: &mut Ctx,
    way: &Way,
    decided: Decided<'a, '_>,
) -> Next<'a> {
    let Decided {
        vetted,
        cors,
        verdict,
    } = decided;
    ctx.cors = cors;
    ctx.site = Some(vetted.host.site());
    if matches!(verdict, Verdict::NotFound)
        && let Some(answer) = arrival::answer(gateway, settings, &vetted, head, way)
    {
        return Next::Answer(Box::new(answer));
    }
    if !matches!(verdict, Verdict::Insecure(_)) {
        count_oddities(gateway, settings, ctx, head, &vetted, way.sender);
    }
    match &verdict {
        Verdict::Insecure(Insecure::Refuse) => {
            ctx.refusal = Some(Refusal::by("https_required", "x-forwarded-proto"));
        }
        Verdict::Rejected(endpoint, Rejection::CrossSite(why)) => {
            told::cross_site(gateway, ctx, head, endpoint.label(), *why);
        }
        Verdict::CrossSite(why) => told::cross_site(gateway, ctx, head, "route", *why),
        _ => {}
    }
    if let Some(route) = verdict.answering_route() {
        ctx.answerer = Answerer::Route(Arc::clone(route));
    }
    let visit = || {
        let sent = (head.method.as_str(), &head.headers);
        let to = Addressed::at(settings.site(vetted.host.site()), &vetted.host);
        Visit::of(gateway, settings, &vetted, sent, client(head, ctx, to))
    };
    match verdict {
        Verdict::Refused(why) => Next::Refuse(why.into()),
        Verdict::Endpoint(endpoint) => {
            let mut caller = caller(visit(), &vetted);
            if endpoint == Endpoint::Handover {
                caller.browser = Some(Box::new(Browser::of(settings, &vetted, &head.headers)));
            }
            Next::Endpoint(endpoint, caller)
        }
        Verdict::Admin(call) => Next::Admin(call, caller(visit(), &vetted)),
        Verdict::Onward(onward) => {
            Next::Forward(onward.route, Box::new(Plan::new(gateway, onward, visit())))
        }
        answered => Next::Answer(Box::new(
            answered.answer().unwrap_or_else(Answer::not_found),
        )),
    }
}

/// What a client has sent that goes no further.
fn count_oddities(
    gateway: &Gateway,
    settings: &ActiveConfig,
    ctx: &Ctx,
    head: &RequestHeader,
    vetted: &Vetted<'_>,
    sender: Sender,
) {
    for (kind, times) in vetted.spoofed.iter() {
        gateway.metrics.spoof(kind, u64::from(times));
        let policy = &settings.edge;
        let field = headers::first_of(kind, &head.headers, sender.is_trusted_proxy, policy);
        let event = (security::Kind::Spoof, kind.label());
        told::note(gateway, ctx, head, event, field.as_ref());
    }
    gateway.metrics.cookies_dropped(vetted.cookies.dropped());
}

/// Who sent the request.
fn client(head: &RequestHeader, ctx: &Ctx, to: Addressed) -> Client {
    Client {
        ip: ctx.client.unwrap_or(NO_ADDRESS),
        user_agent: head.headers.get(USER_AGENT).cloned(),
        request_id: ctx.request_id.clone(),
        to,
    }
}

fn caller(visit: Visit, vetted: &Vetted<'_>) -> Box<Caller> {
    Box::new(Caller {
        visit,
        query: vetted.query.unwrap_or_default().to_owned(),
        seen: OnceLock::new(),
        cookie_changes: OnceLock::new(),
        browser: None,
    })
}
