//! What happens with a request? Everything that can be said before a session is looked up, and what a session changes.
//!
//! There is one decision for everybody who has to know it: the proxy, which executes it, and `explain`, which tells it.
//! Nothing here does I/O, knows Pingora or writes anything. What each question has found is told to a listener as a
//! [`Step`]; a listener that does nothing costs nothing.
//!
//! | file | question |
//! |---|---|
//! | `request`, `sender` | what came, and who sent it? |
//! | `https` | did it come in the clear where that is not wanted? |
//! | `place` | whose is the path? |
//! | `endpoint` | may it call an endpoint of the gateway? |
//! | `maintenance` | are the apps out of service? |
//! | `redirect` | is the visitor sent elsewhere? |
//! | `sent_path` | what does the app get of the path? |
//! | `onward` | what does its route make of it, and what does the app get of it? |
//! | `verdict` | so what happens, and what is answered? |
//! | `missing` | what does a visitor get without the session that is required? |

mod endpoint;
pub(crate) mod https;
mod maintenance;
pub(crate) mod missing;
pub(crate) mod onward;
pub(crate) mod place;
mod redirect;
mod request;
mod sender;
pub(crate) mod sent_path;
mod step;
mod verdict;

use std::sync::Arc;

use sidgate_policy::auth::cors::{Cors, Preflight};
use sidgate_policy::edge::{self, Breach, RawRequest, Refused, Vetted};

use self::https::Insecure;
use self::onward::Barred;
use self::place::Place;
pub(crate) use self::request::Request;
pub(crate) use self::sender::Sender;
pub(crate) use self::step::{OwnSite, Step};
pub(crate) use self::verdict::Verdict;
use crate::config::{Destination, Route};
use crate::state::ActiveConfig;

/// What happens with a request that the rules of the edge let through.
pub(crate) struct Decided<'s, 'r> {
    /// What it says.
    pub vetted: Vetted<'r>,
    /// What pages of other origins may read of the answer.
    pub cors: Cors,
    /// What happens.
    pub verdict: Verdict<'s>,
}

/// Decides. `body` says whether what has come of the body is well formed; it is asked once the head is known to be.
///
/// # Errors
/// The rule of the edge that the request breaks.
pub(crate) fn decide<'s: 'r, 'r>(
    request: &Request<'r>,
    sender: Sender,
    settings: &'s ActiveConfig,
    body: impl FnOnce() -> Result<(), Refused>,
    mut tell: impl FnMut(Step<'_>),
) -> Result<Decided<'s, 'r>, Breach> {
    let raw = RawRequest {
        version: request.version,
        method: request.method,
        target: request.target,
        authority: request.authority,
        headers: request.headers,
        raw_head: request.raw_head,
        from_trusted_proxy: sender.is_trusted_proxy,
    };
    let vetted = edge::vet_telling(&raw, &settings.edge, |passed| tell(Step::Edge(passed)));
    let vetted =
        vetted.or_else(|breach| https::vet_by_name((request, &raw), sender, settings, breach))?;
    body()?;
    tell(Step::Body);
    let mut cors = Cors::Unmanaged;
    let verdict = judge(request, sender, settings, &vetted, &mut cors, &mut tell);
    Ok(Decided {
        vetted,
        cors,
        verdict,
    })
}

/// What happens with a vetted request.
fn judge<'s>(
    request: &Request<'_>,
    sender: Sender,
    settings: &'s ActiveConfig,
    vetted: &Vetted<'_>,
    cors: &mut Cors,
    tell: &mut impl FnMut(Step<'_>),
) -> Verdict<'s> {
    let told = https::told(request, sender);
    tell(Step::Scheme(told));
    if let Some(insecure) = Insecure::judge(settings, request, vetted, told) {
        return Verdict::Insecure(insecure);
    }
    let config = &settings.config;
    let place = match Place::of(config, request.method, vetted.host.name(), vetted.path) {
        Ok(place) => place,
        Err(why) => return Verdict::Refused(why),
    };
    tell(Step::Place(place));
    if vetted.content_length > Some(settings.max_body_bytes(place.route())) {
        return Verdict::Refused(Refused::BodyTooLarge);
    }
    let route = match place {
        Place::Endpoint(endpoint) => {
            let came = (request, sender);
            return endpoint::judge(settings, came, (endpoint, vetted), cors, tell);
        }
        Place::Admin(call) => return Verdict::Admin(call),
        Place::Private | Place::Nothing => return Verdict::NotFound,
        Place::Route(route) => route,
    };
    *cors = Cors::of(&route.cors_origins, request.headers);
    tell(Step::Cors(cors));
    if let Some(answered) = by_method(cors, request, route) {
        return answered;
    }
    if let Some(waits) = maintenance::verdict(settings, sender, place) {
        return waits;
    }
    let app = match &route.destination {
        Destination::App(app) => app,
        Destination::Redirect(to) => return redirect::to(to, route, vetted),
    };
    match onward::plan(settings, (route, app), request, (vetted, cors), tell) {
        Ok(onward) => Verdict::Onward(onward),
        Err(Barred::CrossSite(why)) => Verdict::CrossSite(why),
        Err(Barred::Path(why)) => Verdict::Refused(why),
        Err(Barred::Private | Barred::NoApp) => Verdict::NotFound,
    }
}

/// The answer to a request whose method says enough: a preflight, where the route's list of origins is ours to keep, or a
/// method that the route does not take. A preflight is about another method than its own.
fn by_method<'s>(cors: &Cors, request: &Request<'_>, route: &'s Arc<Route>) -> Option<Verdict<'s>> {
    let is_listed = route.methods.include(request.method);
    if *cors == Cors::Unmanaged && is_listed {
        return None;
    }
    match Preflight::of(request.method, request.headers) {
        None if is_listed => None,
        None => Some(Verdict::MethodNotAllowed(route)),
        Some(_) if *cors == Cors::Unmanaged => None,
        Some(asked) if cors.is_open() => Some(Verdict::Preflight(asked, route)),
        Some(_) => Some(Verdict::OriginNotAllowed),
    }
}
