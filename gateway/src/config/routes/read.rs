//! How `[[routes]]` are read, and which of their keys contradict each other.

use std::time::Duration;

use sidgate_policy::auth::decide::{OnUnknown, SessionPolicy};
use sidgate_policy::auth::identity_field::IdentityField;
use sidgate_policy::auth::on_missing::OnMissing;
use sidgate_policy::auth::requirements::{Allowed, Requirements};
use sidgate_policy::edge::Slashes;

use super::super::compression::Compress;
use super::super::duration::{hours, mins, ms, secs, within};
use super::super::edge::{EndpointsConfig, MAX_BODY_BYTES};
use super::super::host::Origin;
use super::super::host_pattern::HostPattern;
use super::super::path::PathPrefix;
use super::super::reader::Reader;
use super::super::sites::Sites;
use super::super::upstreams::Upstreams;
use super::redirect::{Redirect, STATUSES, Template};
use super::{
    CsrfPolicy, Destination, LogPolicy, Methods, Route, Routes, answer_fields, unreachable,
};

/// Longest time a route may serve what it last knew while the store cannot be asked.
const MAX_STALE: Duration = mins(5);

/// Keys that say what becomes of a request to an app. A redirect asks nobody and sends nothing on.
const OF_APPS: [&str; 15] = [
    "upstream",
    "session",
    "on_missing",
    "on_unknown",
    "fresh",
    "allow",
    "max_stale",
    "csrf",
    "cors_origins",
    "compress",
    "strip_prefix",
    "encoded_slashes",
    "read_timeout",
    "max_body_bytes",
    "response_headers",
];

/// What names a route: the path, and its hosts.
type Place = (PathPrefix, Vec<HostPattern>);

impl Routes {
    pub(in super::super) fn read(
        root: &mut Reader<'_>,
        upstreams: &Upstreams,
        endpoints: &EndpointsConfig,
        sites: &Sites,
    ) -> Self {
        // One entry for each table, so that positions stay those of the file.
        let mut places: Vec<Option<Place>> = Vec::new();
        let read = root.tables("routes", |route| {
            let hosts = route.texts("hosts", |text| accepted_pattern(text, sites));
            let hosts = hosts.unwrap_or_default();
            let path = route.text("path", |text| {
                let path = PathPrefix::parse_public(text)?.outside(
                    &endpoints.base_path,
                    "sidgate answers itself (endpoints.base_path)",
                )?;
                let same = places.iter().position(|earlier| {
                    earlier.as_ref().is_some_and(|(earlier, theirs)| {
                        *earlier == path && share_one(theirs, &hosts)
                    })
                });
                match same {
                    Some(first) if hosts.is_empty() => {
                        Err(format!("is the path of routes[{first}] too"))
                    }
                    Some(first) => Err(format!(
                        "is the path of routes[{first}] too, for the same host"
                    )),
                    None => Ok(path),
                }
            });
            let place = path.map(|path| (path, hosts));
            places.push(place.clone());
            Route::read(route, (places.len() - 1, place), upstreams)
        });
        let document = root.document();
        if read.is_empty() {
            document.contradiction(
                &["routes"],
                "there are no routes, so nothing would be served",
            );
        }
        let is_whole = read.iter().all(Option::is_some);
        let routes = Self::new(read.into_iter().flatten().collect());
        if is_whole {
            unreachable::check(document, &routes, sites);
        }
        routes
    }
}

/// A host, or a wildcard, that means hosts which the gateway accepts.
fn accepted_pattern(text: &str, sites: &Sites) -> Result<HostPattern, String> {
    let pattern = HostPattern::parse(text)?;
    let meant = pattern.to_string();
    let is_accepted = |host: &HostPattern| pattern.covers(&host.to_string()) || host.covers(&meant);
    let mut accepted = sites.iter().flat_map(|site| site.hosts.patterns());
    if accepted.any(is_accepted) {
        return Ok(pattern);
    }
    let key = if sites.are_named {
        "sites[].hosts"
    } else {
        "server.hosts"
    };
    Err(format!("{text:?} is no host that is accepted ({key})"))
}

/// Whether two routes are in one group of hosts, so that their paths must differ.
fn share_one(one: &[HostPattern], other: &[HostPattern]) -> bool {
    one.is_empty() && other.is_empty() || one.iter().any(|pattern| other.contains(pattern))
}

