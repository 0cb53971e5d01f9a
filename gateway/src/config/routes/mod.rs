//! `[[routes]]`: who serves a path of a host, and what a visitor needs to get there.
//!
//! A route covers whole path segments: `/admin` covers `/admin` and `/admin/x`, never `/administrator`. The routes of the most
//! specific group of hosts that covers a path decide: those that name the host, then those with a wildcard, then those without
//! hosts. Of several routes of a group the longest decides, wherever it stands in the file.

mod answer_fields;
mod methods;
mod read;
mod redirect;
mod unreachable;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use sidgate_policy::auth::decide::{OnUnknown, SessionPolicy, Wanted};
use sidgate_policy::auth::on_missing::OnMissing;
use sidgate_policy::auth::requirements::Requirements;
use sidgate_policy::edge::Slashes;

pub use self::methods::Methods;
pub use self::redirect::{Gaps, Redirect};
use super::compression::Compress;
use super::host_pattern::{HostPattern, Specific};
use super::path::PathPrefix;
use super::upstreams::Upstream;

/// All routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// The most specific group of hosts first, and in each the longest prefix first: the first match is the right one. A route
    /// with several hosts stands here once for each.
    entries: Vec<Entry>,
    /// Whether one of them says what becomes of `%2F` and `//`.
    slashes: Slashes,
}

/// A route, for one of its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None`: every host.
    host: Option<HostPattern>,
    route: Arc<Route>,
}

/// One rule for all paths below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which one of the file it is, from 0.
    pub index: usize,
    /// What it is called in metrics and logs: its path, and its hosts if it has any.
    pub label: String,
    /// The hosts whose paths it covers; empty: all.
    hosts: Vec<HostPattern>,
    /// The paths it covers.
    pub path: PathPrefix,
    /// The methods that it takes.
    pub methods: Methods,
    /// Who answers.
    pub destination: Destination,
    /// Whether a session is looked up, and whether it must be there.
    pub session: SessionPolicy,
    /// What a visitor without a session gets; only for [`SessionPolicy::Required`].
    pub on_missing: OnMissing,
    /// What a visitor gets whose session is unknown.
    pub on_unknown: OnUnknown,
    /// What the session must be; only for [`SessionPolicy::Required`].
    pub requirements: Requirements,
    /// How old the last confirmation of a session may be when there is no newer one; zero is off.
    pub max_stale: Duration,
    /// Whether requests from other sites are refused before the app sees them.
    pub csrf: CsrfPolicy,
    /// Whether its answers are compressed.
    pub compress: Compress,
    /// Which of its requests get a line in the access log.
    pub log: LogPolicy,
    /// Whether paths below it may be written to the log; `false` where a path itself opens something.
    pub log_path: bool,
    /// Origins whose pages may read the answers, as browsers write them. Empty: the app decides.
    pub cors_origins: Vec<String>,
    /// What the app gets of the path.
    pub strip_prefix: bool,
    /// What becomes of `%2F` and `//` below the prefix.
    pub slashes: Slashes,
    /// How long the app may take between two reads; `None`: what its upstream says.
    pub read_timeout: Option<Duration>,
    /// Size of a request body; `None`: `edge.max_body_bytes`.
    pub max_body_bytes: Option<u64>,
    /// Fields of the answer, where the app does not write them itself.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
}

/// Who answers the requests of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An app.
    App(Arc<Upstream>),
    /// The gateway, by sending the visitor elsewhere.
    Redirect(Redirect),
}

/// Whether the gateway checks where a writing request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrfPolicy {
    /// The app does.
    Off,
    /// The gateway does.
    Check,
}

/// Which requests get a line in the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPolicy {
    /// All.
    All,
    /// Those that failed: a status of 400 or more, and what was broken off.
    Errors,
    /// None.
    None,
}

impl LogPolicy {
    /// Whether a request with this status is logged. `is_broken`: its answer did not arrive whole.
    #[must_use]
    pub const fn wants(self, status: u16, is_broken: bool) -> bool {
        match self {
            Self::All => true,
            // Without a status nothing was answered.
            Self::Errors => is_broken || status >= 400 || status == 0,
            Self::None => false,
        }
    }
}

