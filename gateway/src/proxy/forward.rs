//! A request on its way to an app: what the route wants, what is known about the session, and so what happens.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue, UPGRADE};
use pingora_http::RequestHeader;
use session_core::service::{Absence, Query, Resolution};
use session_core::sid::SessionKey;

use super::Ctx;
use super::ctx::Forward;
use super::request::{NO_ADDRESS, user_agent};
use crate::answer::Answer;
use crate::auth::cors::Cors;
use crate::auth::csrf;
use crate::auth::decide::{self, Decision, Finding, State};
use crate::auth::on_missing::Answer as MissingAnswer;
use crate::buckets::TooMany;
use crate::config::{CsrfPolicy, Route, SessionPolicy};
use crate::edge::{Refused, SidCookie, Target, Vetted, headers};
use crate::gate::Gate;
use crate::legacy::{self, Arrival, Offer, Visitor, reissue};
use crate::look_up::look_up;
use crate::risk;
use crate::shedding::Kind;
use crate::site::Site;
use crate::telemetry::security::Facts;

/// A request that is forwarded if its session allows. Owns what it needs of the request.
pub(super) struct Plan<'a> {
    route: &'a Route,
    forward: Forward,
    /// What the session cookie stands for; `None` when there is none.
    presented: Option<Result<SessionKey, Absence>>,
}

/// Why a request is not forwarded, whatever its session.
pub(super) enum NotForwarded {
    Refused(Refused),
    CrossSite,
    Answer(Box<Answer>),
}

impl<'a> Plan<'a> {
    /// What the route makes of a vetted request. No I/O.
    pub(super) fn new(
        gate: &Gate,
        site: &'a Site,
        route: &'a Route,
        vetted: &Vetted<'_>,
        head: &RequestHeader,
    ) -> Result<Self, NotForwarded> {
        let headers = &head.headers;
        if route.csrf == CsrfPolicy::Check
            && (!is_safe(head.method.as_str()) || vetted.websocket)
            && !Cors::of(&route.cors_origins, headers).is_open()
            && csrf::check(headers, &site.origin).is_err()
        {
            return Err(NotForwarded::CrossSite);
        }
        let app = site
            .app(&route.upstream.name)
            .ok_or_else(|| NotForwarded::Answer(Box::new(Answer::not_found())))?;
        let host = HeaderValue::from_str(vetted.host)
            .map_err(|_error| NotForwarded::Refused(Refused::HostMalformed))?;
        let presented = match vetted.cookies.sid() {
            SidCookie::One(sid) => Some(gate.sessions.recognise(sid)),
            SidCookie::None => None,
        };
        let forward = Forward {
            app: Arc::clone(app),
            state: State::None,
            badge: None,
            query: Query {
                max_stale: route.max_stale,
                counts_as_use: !is_prefetch(headers),
            },
            session: route.session,
            on_unknown: route.on_unknown,
            remove: if vetted.spoofed.is_empty() {
                vec![]
            } else {
                headers::to_remove(headers, &site.edge)
            },
            cookie: vetted.cookies.upstream_line(|_| false),
            offer: Offer::of(site, vetted, head.method.as_str(), headers),
            host,
            presented: presented.and_then(Result::ok),
            ticket: gate.sessions.begin_login_from_lease().ok(),
            user_agent: user_agent(headers),
            attempts: 0,
        };
        Ok(Self {
            route,
            forward,
            presented,
        })
    }

    /// What the request is when there is too much to do.
    pub(super) fn kind(&self, gate: &Gate) -> Kind {
        match self.presented {
            Some(Ok(key)) => kind_of(gate, &key),
            Some(Err(_)) | None if self.forward.offer.is_some() => Kind::Migrating,
            Some(Err(_)) | None => Kind::Anonymous,
        }
    }

    /// Finds out about the session and decides.
    ///
    /// # Errors
    /// When too many sids of this client were no sessions.
    pub(super) async fn settle(
        self,
        gate: &Arc<Gate>,
        site: &Arc<Site>,
        ctx: &mut Ctx,
    ) -> Result<Outcome, TooMany> {
        let Self {
            route,
            mut forward,
            presented,
        } = self;
        let before = gate.sessions.clock().boot();
        let finding = match (route.session, presented) {
            (SessionPolicy::None, _) => Finding::NotAsked,
            (SessionPolicy::Optional | SessionPolicy::Required, None) => Finding::NoCookie,
            (_, Some(Err(absence))) => Finding::Resolved(Resolution::Absent(absence)),
            (_, Some(Ok(key))) => {
                let client = ctx.client.unwrap_or(NO_ADDRESS);
                let asker = (client, ctx.request_id.as_str());
                Finding::Resolved(look_up(gate, site, asker, key, forward.query).await?)
            }
        };
        let finding = match &forward.offer {
            None => finding,
            Some(offer) => {
                let visitor = forward.visitor(ctx);
                let arriving = legacy::arrive(gate, site, offer, &visitor, finding, forward.query);
                let Arrival {
                    finding,
                    cookie,
                    farewell,
                    redirect,
                    ..
                } = Box::pin(arriving).await?;
                forward.cookie = cookie.unwrap_or(forward.cookie);
                ctx.farewell = Some(farewell);
                if let Some(location) = redirect {
                    return Ok(Outcome::Again(location));
                }
                finding
            }
        };
        let client = ctx.client.unwrap_or(NO_ADDRESS);
        let source = (client, ctx.request_id.as_str());
        risk::judge_request(gate, site, &finding, source, &forward.user_agent);
        let (tier, result) = decide::labels(&finding);
        ctx.tier = tier;
        if matches!(finding, Finding::Resolved(_)) {
            let took = gate.sessions.clock().boot().since(before);
            gate.metrics.resolve(tier, result, took);
        }
        Ok(
            match decide::decide(route.session, route.on_unknown, finding) {
                Decision::Missing(why) => Outcome::Missing(why),
                Decision::Unavailable(_) => Outcome::Unavailable,
                Decision::Forward(state) => {
                    forward.adopt(gate, site, state);
                    if site.legacy.is_some()
                        && let State::Active(active) = &forward.state
                        && let Some(returned) =
                            Box::pin(reissue::due(gate, site, forward.offer.as_deref(), active))
                                .await
                    {
                        forward.cookie = reissue::joined(forward.cookie.as_ref(), &returned.pairs);
                        ctx.farewell = Some(returned.farewell);
                    }
                    ctx.handle = forward.badge.as_ref().map(|badge| badge.handle.clone());
                    ctx.forward = Some(forward);
                    Outcome::Forward
                }
            },
        )
    }
}

