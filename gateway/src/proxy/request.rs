//! `request_filter`: from the first byte to the decision.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{EXPECT, HeaderMap, HeaderValue, USER_AGENT};
use pingora_core::{Error, ErrorType, Result};
use pingora_proxy::Session;
use session_core::service::Query;
use session_core::session::{Text, clip_user_agent};

use super::ctx::Forward;
use super::{Ctx, write};
use crate::answer::Answer;
use crate::auth::csrf;
use crate::auth::decide::{self, Decision, Finding, State};
use crate::auth::identity::Badge;
use crate::auth::on_missing::Answer as MissingAnswer;
use crate::config::{CsrfPolicy, Route, SessionPolicy};
use crate::edge::{self, RawRequest, SidCookie, Vetted, client_ip, headers, target};
use crate::endpoints::{self, Asker, Endpoint, login};
use crate::gate::Gate;
use crate::site::Site;

/// Paths that apps keep for the gateway; nobody else may call them.
const PRIVATE_PREFIX: &str = "/__sidgate__";
/// Longest wait for the body of a call to one of our own endpoints.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a vetted request needs next. Owns what it needs, so that the request can be read from again.
enum Next {
    Refuse(edge::Refused),
    Endpoint(Endpoint, Box<Asker>),
    Answer(Box<Answer>),
    Resolve(Box<Plan>),
}

/// A request that is to be forwarded if its session allows.
struct Plan {
    forward: Forward,
    sid: Option<Vec<u8>>,
    on_missing: Box<Answer>,
    route: Route,
}

/// True when the answer has been written already.
pub(super) async fn filter(gate: &Arc<Gate>, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
    let site = Arc::clone(&ctx.site);
    let next = plan(gate, &site, session, ctx);
    let answer = match next {
        Next::Refuse(why) => {
            gate.metrics.refused(why.reason());
            ctx.route = "edge".into();
            Answer::refused(why)
        }
        Next::Endpoint(endpoint, asker) => {
            ctx.route = endpoint.label().into();
            serve(gate, &site, session, endpoint, &asker).await?
        }
        Next::Answer(answer) => *answer,
        Next::Resolve(plan) => match settle(gate, *plan, ctx).await {
            None => return Ok(false),
            Some(answer) => answer,
        },
    };
    write::answer(session, ctx, answer).await?;
    Ok(true)
}

/// Everything that needs no I/O.
fn plan(gate: &Gate, site: &Arc<Site>, session: &Session, ctx: &mut Ctx) -> Next {
    let head = session.req_header();
    let peer = session
        .client_addr()
        .and_then(|addr| addr.as_inet())
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |addr| addr.ip());
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
    for (kind, times) in vetted.spoofed.iter() {
        gate.metrics.spoof(kind.label(), u64::from(times));
    }
    gate.metrics.cookies_dropped(vetted.cookies.dropped());
    let (method, headers) = (head.method.as_str(), &head.headers);
    if let Some(endpoint) = Endpoint::find(
        site.config.endpoints.base_path.as_str(),
        method,
        vetted.path,
    ) {
        return match endpoints::guard(endpoint, headers, site)
            .and_then(|()| content_type(endpoint, headers))
        {
            Ok(()) => Next::Endpoint(endpoint, Box::new(asker(&vetted, headers, ctx))),
            Err(answer) => Next::Answer(answer),
        };
    }
    if is_private(vetted.path) {
        return Next::Answer(Box::new(Answer::not_found()));
    }
    if hides_a_parameter(site, vetted.path) {
        return Next::Refuse(edge::Refused::TargetForm);
    }
    match site.config.routes.route_for(vetted.path) {
        Some(route) => to_app(gate, site, route, &vetted, method, headers, ctx),
        None => Next::Answer(Box::new(Answer::not_found())),
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is another fact about the one request"
)]
fn to_app(
    gate: &Gate,
    site: &Site,
    route: &Route,
    vetted: &Vetted<'_>,
    method: &str,
    headers: &HeaderMap,
    ctx: &mut Ctx,
) -> Next {
    ctx.route = route.path.as_str().into();
    if route.csrf == CsrfPolicy::Check
        && !is_safe(method)
        && csrf::check(headers, &site.origin).is_err()
    {
        return Next::Answer(Box::new(Answer::cross_site()));
    }
    let Some(app) = site.app(&route.upstream.name) else {
        return Next::Answer(Box::new(Answer::not_found()));
    };
    let sid = match vetted.cookies.sid() {
        SidCookie::One(value) => Some(value),
        SidCookie::None => None,
    };
    let Ok(host) = HeaderValue::from_str(vetted.host) else {
        return Next::Refuse(edge::Refused::HostMalformed);
    };
    let forward = Forward {
        app: Arc::clone(app),
        state: State::None,
        badge: None,
        query: Query {
            max_stale: route.max_stale,
            counts_as_use: !is_prefetch(headers),
        },
        remove: if vetted.spoofed.is_empty() {
            vec![]
        } else {
            headers::to_remove(headers, &site.edge)
        },
        cookie: vetted.cookies.upstream_line(|_| false),
        host,
        presented: sid.and_then(|sid| gate.sessions.key_of(sid)),
        ticket: gate.sessions.begin_login_from_lease().ok(),
        user_agent: user_agent(headers),
        attempts: 0,
    };
    Next::Resolve(Box::new(Plan {
        forward,
        sid: sid.map(<[u8]>::to_vec),
        on_missing: Box::new(missing(site, route, vetted, method, headers)),
        route: route.clone(),
    }))
}