/// The one of `upstreams` that has the name of `wanted`, or else `wanted`.
pub(super) fn same_name(upstreams: &[Arc<Upstream>], wanted: &Arc<Upstream>) -> Arc<Upstream> {
    let same = upstreams
        .iter()
        .find(|upstream| upstream.name == wanted.name);
    Arc::clone(same.unwrap_or(wanted))
}

impl Routes {
    fn new(routes: Vec<Route>) -> Self {
        let is_open = |route: &Route| route.slashes == Slashes::AsRouted;
        let slashes = if routes.iter().any(is_open) {
            Slashes::AsRouted
        } else {
            Slashes::Strict
        };
        let mut entries = Vec::with_capacity(routes.len());
        for route in routes.into_iter().map(Arc::new) {
            let of = |host| Entry {
                host,
                route: Arc::clone(&route),
            };
            if route.hosts.is_empty() {
                entries.push(of(None));
            }
            entries.extend(route.hosts.iter().cloned().map(Some).map(of));
        }
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.specific(), entry.route.path.len())));
        Self { entries, slashes }
    }

    /// The same routes in front of other configurations of their apps.
    pub(super) fn in_front_of(&self, upstreams: &[Arc<Upstream>]) -> Self {
        let moved = self.iter().map(|route| {
            let destination = match &route.destination {
                Destination::App(app) => Destination::App(same_name(upstreams, app)),
                Destination::Redirect(to) => Destination::Redirect(to.clone()),
            };
            Route {
                destination,
                ..route.clone()
            }
        });
        Self::new(moved.collect())
    }

    /// The route that decides about `path`, which is the part of a target before its query, of `host`, a name without port.
    #[must_use]
    pub fn route_for(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        let is_it = |entry: &&Entry| entry.is_for(host) && entry.route.path.covers(path);
        self.entries.iter().find(is_it).map(|entry| &entry.route)
    }

    /// Whether somebody who asks for a page of `host`, a name without port, may be sent to log in.
    pub(super) fn may_redirect_on(&self, host: &str) -> bool {
        let decides = |route: &Route| {
            let deciding = self.route_for(host, route.path.as_str());
            deciding.is_some_and(|deciding| deciding.index == route.index)
        };
        self.iter()
            .any(|route| route.may_redirect() && decides(route))
    }

    /// Whether the rule about slashes in paths depends on the route.
    #[must_use]
    pub const fn slashes(&self) -> Slashes {
        self.slashes
    }

    /// All routes, each once.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        let first_of = |entry: &&Entry| entry.route.hosts.first() == entry.host.as_ref();
        self.entries
            .iter()
            .filter(first_of)
            .map(|entry| entry.route.as_ref())
    }
}

impl Entry {
    fn is_for(&self, host: &str) -> bool {
        self.host.as_ref().is_none_or(|own| own.covers(host))
    }

    fn specific(&self) -> Specific {
        self.host
            .as_ref()
            .map_or(Specific::Any, HostPattern::specific)
    }
}

impl Route {
    /// Whether it is for some hosts alone.
    #[must_use]
    pub fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// The app that serves it.
    #[must_use]
    pub fn app(&self) -> Option<&Arc<Upstream>> {
        match &self.destination {
            Destination::App(app) => Some(app),
            Destination::Redirect(_) => None,
        }
    }

    /// Whether `app` serves it.
    pub(crate) fn is_served_by(&self, app: &Upstream) -> bool {
        self.app().is_some_and(|own| own.name == app.name)
    }

    /// What it wants of a session.
    #[must_use]
    pub const fn wanted(&self) -> Wanted<'_> {
        Wanted {
            session: self.session,
            on_unknown: self.on_unknown,
            requirements: &self.requirements,
        }
    }

    /// How long `app` may take between two reads of an answer to it.
    #[must_use]
    pub fn read_timeout(&self, app: &Upstream) -> Duration {
        self.read_timeout.unwrap_or(app.read_timeout)
    }

    /// Whether a visitor without a session may be sent to `server.login_url`.
    fn may_redirect(&self) -> bool {
        self.session == SessionPolicy::Required && self.on_missing != OnMissing::Unauthorized
    }
}

/// Its label, quoted.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.label)
    }
}
