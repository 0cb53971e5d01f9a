//! `request_filter`: from the first byte to the decision.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use http::header::{HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE, USER_AGENT};
use pingora_core::Result;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use session_core::session::clip_user_agent;
use sidgate_policy::auth::cors::{Cors, Preflight};
use sidgate_policy::edge::scheme::{self, Scheme};
use sidgate_policy::edge::{self, RawRequest, Vetted, client_ip, connection, headers};

use super::arrival::{self, Way};
use super::ctx::{Answerer, NO_ADDRESS, Refusal};
use super::forward::{self, NotForwarded, Outcome, Plan, kind_of};
use super::place::Place;
use super::told;
use super::write::is_over_tls;
use super::{Ctx, admin, chunks, endpoint, write};
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::config::{EdgeConfig, RequestIdFrom, Route};
use crate::endpoints::{self, Caller, Endpoint, login};
use crate::limits::buckets::TooMany;
use crate::limits::shedding;
use crate::limits::streams::Full;
use crate::state::{ActiveConfig, Client, Gateway};
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
            let served =
                endpoint::serve(gateway, &settings, session, ctx, endpoint, &caller).await?;
            ctx.saw(caller.seen.into_inner());
            ctx.cookie_changes = caller.cookie_changes.into_inner();
            match served {
                Some(answer) => answer,
                None => return Ok(true),
            }
        }
        Next::Admin(call, caller) => {
            ctx.answerer = Answerer::Admin;
            admin::serve(gateway, &settings, session, ctx, call, &caller).await
        }
        Next::Answer(answer) => *answer,
        Next::Forward(route, plan) => {
            ctx.answerer = Answerer::Route(Arc::clone(route));
            match plan.settle(gateway, &settings, ctx).await {
                Ok(Outcome::Forward) => match keep_permit(&settings, session, ctx) {
                    Ok(()) => return Ok(false),
                    Err(full) => Answer::too_many_streams(full),
                },
                Ok(Outcome::Missing(why)) => {
                    forward::missing(&settings, route, session.req_header(), why)
                }
                Ok(Outcome::Unavailable) => Answer::unavailable(),
                Ok(Outcome::Again(location)) => Answer::again(&location),
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
        Next::Endpoint(_, caller) | Next::Admin(_, caller) => caller
            .visit
            .key()
            .map_or(shedding::Kind::Anonymous, |key| kind_of(gateway, &key)),
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
    let peer = session
        .client_addr()
        .and_then(|addr| addr.as_inet())
        .map_or(NO_ADDRESS, |addr| addr.ip());
    let server = &settings.config.server;
    let from_trusted_proxy = client_ip::is_trusted(peer, &server.trusted_proxies);
    ctx.client = Some(client_ip::client_ip(
        peer,
        &head.headers,
        &server.trusted_proxies,
    ));
    if from_trusted_proxy && server.request_id_from == RequestIdFrom::TrustedProxies {
        ctx.take_request_id(&head.headers);
    }
    let raw_head = session
        .as_downstream()
        .as_http1()
        .map(|http| http.get_headers_raw_bytes());
    let request = RawRequest {
        version: head.version,
        method: head.method.as_str(),
        target: head.raw_path(),
        authority: head.uri.authority().map(http::uri::Authority::as_str),
        headers: &head.headers,
        raw_head: raw_head.as_deref(),
        from_trusted_proxy,
    };
    let vetted = match edge::vet(&request, &settings.edge) {
        Ok(vetted) => vetted,
        Err(breach) => return Next::Refuse(breach),
    };
    ctx.asked = Some((head.method.clone(), head.uri.clone()));
    if let Err(why) = chunks::begin(session, request.raw_head) {
        return Next::Refuse(why.into());
    }
    let told = if from_trusted_proxy {
        scheme::told(&head.headers)
    } else {
        None
    };
    if let Some(answer) = over_https_only(settings, &vetted, head, is_over_tls(session), told) {
        if answer.status == 403 {
            ctx.refusal = Some(Refusal::by("https_required", "x-forwarded-proto"));
        }
        return Next::Answer(Box::new(answer));
    }
    let way = Way {
        peer,
        from_trusted_proxy,
        client: ctx.client.unwrap_or(NO_ADDRESS),
        is_tls: is_over_tls(session),
        told,
    };
    if let Some(answer) = arrival::answer(gateway, settings, &vetted, head, &way) {
        return Next::Answer(Box::new(answer));
    }
    count_oddities(gateway, settings, ctx, head, &vetted, from_trusted_proxy);
    by_path(gateway, settings, head, ctx, &vetted)
}

/// Who serves a request that may be served.
fn by_path<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    head: &RequestHeader,
    ctx: &mut Ctx,
    vetted: &Vetted<'_>,
) -> Next<'a> {
    let (method, headers) = (head.method.as_str(), &head.headers);
    let route = match Place::of(&settings.config, method, vetted.path) {
        Err(why) => return Next::Refuse(why.into()),
        Ok(Place::Endpoint(endpoint)) => {
            let endpoint = endpoint.as_configured(settings.config.endpoints.password_login);
            return at_endpoint(gateway, settings, head, ctx, vetted, endpoint);
        }
        Ok(Place::Admin(call)) => {
            return Next::Admin(call, Box::new(caller(gateway, settings, vetted, head, ctx)));
        }
        Ok(Place::Private | Place::Nothing) => return Next::Answer(Box::new(Answer::not_found())),
        Ok(Place::Route(route)) => route,
    };
    ctx.cors = Cors::of(&route.cors_origins, headers);
    if let Some(answer) = preflight(&ctx.cors, method, headers) {
        return Next::Answer(Box::new(answer));
    }
    match Plan::new(gateway, settings, route, vetted, head, client(head, ctx)) {
        Ok(plan) => Next::Forward(route, Box::new(plan)),
        Err(NotForwarded::Refused(why)) => Next::Refuse(why.into()),
        Err(NotForwarded::CrossSite(why)) => {
            told::cross_site(gateway, ctx, head, "route", why);
            Next::Answer(Box::new(Answer::cross_site(why)))
        }
        Err(NotForwarded::NotFound) => Next::Answer(Box::new(Answer::not_found())),
    }
}

