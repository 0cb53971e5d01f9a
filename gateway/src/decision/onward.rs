//! What does a route make of a request, and what does the app get of it?

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use session_core::service::Query;
use sidgate_policy::auth::cors::Cors;
use sidgate_policy::auth::csrf::{self, CrossSite};
use sidgate_policy::auth::on_missing::{is_page, is_prefetch};
use sidgate_policy::edge::{Refused, SidCookie, Vetted, headers};

use super::sent_path::{NotSent, SentPath};
use super::{OwnSite, Request, Step};
use crate::apps::app::App;
use crate::config::{CsrfPolicy, Route, Upstream};
use crate::state::ActiveConfig;

/// A request that goes to an app, if its session allows. Owns what it needs of the request.
pub(crate) struct Onward<'s> {
    /// What the route asks for.
    pub route: &'s Arc<Route>,
    /// The app.
    pub app: &'s Arc<App>,
    /// What the app gets of the path.
    pub path: SentPath,
    /// The host as configured.
    pub host: HeaderValue,
    /// How its session is looked up.
    pub query: Query,
    /// Header names to take away before ours are written.
    pub remove: Vec<HeaderName>,
    /// The one Cookie line for the app.
    pub cookie: Option<HeaderValue>,
    /// Where its visitor fetches the session that their sid has made way for, unseen; `None`: nowhere.
    pub refetch: Option<String>,
}

/// Why a request goes to no app, whatever its session.
pub(super) enum Barred {
    /// Another site made the browser send it.
    CrossSite(CrossSite),
    /// What is left of its path without the prefix may not be sent.
    Path(Refused),
    /// What is left of its path is reserved for calls from the gateway.
    Private,
    /// The route's app is not there, which a valid configuration rules out.
    NoApp,
}

impl From<NotSent> for Barred {
    fn from(why: NotSent) -> Self {
        match why {
            NotSent::Private => Self::Private,
            NotSent::Refused(why) => Self::Path(why),
        }
    }
}

/// What `route` makes of a vetted request.
///
/// # Errors
/// Why it goes to no app.
pub(super) fn plan<'s>(
    settings: &'s ActiveConfig,
    (route, upstream): (&'s Arc<Route>, &Upstream),
    request: &Request<'_>,
    (vetted, cors): (&Vetted<'_>, &Cors),
    tell: &mut impl FnMut(Step<'_>),
) -> Result<Onward<'s>, Barred> {
    let path = SentPath::of(route, vetted.path)?;
    let own_site = own_site(settings, route, request, (vetted, cors)).map_err(Barred::CrossSite)?;
    tell(Step::OwnSite(own_site));
    let app = settings.app(&upstream.name).ok_or(Barred::NoApp)?;
    Ok(Onward {
        route,
        app,
        path,
        host: vetted.host.header(),
        query: Query {
            max_stale: route.max_stale,
            // Nobody has looked at the page yet.
            counts_as_use: !is_prefetch(request.headers),
        },
        remove: if vetted.spoofed.is_empty() {
            vec![]
        } else {
            headers::to_remove(request.headers, &settings.edge)
        },
        cookie: vetted.cookies.upstream_line(|_| false),
        refetch: refetch(settings, request, vetted),
    })
}

/// Another site of the group may have given the session a new sid, or its user a new session. Whoever opens a page gets it
/// from there, and does not notice.
fn refetch(settings: &ActiveConfig, request: &Request<'_>, vetted: &Vetted<'_>) -> Option<String> {
    let site = settings.site(vetted.host.site());
    site.login_at?;
    let is_opened = request.method == "GET"
        && !vetted.websocket
        && is_page(request.headers)
        && !is_prefetch(request.headers)
        && vetted.cookies.sid() != SidCookie::None;
    is_opened.then(|| site.login.location_silently(vetted.path, vetted.query))?
}

fn own_site(
    settings: &ActiveConfig,
    route: &Route,
    request: &Request<'_>,
    (vetted, cors): (&Vetted<'_>, &Cors),
) -> Result<OwnSite, CrossSite> {
    if route.csrf != CsrfPolicy::Check {
        return Ok(OwnSite::NotChecked);
    }
    if is_safe(request.method) && !vetted.websocket {
        return Ok(OwnSite::Safe);
    }
    if cors.is_open() {
        return Ok(OwnSite::Listed);
    }
    let site = settings.site(vetted.host.site());
    csrf::check(request.headers, &site.origin_at(&vetted.host)).map(OwnSite::Checked)
}

fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