impl Forward {
    /// Who sent it, for those who judge old logins.
    pub(super) fn visitor(&self, ctx: &Ctx) -> Visitor {
        Visitor {
            ip: ctx.client.unwrap_or(NO_ADDRESS),
            user_agent: self.user_agent.clone(),
            request_id: ctx.request_id.clone(),
        }
    }

    /// What a line says about something that the app has asked for.
    pub(super) fn facts<'a>(&'a self, ctx: &'a Ctx, reason: &'a str) -> Facts<'a> {
        let facts = Facts {
            app: Some(&self.app.name),
            ..ctx.facts(reason)
        };
        match &self.state {
            State::Active(active) => facts.by_owner(active.entry.session()),
            State::None | State::Anonymous | State::Unknown => facts,
        }
    }

    /// Takes over what was decided about the session.
    fn adopt(&mut self, gate: &Gate, site: &Site, state: State) {
        self.badge = match &state {
            State::Active(active) => Some(site.badge(&active.entry, &gate.metrics)),
            _ => None,
        };
        self.state = state;
    }

    /// The second check (R1): what was found may have changed on the way here, or the process may have been paused. Then the
    /// session is asked for again, once, as if the request had just come.
    pub(super) async fn confirm(&mut self, gate: &Gate, site: &Site) -> Result<(), Doubt> {
        let State::Active(active) = &self.state else {
            return Ok(());
        };
        if gate.sessions.still_holds(active, self.query) {
            return Ok(());
        }
        let key = active.entry.session().key;
        let found = gate.sessions.resolve_key(key, self.query).await;
        match decide::decide(self.session, self.on_unknown, Finding::Resolved(found)) {
            Decision::Missing(_) => Err(Doubt::Missing),
            Decision::Unavailable(_) => Err(Doubt::Unavailable),
            Decision::Forward(State::Active(again))
                if !gate.sessions.still_holds(&again, self.query) =>
            {
                Err(Doubt::Unavailable)
            }
            Decision::Forward(state) => {
                self.adopt(gate, site, state);
                Ok(())
            }
        }
    }
}

/// What the second check found.
pub(super) enum Doubt {
    /// The route requires a session, and there is none any more.
    Missing,
    /// Nobody can say any more.
    Unavailable,
}

/// What became of a plan.
pub(super) enum Outcome {
    /// The request goes on; the context says how.
    Forward,
    /// The route requires a session and there is none.
    Missing(Option<Absence>),
    /// Nobody can say.
    Unavailable,
    /// The browser is to ask for the same page again, with its new cookie.
    Again(String),
}

/// What a request with a genuine sid is when there is too much to do.
pub(super) fn kind_of(gate: &Gate, key: &SessionKey) -> Kind {
    let query = Query {
        counts_as_use: false,
        ..Query::default()
    };
    match gate.sessions.at_hand(key, query) {
        Some(Resolution::Active(_)) => Kind::Known,
        Some(Resolution::Absent(_)) => Kind::Anonymous,
        Some(Resolution::Unknown(_)) | None => Kind::ToRead,
    }
}

/// The answer where a session is required and there is none. Reads the vetted request again: this is not the hot path.
pub(super) fn missing(
    site: &Site,
    route: &Route,
    head: &RequestHeader,
    why: Option<Absence>,
) -> Answer {
    // What is left of upgrades after vetting are WebSocket handshakes.
    let websocket = head.headers.contains_key(UPGRADE);
    match route
        .on_missing
        .answer(head.method.as_str(), websocket, &head.headers)
    {
        MissingAnswer::Unauthorized => Answer::unauthenticated(why),
        MissingAnswer::LoginPage => Target::parse(head.raw_path())
            .ok()
            .and_then(|target| site.login.location(target.path, target.query))
            .map_or_else(
                || Answer::unauthenticated(why),
                |location| Answer::login_page(&location),
            ),
    }
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
