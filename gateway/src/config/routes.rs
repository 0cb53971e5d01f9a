//! `[[routes]]`: which app serves a path, and what a visitor needs to get there.
//!
//! A route covers whole path segments: `/admin` covers `/admin` and `/admin/x`, never `/administrator`. Of several
//! routes that cover a path the longest decides, wherever it stands in the file.

use std::sync::Arc;
use std::time::Duration;

use sidgate_policy::auth::decide::{OnUnknown, SessionPolicy};
use sidgate_policy::auth::on_missing::OnMissing;

use super::compression::Compress;
use super::duration::{mins, ms, within};
use super::edge::EndpointsConfig;
use super::host::Origin;
use super::path::PathPrefix;
use super::reader::Reader;
use super::upstreams::{Upstream, Upstreams};

/// Longest time a route may serve what it last knew while the store cannot be asked.
const MAX_STALE: Duration = mins(5);

/// All routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes(
    /// Longest prefix first, so that the first match is the right one.
    Vec<Arc<Route>>,
);

/// One rule for all paths below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which one of the file it is, from 0.
    pub index: usize,
    /// The paths it covers.
    pub path: PathPrefix,
    /// The app that serves them.
    pub upstream: Arc<Upstream>,
    /// Whether a session is looked up, and whether it must be there.
    pub session: SessionPolicy,
    /// What a visitor without a session gets; only for [`SessionPolicy::Required`].
    pub on_missing: OnMissing,
    /// What a visitor gets whose session is unknown.
    pub on_unknown: OnUnknown,
    /// How old the last confirmation of a session may be when there is no newer one; zero is off.
    pub max_stale: Duration,
    /// Whether requests from other sites are refused before the app sees them.
    pub csrf: CsrfPolicy,
    /// Whether paths below it may be written to the log; `false` where a path itself opens something.
    pub log_path: bool,
    /// Origins whose pages may read the answers, as browsers write them. Empty: the app decides.
    pub cors_origins: Vec<String>,
    /// Whether its answers are compressed.
    pub compress: Compress,
}

/// Whether the gateway checks where a writing request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrfPolicy {
    /// The app does.
    Off,
    /// The gateway does.
    Check,
}

/// The one of `upstreams` that has the name of `wanted`, or else `wanted`.
pub(super) fn same_name(upstreams: &[Arc<Upstream>], wanted: &Arc<Upstream>) -> Arc<Upstream> {
    let same = upstreams
        .iter()
        .find(|upstream| upstream.name == wanted.name);
    Arc::clone(same.unwrap_or(wanted))
}

impl Routes {
    /// The same routes in front of other configurations of their apps.
    pub(super) fn in_front_of(&self, upstreams: &[Arc<Upstream>]) -> Self {
        let moved = self.0.iter().map(|route| {
            let upstream = same_name(upstreams, &route.upstream);
            let route = Route::clone(route);
            Arc::new(Route { upstream, ..route })
        });
        Self(moved.collect())
    }

    pub(super) fn read(
        root: &mut Reader<'_>,
        upstreams: &Upstreams,
        endpoints: &EndpointsConfig,
    ) -> Self {
        let mut paths: Vec<Option<PathPrefix>> = Vec::new();
        let read = root.tables("routes", |route| {
            let path = route.text("path", |text| {
                let path = PathPrefix::parse_public(text)?.outside(
                    &endpoints.base_path,
                    "sidgate answers itself (endpoints.base_path)",
                )?;
                if let Some(first) = paths
                    .iter()
                    .position(|earlier| earlier.as_ref() == Some(&path))
                {
                    return Err(format!("is the path of routes[{first}] too"));
                }
                Ok(path)
            });
            // One entry for each table, so that positions stay those of the file.
            paths.push(path.clone());
            Route::read(route, (paths.len() - 1, path), upstreams)
        });
        if read.is_empty() {
            root.document().contradiction(
                &["routes"],
                "there are no routes, so nothing would be served",
            );
        }
        Self::new(read.into_iter().flatten().collect())
    }

    fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Self(routes.into_iter().map(Arc::new).collect())
    }

    /// The route that decides about `path`, which is the part of a target before its query.
    #[must_use]
    pub fn route_for(&self, path: &str) -> Option<&Arc<Route>> {
        self.0.iter().find(|route| route.path.covers(path))
    }

    /// All routes, longest prefix first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter().map(Arc::as_ref)
    }
}

impl Route {
    fn read(
        route: &mut Reader<'_>,
        (index, path): (usize, Option<PathPrefix>),
        upstreams: &Upstreams,
    ) -> Option<Self> {
        route.require("path");
        route.require("upstream");
        let upstream = route
            .text("upstream", |name| upstreams.find(name))
            .flatten();
        let session = route.choice(
            "session",
            &[
                ("none", SessionPolicy::None),
                ("optional", SessionPolicy::Optional),
                ("required", SessionPolicy::Required),
            ],
        );
        let on_missing = route.choice(
            "on_missing",
            &[
                ("auto", OnMissing::Auto),
                ("unauthorized", OnMissing::Unauthorized),
                ("redirect", OnMissing::Redirect),
            ],
        );
        let on_unknown = route.choice(
            "on_unknown",
            &[
                ("unavailable", OnUnknown::Unavailable),
                ("pass", OnUnknown::Pass),
            ],
        );
        let max_stale = route.text("max_stale", within(ms(0)..=MAX_STALE));
        let csrf = route.choice(
            "csrf",
            &[("off", CsrfPolicy::Off), ("check", CsrfPolicy::Check)],
        );
        let log_path = route.flag("log_path");
        let cors_origins = route.texts("cors_origins", |text| Ok(Origin::parse(text)?.to_string()));
        let compress = route.choice(
            "compress",
            &[
                ("auto", Compress::Auto),
                ("off", Compress::Off),
                ("always", Compress::Always),
            ],
        );

        // Without `session`, a route is closed: a session is required.
        let session = session.unwrap_or(SessionPolicy::Required);
        let pointless = |key: &str, message: &str| {
            let keys = [route.child(key), route.child("session")];
            route
                .document()
                .contradiction(&keys.each_ref().map(String::as_str), message);
        };
        if on_missing.is_some() && session != SessionPolicy::Required {
            pointless(
                "on_missing",
                "has a meaning only with session = \"required\"",
            );
        }
        if on_unknown == Some(OnUnknown::Pass) && session != SessionPolicy::Optional {
            pointless(
                "on_unknown",
                "\"pass\" is possible only with session = \"optional\"",
            );
        }
        if max_stale.is_some_and(|stale| !stale.is_zero()) && session == SessionPolicy::None {
            pointless("max_stale", "has no meaning with session = \"none\"");
        }
        Some(Self {
            index,
            path: path?,
            upstream: upstream?,
            session,
            on_missing: on_missing.unwrap_or(OnMissing::Auto),
            on_unknown: on_unknown.unwrap_or(OnUnknown::Unavailable),
            max_stale: max_stale.unwrap_or(Duration::ZERO),
            csrf: csrf.unwrap_or(CsrfPolicy::Off),
            log_path: log_path.unwrap_or(true),
            cors_origins: cors_origins.unwrap_or_default(),
            compress: compress.unwrap_or(Compress::Auto),
        })
    }

    /// Whether a visitor without a session may be sent to `server.login_url`.
    pub(super) fn may_redirect(&self) -> bool {
        self.session == SessionPolicy::Required && self.on_missing != OnMissing::Unauthorized
    }
}