/// Finds out about the session and decides. `None`: forward.
async fn settle(gate: &Gate, plan: Plan, ctx: &mut Ctx) -> Option<Answer> {
    let Plan {
        mut forward,
        sid,
        on_missing,
        route,
    } = plan;
    let before = gate.sessions.clock().boot();
    let finding = match (route.session, sid) {
        (SessionPolicy::None, _) => Finding::NotAsked,
        (SessionPolicy::Optional | SessionPolicy::Required, None) => Finding::NoCookie,
        (SessionPolicy::Optional | SessionPolicy::Required, Some(sid)) => {
            Finding::Resolved(gate.sessions.resolve(&sid, forward.query).await)
        }
    };
    let (tier, result) = decide::labels(&finding);
    ctx.tier = tier;
    if matches!(finding, Finding::Resolved(_)) {
        gate.metrics
            .resolve(tier, result, gate.sessions.clock().boot().since(before));
    }
    match decide::decide(route.session, route.on_unknown, finding) {
        Decision::Missing => Some(*on_missing),
        Decision::Unavailable(_) => Some(Answer::unavailable()),
        Decision::Forward(state) => {
            if let State::Active(active) = &state {
                let headers = &ctx.site.config.identity.headers;
                let badge = active.entry.attachment(|session| {
                    let badge = Badge::new(session, headers);
                    gate.metrics.attributes_omitted(badge.omitted);
                    badge
                });
                ctx.handle = Some(badge.handle.clone());
                forward.badge = Some(badge);
            }
            forward.state = state;
            ctx.forward = Some(forward);
            None
        }
    }
}

/// Serves one of our own endpoints.
async fn serve(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    session: &mut Session,
    endpoint: Endpoint,
    asker: &Asker,
) -> Result<Answer> {
    Ok(match endpoint {
        Endpoint::Show => endpoints::session::show(gate, asker).await,
        Endpoint::Logout => endpoints::session::logout(gate, site, asker).await,
        Endpoint::Login => match read_body(session, login::BODY_MAX).await? {
            Some(body) => login::login(gate, site, asker, &body).await,
            None => Answer::problem(413, "too_large", "The request body is too large").closing(),
        },
        Endpoint::OtherMethod(allow) => Answer::method_not_allowed(allow),
        Endpoint::Unknown => Answer::not_found(),
    })
}

/// The whole body, or `None` when it is larger than `max`.
async fn read_body(session: &mut Session, max: usize) -> Result<Option<Bytes>> {
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
pub(super) fn limit_body(session: &mut Session, body: Option<&Bytes>, ctx: &mut Ctx) -> Result<()> {
    let read = body.map_or(0, |chunk| u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    ctx.body_bytes = ctx.body_bytes.saturating_add(read);
    if ctx.body_bytes > ctx.site.edge.max_body_bytes {
        session.set_keepalive(None);
        return Error::e_explain(ErrorType::HTTPStatus(413), "request body too large");
    }
    Ok(())
}

fn is_over_tls(session: &Session) -> bool {
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

fn asker(vetted: &Vetted<'_>, headers: &HeaderMap, ctx: &Ctx) -> Asker {
    Asker {
        sid: match vetted.cookies.sid() {
            SidCookie::One(value) => Some(value.to_vec()),
            SidCookie::None => None,
        },
        ip: ctx.client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        user_agent: user_agent(headers),
        request_id: ctx.request_id.clone(),
    }
}

fn content_type(endpoint: Endpoint, headers: &HeaderMap) -> Result<(), Box<Answer>> {
    if endpoint == Endpoint::Login {
        login::check_content_type(headers)
    } else {
        Ok(())
    }
}

fn missing(
    site: &Site,
    route: &Route,
    vetted: &Vetted<'_>,
    method: &str,
    headers: &HeaderMap,
) -> Answer {
    match route.on_missing.answer(method, vetted.websocket, headers) {
        MissingAnswer::Unauthorized => Answer::unauthenticated(),
        MissingAnswer::LoginPage => match site.login.location(vetted.path, vetted.query) {
            Some(location) => Answer::login_page(&location),
            None => Answer::unauthenticated(),
        },
    }
}

fn user_agent(headers: &HeaderMap) -> Text {
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

fn is_private(path: &str) -> bool {
    path.strip_prefix(PRIVATE_PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// A browser that fetches ahead is not somebody using the session.
fn is_prefetch(headers: &HeaderMap) -> bool {
    headers
        .get("sec-purpose")
        .is_some_and(|value| value.as_bytes().starts_with(b"prefetch"))
}
