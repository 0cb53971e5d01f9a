//! `request_filter`: from the first byte to the decision.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use http::header::{HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE, USER_AGENT};
use pingora_core::Result;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use session_core::session::{Text, clip_user_agent};

use super::ctx::Answerer;
use super::forward::{self, NotForwarded, Outcome, Plan, kind_of};
use super::place::Place;
use super::{Ctx, admin, chunks, endpoint, write};
use crate::admin::call::Call;
use crate::answer::Answer;
use crate::auth::cors::{Cors, Preflight};
use crate::buckets::TooMany;
use crate::config::{EdgeConfig, RequestIdFrom, Route};
use crate::edge::scheme::{self, Scheme};
use crate::edge::{self, RawRequest, SidCookie, Vetted, client_ip, connection};
use crate::endpoints::streams::Full;
use crate::endpoints::{self, Asker, Endpoint, login};
use crate::gate::Gate;
use crate::legacy::Offer;
use crate::shedding;
use crate::site::Site;
use crate::telemetry::security;

/// Stands for the address of a client that has none.
pub(super) const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What a request needs next. Owns what it needs, so that the request can be read from again.
enum Next<'a> {
    Refuse(edge::Refused),
    Endpoint(Endpoint, Box<Asker>),
    Admin(Call, Box<Asker>),
    Answer(Box<Answer>),
    Forward(&'a Arc<Route>, Box<Plan<'a>>),
}

/// True when the answer has been written already.
pub(super) async fn filter(gate: &Arc<Gate>, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
    let site = Arc::clone(&ctx.site);
    // Nothing that follows a body in chunks is read as the next request: a proxy in front of us may see its end elsewhere.
    let headers = &session.req_header().headers;
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    if gate.is_draining() || chunked || connection::is_last(headers) {
        session.set_keepalive(None);
    }
    let next = next(gate, &site, session, ctx);
    forget_other_upgrades(session);
    limit_waits(session, &site.config.edge);
    let next = shed(gate, &site, ctx, &next).map_or(next, |answer| Next::Answer(Box::new(answer)));
    let answer = match next {
        Next::Refuse(why) => {
            gate.metrics.refused(why.reason());
            ctx.note(security::Kind::Refused, why.reason());
            ctx.answerer = Answerer::Edge;
            Answer::refused(why)
        }
        Next::Endpoint(endpoint, asker) => {
            ctx.answerer = Answerer::Endpoint(endpoint.label());
            let served = endpoint::serve(gate, &site, session, ctx, endpoint, &asker).await?;
            ctx.saw(asker.seen.into_inner());
            ctx.farewell = asker.farewell.into_inner();
            match served {
                Some(answer) => answer,
                None => return Ok(true),
            }
        }
        Next::Admin(call, asker) => {
            ctx.answerer = Answerer::Admin;
            admin::serve(gate, &site, session, ctx, call, &asker).await
        }
        Next::Answer(answer) => *answer,
        Next::Forward(route, plan) => {
            ctx.answerer = Answerer::Route(Arc::clone(route));
            match plan.settle(gate, &site, ctx).await {
                Ok(Outcome::Forward) => match keep_place(&site, session, ctx) {
                    Ok(()) => return Ok(false),
                    Err(full) => full.answer(),
                },
                Ok(Outcome::Missing(why)) => {
                    forward::missing(&site, route, session.req_header(), why)
                }
                Ok(Outcome::Unavailable) => Answer::unavailable(),
                Ok(Outcome::Again(location)) => Answer::again(&location),
                Err(TooMany(seconds)) => Answer::too_many_misses(seconds),
            }
        }
    };
    write::answer(gate, session, ctx, answer).await?;
    Ok(true)
}

/// A WebSocket has its place before the app hears of it. What is left of upgrades after vetting are its handshakes.
fn keep_place(site: &Site, session: &Session, ctx: &Ctx) -> Result<(), Full> {
    if session.req_header().headers.contains_key(UPGRADE) {
        ctx.progress.keep_place(site, ctx.holder())?;
    }
    Ok(())
}

/// The answer to a request that is turned away because there are too many.
fn shed(gate: &Gate, site: &Site, ctx: &Ctx, next: &Next<'_>) -> Option<Answer> {
    let (busy, max) = (
        gate.in_flight.load(Ordering::Relaxed),
        site.config.edge.max_requests,
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
        Next::Endpoint(_, asker) | Next::Admin(_, asker) => asker
            .key(gate)
            .map_or(shedding::Kind::Anonymous, |key| kind_of(gate, &key)),
        Next::Forward(_, plan) => plan.kind(gate),
    };
    if shedding::admits(kind, busy, max) {
        return None;
    }
    gate.metrics.shed(kind.as_str());
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
fn next<'a>(gate: &Gate, site: &'a Site, session: &Session, ctx: &mut Ctx) -> Next<'a> {
    let head = session.req_header();
    let peer = session
        .client_addr()
        .and_then(|addr| addr.as_inet())
        .map_or(NO_ADDRESS, |addr| addr.ip());
    let server = &site.config.server;
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
    let vetted = match edge::vet(&request, &site.edge) {
        Ok(vetted) => vetted,
        Err(why) => return Next::Refuse(why),
    };
    if let Err(why) = chunks::begin(session, request.raw_head) {
        return Next::Refuse(why);
    }
    let told = if from_trusted_proxy {
        scheme::told(&head.headers)
    } else {
        None
    };
    if let Some(answer) = over_https_only(site, &vetted, head, is_over_tls(session), told) {
        return Next::Answer(Box::new(answer));
    }
    count_oddities(gate, ctx, &vetted);
    by_path(gate, site, head, ctx, &vetted)
}

