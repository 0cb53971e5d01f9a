//! `request_filter`: from the first byte to the decision.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use http::header::{HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE, USER_AGENT};
use pingora_core::Result;
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use session_core::session::{Text, clip_user_agent};

use super::forward::{self, NotForwarded, Outcome, Plan, kind_of};
use super::{Ctx, admin, endpoint, write};
use crate::admin::call::Call;
use crate::answer::Answer;
use crate::auth::cors::{Cors, Preflight};
use crate::buckets::TooMany;
use crate::config::{EdgeConfig, Route};
use crate::edge::{self, RawRequest, SidCookie, Vetted, client_ip, target};
use crate::endpoints::{self, Asker, Endpoint, login};
use crate::gate::Gate;
use crate::legacy::Offer;
use crate::shedding;
use crate::site::Site;
use crate::telemetry::security;

/// Stands for the address of a client that has none.
pub(super) const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// First segment of the paths that apps keep for the gateway; nobody else may call them.
const PRIVATE: &str = "__sidgate__";

/// What a request needs next. Owns what it needs, so that the request can be read from again.
enum Next<'a> {
    Refuse(edge::Refused),
    Endpoint(Endpoint, Box<Asker>),
    Admin(Call, Box<Asker>),
    Answer(Box<Answer>),
    Forward(&'a Route, Box<Plan<'a>>),
}

/// True when the answer has been written already.
pub(super) async fn filter(gate: &Arc<Gate>, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
    let site = Arc::clone(&ctx.site);
    limit_waits(session, &site.config.edge);
    // Pingora takes a lone LF in a chunk's extension, and an empty size, for granted; a proxy in front of us may cut such a
    // body elsewhere. Nothing that it takes for the next request on this connection is read.
    let chunked = session.req_header().headers.contains_key(TRANSFER_ENCODING);
    if gate.is_draining() || chunked {
        session.set_keepalive(None);
    }
    let next = next(gate, &site, session, ctx);
    let next = shed(gate, &site, ctx, &next).map_or(next, |answer| Next::Answer(Box::new(answer)));
    let answer = match next {
        Next::Refuse(why) => {
            gate.metrics.refused(why.reason());
            ctx.note(security::Kind::Refused, why.reason());
            ctx.route = "edge".into();
            Answer::refused(why)
        }
        Next::Endpoint(endpoint, asker) => {
            ctx.route = endpoint.label().into();
            let served = endpoint::serve(gate, &site, session, ctx, endpoint, &asker).await?;
            ctx.saw(asker.seen.into_inner());
            ctx.farewell = asker.farewell.into_inner();
            match served {
                Some(answer) => answer,
                None => return Ok(true),
            }
        }
        Next::Admin(call, asker) => {
            ctx.route = "admin".into();
            admin::serve(gate, &site, session, ctx, call, &asker).await
        }
        Next::Answer(answer) => *answer,
        Next::Forward(route, plan) => {
            ctx.route = route.path.as_str().into();
            match plan.settle(gate, &site, ctx).await {
                Ok(Outcome::Forward) => return Ok(false),
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
    ctx.client = Some(client_ip::client_ip(
        peer,
        &head.headers,
        &site.config.server.trusted_proxies,
    ));
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
    };
    let vetted = match edge::vet(&request, &site.edge) {
        Ok(vetted) => vetted,
        Err(why) => return Next::Refuse(why),
    };
    if site.config.server.redirect_https && !is_over_tls(session) {
        return Next::Answer(Box::new(Answer::over_tls(&https_location(site, &vetted))));
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
    if let Some(endpoint) = Endpoint::find(
        site.config.endpoints.base_path.as_str(),
        method,
        vetted.path,
    ) {
        return match endpoints::guard(endpoint, headers, site)
            .and_then(|()| content_type(endpoint, headers))
        {
            Ok(()) => Next::Endpoint(endpoint, Box::new(asker(site, vetted, head, ctx))),
            Err(answer) => {
                if answer.status == 403 {
                    ctx.note(security::Kind::CrossSite, endpoint.label());
                }
                Next::Answer(answer)
            }
        };
    }
    if site.config.admin.claim.is_some()
        && let Some(call) = Call::find(method, vetted.path)
    {
        return Next::Admin(call, Box::new(asker(site, vetted, head, ctx)));
    }
    if is_private(vetted.path) {
        return Next::Answer(Box::new(Answer::not_found()));
    }
    if hides_a_parameter(site, vetted.path) {
        return Next::Refuse(edge::Refused::TargetForm);
    }
    let Some(route) = site.config.routes.route_for(vetted.path) else {
        return Next::Answer(Box::new(Answer::not_found()));
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

/// Some servers cut `;parameters` off a path segment before they look at it. Where that would lead to another route, the
/// gateway and the app would judge two different paths.
fn hides_a_parameter(site: &Site, path: &str) -> bool {
    if !target::has_params(path) {
        return false;
    }
    let (routes, bare) = (&site.config.routes, target::without_params(path));
    routes.route_for(path).map(|route| &route.path)
        != routes.route_for(&bare).map(|route| &route.path)
}

/// Also with parameters: the app may cut them off before it looks.
fn is_private(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    target::without_params(first) == PRIVATE
}