impl Route {
    fn read(
        route: &mut Reader<'_>,
        (index, place): (usize, Option<Place>),
        upstreams: &Upstreams,
    ) -> Option<Self> {
        route.require("path");
        let methods = route.texts("methods", Methods::parse);
        if methods.as_ref().is_some_and(Vec::is_empty) {
            let message = "is empty, so nothing would be served; leave it out for all methods";
            route.contradiction(&["methods"], message);
        }
        let destination = destination(route, upstreams);
        let visitors = Visitors::read(route);
        let csrf = route.choice(
            "csrf",
            &[("off", CsrfPolicy::Off), ("check", CsrfPolicy::Check)],
        );
        let cors_origins = route.texts("cors_origins", |text| Ok(Origin::parse(text)?.to_string()));
        let compress = route.choice(
            "compress",
            &[
                ("auto", Compress::Auto),
                ("off", Compress::Off),
                ("always", Compress::Always),
            ],
        );
        let log = route.choice(
            "log",
            &[
                ("all", LogPolicy::All),
                ("errors", LogPolicy::Errors),
                ("none", LogPolicy::None),
            ],
        );
        let log_path = route.flag("log_path");
        let strip_prefix = route.flag("strip_prefix").unwrap_or(false);
        let slashes = route.choice(
            "encoded_slashes",
            &[("reject", Slashes::Strict), ("pass", Slashes::AsRouted)],
        );
        let read_timeout = route.text("read_timeout", within(ms(1)..=hours(24)));
        let max_body_bytes = route.size("max_body_bytes", 1..=MAX_BODY_BYTES);
        let response_headers = response_headers(route);

        let (path, hosts) = place?;
        if strip_prefix && path.as_str() == "/" {
            route.contradiction(
                &["strip_prefix", "path"],
                "there is nothing to strip: the prefix is the root",
            );
        }
        Some(Self {
            index,
            label: label(&path, &hosts),
            hosts,
            path,
            methods: Methods::new(methods),
            destination: destination?,
            session: visitors.session,
            on_missing: visitors.on_missing,
            on_unknown: visitors.on_unknown,
            requirements: visitors.requirements,
            max_stale: visitors.max_stale,
            csrf: csrf.unwrap_or(CsrfPolicy::Off),
            compress: compress.unwrap_or(Compress::Auto),
            log: log.unwrap_or(LogPolicy::All),
            log_path: log_path.unwrap_or(true),
            cors_origins: cors_origins.unwrap_or_default(),
            strip_prefix,
            slashes: slashes.unwrap_or(Slashes::Strict),
            read_timeout,
            max_body_bytes,
            response_headers,
        })
    }
}

/// Who a route serves.
struct Visitors {
    session: SessionPolicy,
    on_missing: OnMissing,
    on_unknown: OnUnknown,
    max_stale: Duration,
    requirements: Requirements,
}

impl Visitors {
    fn read(route: &mut Reader<'_>) -> Self {
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
        let fresh = route.text("fresh", within(secs(1)..=hours(24 * 400)));
        let allow = route.lists("allow", |path, values| {
            let field = IdentityField::parse(path)?;
            if values.is_empty() {
                return Err("is empty, so nobody would get through".to_owned());
            }
            Ok(Allowed { field, values })
        });

        // Without `session`, a route is closed: a session is required. A redirect asks for none.
        let session = session.unwrap_or(match route.has("redirect") {
            true => SessionPolicy::None,
            false => SessionPolicy::Required,
        });
        let pointless = |key: &str, message: &str| route.contradiction(&[key, "session"], message);
        let needs_required = "has a meaning only with session = \"required\"";
        if on_missing.is_some() && session != SessionPolicy::Required {
            pointless("on_missing", needs_required);
        }
        if fresh.is_some() && session != SessionPolicy::Required {
            pointless("fresh", needs_required);
        }
        if !allow.is_empty() && session != SessionPolicy::Required {
            pointless("allow", needs_required);
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
        Self {
            session,
            on_missing: on_missing.unwrap_or(OnMissing::Auto),
            on_unknown: on_unknown.unwrap_or(OnUnknown::Unavailable),
            max_stale: max_stale.unwrap_or(Duration::ZERO),
            requirements: Requirements { fresh, allow },
        }
    }
}

/// An app, or another address.
fn destination(route: &mut Reader<'_>, upstreams: &Upstreams) -> Option<Destination> {
    let redirect = route.section("redirect", |redirect| {
        if !redirect.is_present() {
            return None;
        }
        redirect.require("to");
        let to = redirect.text("to", Template::parse);
        let status = redirect.number("status", 301..=308).unwrap_or(308);
        if !STATUSES.contains(&status) {
            let message = "is not one of 301, 302, 303, 307, 308";
            redirect.contradiction(&["status"], message);
        }
        Some(to.map(|to| Destination::Redirect(Redirect::new(to, status))))
    });
    let upstream = route
        .text("upstream", |name| upstreams.find(name))
        .flatten();
    route.require_one("upstream", "redirect");
    if !route.has("redirect") {
        return upstream.map(Destination::App);
    }
    for key in OF_APPS.iter().filter(|key| route.has(key)) {
        route.contradiction(
            &[*key, "redirect"],
            "has no meaning with redirect, which is for everybody and asks no app",
        );
    }
    redirect.flatten()
}

/// The fields that an answer gets, each once.
fn response_headers(route: &mut Reader<'_>) -> Vec<(http::HeaderName, http::HeaderValue)> {
    let mut seen = Vec::new();
    route.pairs("response_headers", |name, value| {
        let (name, value) = answer_fields::parse(name, value)?;
        if seen.contains(&name) {
            return Err("appears more than once; header names ignore case".to_owned());
        }
        seen.push(name.clone());
        Ok((name, value))
    })
}

/// What a route is called where paths alone are not enough.
fn label(path: &PathPrefix, hosts: &[HostPattern]) -> String {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    format!("{}{path}", hosts.join(","))
}