/// The gateway's own endpoints.
fn at_endpoint<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    head: &RequestHeader,
    ctx: &mut Ctx,
    vetted: &Vetted<'_>,
    endpoint: Endpoint,
) -> Next<'a> {
    let headers = &head.headers;
    match endpoints::guard(endpoint, headers, settings)
        .and_then(|()| content_type(endpoint, headers))
    {
        Ok(()) => Next::Endpoint(
            endpoint,
            Box::new(caller(gateway, settings, vetted, head, ctx)),
        ),
        Err(why) => {
            if let Rejection::CrossSite(why) = why {
                told::cross_site(gateway, ctx, head, endpoint.label(), why);
            }
            Next::Answer(Box::new(why.into()))
        }
    }
}

/// What a client has sent that goes no further.
fn count_oddities(
    gateway: &Gateway,
    settings: &ActiveConfig,
    ctx: &Ctx,
    head: &RequestHeader,
    vetted: &Vetted<'_>,
    from_trusted_proxy: bool,
) {
    for (kind, times) in vetted.spoofed.iter() {
        gateway.metrics.spoof(kind, u64::from(times));
        let policy = &settings.edge;
        let field = headers::first_of(kind, &head.headers, from_trusted_proxy, policy);
        let event = (security::Kind::Spoof, kind.label());
        told::note(gateway, ctx, head, event, field.as_ref());
    }
    gateway.metrics.cookies_dropped(vetted.cookies.dropped());
}

/// The answer to a preflight, where the route's list of origins is ours to keep.
fn preflight(cors: &Cors, method: &str, headers: &HeaderMap) -> Option<Answer> {
    if *cors == Cors::Unmanaged {
        return None;
    }
    let asked = Preflight::of(method, headers)?;
    Some(if cors.is_open() {
        Answer::preflight(asked.headers.as_ref())
    } else {
        Answer::origin_not_allowed()
    })
}

/// The answer to a request that came in clear text where that is not wanted. A page is asked for again; everything else may
/// carry secrets, and is refused so that somebody notices.
fn over_https_only(
    settings: &ActiveConfig,
    vetted: &Vetted<'_>,
    head: &RequestHeader,
    is_tls: bool,
    told: Option<Scheme>,
) -> Option<Answer> {
    let server = &settings.config.server;
    let is_page = matches!(head.method.as_str(), "GET" | "HEAD");
    match told {
        Some(Scheme::Https) => None,
        Some(Scheme::Http) if server.public_origin.is_https() => Some(if is_page {
            Answer::over_tls(&https_location(settings, vetted))
        } else {
            Answer::https_required()
        }),
        _ if server.redirect_https && !is_tls => {
            Some(Answer::over_tls(&https_location(settings, vetted)))
        }
        _ => None,
    }
}

/// From the configured origin and the vetted target; nothing of it is the client's text but what was vetted.
fn https_location(settings: &ActiveConfig, vetted: &Vetted<'_>) -> String {
    let mut location = format!("{}{}", settings.origin, vetted.path);
    if let Some(query) = vetted.query {
        location.push('?');
        location.push_str(query);
    }
    location
}

/// Who sent the request.
fn client(head: &RequestHeader, ctx: &Ctx) -> Client {
    let raw = head.headers.get(USER_AGENT);
    let raw = raw.map_or(&b""[..], HeaderValue::as_bytes);
    Client {
        ip: ctx.client.unwrap_or(NO_ADDRESS),
        user_agent: clip_user_agent(&String::from_utf8_lossy(raw)),
        request_id: ctx.request_id.as_str().into(),
    }
}

fn caller(
    gateway: &Gateway,
    settings: &ActiveConfig,
    vetted: &Vetted<'_>,
    head: &RequestHeader,
    ctx: &Ctx,
) -> Caller {
    let sent = (head.method.as_str(), &head.headers);
    Caller {
        visit: Visit::of(gateway, settings, vetted, sent, client(head, ctx)),
        query: vetted.query.unwrap_or_default().to_owned(),
        seen: OnceLock::new(),
        cookie_changes: OnceLock::new(),
    }
}

fn content_type(endpoint: Endpoint, headers: &HeaderMap) -> Result<(), Rejection> {
    if endpoint == Endpoint::Login {
        login::check_content_type(headers)
    } else {
        Ok(())
    }
}