/// Who serves a request that may be served.
fn by_path<'a>(
    gate: &Gate,
    site: &'a Site,
    head: &RequestHeader,
    ctx: &mut Ctx,
    vetted: &Vetted<'_>,
) -> Next<'a> {
    let (method, headers) = (head.method.as_str(), &head.headers);
    let route = match Place::of(&site.config, method, vetted.path) {
        Err(why) => return Next::Refuse(why),
        Ok(Place::Endpoint(endpoint)) => {
            let endpoint = endpoint.as_configured(site.config.endpoints.password_login);
            return at_endpoint(site, head, ctx, vetted, endpoint);
        }
        Ok(Place::Admin(call)) => {
            return Next::Admin(call, Box::new(asker(site, vetted, head, ctx)));
        }
        Ok(Place::Private | Place::Nothing) => return Next::Answer(Box::new(Answer::not_found())),
        Ok(Place::Route(route)) => route,
    };
    ctx.cors = Cors::of(&route.cors_origins, headers);
    if let Some(answer) = preflight(&ctx.cors, method, headers) {
        return Next::Answer(Box::new(answer));
    }
    match Plan::new(gate, site, route, vetted, head) {
        Ok(plan) => Next::Forward(route, Box::new(plan)),
        Err(NotForwarded::Refused(why)) => Next::Refuse(why),
        Err(NotForwarded::CrossSite) => {
            ctx.note(security::Kind::CrossSite, "route");
            Next::Answer(Box::new(Answer::cross_site()))
        }
        Err(NotForwarded::Answer(answer)) => Next::Answer(answer),
    }
}

/// The gateway's own endpoints.
fn at_endpoint<'a>(
    site: &'a Site,
    head: &RequestHeader,
    ctx: &Ctx,
    vetted: &Vetted<'_>,
    endpoint: Endpoint,
) -> Next<'a> {
    let headers = &head.headers;
    match endpoints::guard(endpoint, headers, site).and_then(|()| content_type(endpoint, headers)) {
        Ok(()) => Next::Endpoint(endpoint, Box::new(asker(site, vetted, head, ctx))),
        Err(answer) => {
            if answer.status == 403 {
                ctx.note(security::Kind::CrossSite, endpoint.label());
            }
            Next::Answer(answer)
        }
    }
}

/// What a client has sent that goes no further.
fn count_oddities(gate: &Gate, ctx: &Ctx, vetted: &Vetted<'_>) {
    for (kind, times) in vetted.spoofed.iter() {
        gate.metrics.spoof(kind.label(), u64::from(times));
        ctx.note(security::Kind::Spoof, kind.label());
    }
    gate.metrics.cookies_dropped(vetted.cookies.dropped());
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

pub(super) fn is_over_tls(session: &Session) -> bool {
    session
        .digest()
        .is_some_and(|digest| digest.ssl_digest.is_some())
}

/// The answer to a request that came in clear text where that is not wanted. A page is asked for again; everything else may
/// carry secrets, and is refused so that somebody notices.
fn over_https_only(
    site: &Site,
    vetted: &Vetted<'_>,
    head: &RequestHeader,
    is_tls: bool,
    told: Option<Scheme>,
) -> Option<Answer> {
    let server = &site.config.server;
    let is_page = matches!(head.method.as_str(), "GET" | "HEAD");
    match told {
        Some(Scheme::Https) => None,
        Some(Scheme::Http) if server.public_origin.is_https() => Some(if is_page {
            Answer::over_tls(&https_location(site, vetted))
        } else {
            Answer::https_required()
        }),
        _ if server.redirect_https && !is_tls => {
            Some(Answer::over_tls(&https_location(site, vetted)))
        }
        _ => None,
    }
}

/// From the configured origin and the vetted target; nothing of it is the client's text but what was vetted.
fn https_location(site: &Site, vetted: &Vetted<'_>) -> String {
    let mut location = format!("{}{}", site.origin, vetted.path);
    if let Some(query) = vetted.query {
        location.push('?');
        location.push_str(query);
    }
    location
}

fn asker(site: &Site, vetted: &Vetted<'_>, head: &RequestHeader, ctx: &Ctx) -> Asker {
    Asker {
        sid: match vetted.cookies.sid() {
            SidCookie::One(value) => Some(value.to_vec()),
            SidCookie::None => None,
        },
        ip: ctx.client.unwrap_or(NO_ADDRESS),
        user_agent: user_agent(&head.headers),
        request_id: ctx.request_id.clone(),
        seen: OnceLock::new(),
        farewell: OnceLock::new(),
        offer: Offer::of(site, vetted, head.method.as_str(), &head.headers),
        query: vetted.query.unwrap_or_default().to_owned(),
    }
}

fn content_type(endpoint: Endpoint, headers: &HeaderMap) -> Result<(), Box<Answer>> {
    if endpoint == Endpoint::Login {
        login::check_content_type(headers)
    } else {
        Ok(())
    }
}

pub(super) fn user_agent(headers: &HeaderMap) -> Text {
    let raw = headers
        .get(USER_AGENT)
        .map_or(&b""[..], HeaderValue::as_bytes);
    clip_user_agent(&String::from_utf8_lossy(raw))
}
