//! What is asked of the admin API: paths below [`BASE`], the same on both listeners.

use std::net::IpAddr;

use form_urlencoded::parse;
use serde::{Deserialize, Deserializer};
use session_core::service::Wait;
use session_core::session::{SiteName, Text, is_id};
use session_core::store::{Scope, Search};
use uuid::Uuid;

use crate::telemetry::history::Window;

use super::dashboard::{self, Asset};
use crate::answer::Rejection;

/// Where the admin API is.
pub(crate) const BASE: &str = "/api/admin";
/// Sessions on one page, unless the caller says otherwise.
const PAGE: usize = 100;
/// Most sessions on one page.
const PAGE_MAX: usize = 1_000;
/// Longest reason for a revocation, in characters.
const REASON_MAX: usize = 200;

/// A call of the admin API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
pub(crate) enum Call {
    /// `GET /sessions`
    Search,
    /// `GET /sessions/{id}`; `None` when it is not a valid id.
    Show(Option<Uuid>),
    /// `POST /revocations`
    Revoke,
    /// `POST /explain`: what happens with a request, and why.
    Explain,
    /// `POST /reload`: has the configuration read again.
    Reload,
    /// `POST /upgrade`: has a new process take the place of this one.
    Upgrade,
    /// `GET /drill`: what a drill is told about this node.
    DrillStatus,
    /// `POST /drill`: has this node make a fault on purpose.
    Drill,
    /// `GET /nodes`
    Nodes,
    /// `GET /migration`: what is left of the old logins.
    Migration,
    /// `GET /stats`: what the dashboard draws.
    Stats,
    /// The dashboard's page, or what it is made of.
    Page(&'static Asset),
    /// `GET /openapi.json`
    OpenApi,
    /// A method that the path does not know; the value of `Allow`.
    OtherMethod(&'static str),
    /// A path below the base path that is nothing.
    Unknown,
}

impl Call {
    /// The call at `path`; `None` when the path is not below [`BASE`].
    #[must_use]
    pub(crate) fn find(method: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(BASE)?;
        if !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        let known = match rest {
            "/sessions" => Self::Search,
            "/revocations" if method == "POST" => Self::Revoke,
            "/explain" if method == "POST" => Self::Explain,
            "/reload" if method == "POST" => Self::Reload,
            "/upgrade" if method == "POST" => Self::Upgrade,
            "/revocations" | "/explain" | "/reload" | "/upgrade" => Self::OtherMethod("POST"),
            "/drill" if method == "POST" => Self::Drill,
            "/drill" => Self::DrillStatus,
            "/nodes" => Self::Nodes,
            "/migration" => Self::Migration,
            "/openapi.json" => Self::OpenApi,
            "/stats" => Self::Stats,
            _ => match rest.strip_prefix("/sessions/") {
                Some(id) if !id.is_empty() && !id.contains('/') => {
                    Self::Show(Uuid::try_parse(id).ok())
                }
                _ => dashboard::asset(rest).map_or(Self::Unknown, Self::Page),
            },
        };
        let reads = !known.has_body()
            && !matches!(
                known,
                Self::Reload | Self::Upgrade | Self::OtherMethod(_) | Self::Unknown
            );
        Some(if reads && !matches!(method, "GET" | "HEAD") {
            Self::OtherMethod(match known {
                Self::DrillStatus => "GET, HEAD, POST",
                _ => "GET, HEAD",
            })
        } else {
            known
        })
    }

    /// Whether it is a POST, whose body says what is asked.
    #[must_use]
    pub(crate) const fn has_body(self) -> bool {
        matches!(self, Self::Revoke | Self::Explain | Self::Drill)
    }

    /// Whether it says nothing about anybody, and so needs no permission.
    #[must_use]
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::OpenApi | Self::Page(_))
    }
}

/// The history that a query asks for.
///
/// # Errors
/// `400` that names the parameter.
pub(super) fn stats(query: &str) -> Result<(Window, i64), Rejection> {
    let (mut window, mut since) = (Window::Quarter, 0);
    for (name, value) in parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("window", "15m") => window = Window::Quarter,
            ("window", "24h") => window = Window::Day,
            ("since", value) if value.parse::<i64>().is_ok() => since = value.parse().unwrap_or(0),
            _ => {
                return Err(Rejection::invalid(
                    "window is 15m or 24h, since is in unix seconds",
                ));
            }
        }
    }
    Ok((window, since))
}

/// The search that a query asks for.
///
/// # Errors
/// `400` that names the parameter.
pub(super) fn search(query: &str) -> Result<Search, Rejection> {
    let mut search = Search {
        limit: PAGE,
        ..Search::default()
    };
    let mut seen: Vec<String> = vec![];
    for (name, value) in parse(query.as_bytes()) {
        let bad = |why: &str| Rejection::invalid(format!("{name} {why}"));
        if seen.iter().any(|other| *other == name) {
            return Err(bad("appears more than once"));
        }
        seen.push(name.clone().into_owned());
        match &*name {
            "user" => search.user_id = Some(id(&value).ok_or_else(|| bad("is not a valid id"))?),
            "tenant" => {
                search.tenant_id = Some(id(&value).ok_or_else(|| bad("is not a valid id"))?)
            }
            "ip" => {
                let ip: IpAddr = value
                    .parse()
                    .map_err(|_error| bad("is not an IP address"))?;
                search.ip = Some(ip);
            }
            "site" => {
                let site = SiteName::named(&value).map_err(|_error| bad("is no name of a site"))?;
                search.site = Some(site);
            }
            "after" => {
                let after = Uuid::try_parse(&value).map_err(|_error| bad("is not a valid id"))?;
                search.after = Some(after);
            }
            "limit" => {
                let limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=PAGE_MAX).contains(limit));
                search.limit = limit.ok_or_else(|| bad("must be 1 to 1000"))?;
            }
            _ => {
                return Err(Rejection::invalid(format!(
                    "{name} is not a known parameter"
                )));
            }
        }
    }
    Ok(search)
}

/// What to end, why, and whether to wait for every node.
#[derive(Debug)]
pub(super) struct Revocation {
    pub(super) scope: Scope,
    pub(super) reason: String,
    pub(super) wait: Wait,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default, deserialize_with = "present")]
    id: Option<Uuid>,
    #[serde(default, deserialize_with = "present")]
    user: Option<String>,
    #[serde(default, deserialize_with = "present")]
    tenant: Option<String>,
    #[serde(default, deserialize_with = "present")]
    all: Option<bool>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    wait: FormWait,
}

/// A field that is there has a value. A script that meant a user and has none (`null`) must not end anything.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormWait {
    None,
    #[default]
    All,
}

/// The revocation that a body asks for.
///
/// # Errors
/// `400`, unless it names exactly one kind of sessions.
pub(super) fn revocation(body: &[u8]) -> Result<Revocation, Rejection> {
    let bad = |why: &'static str| Rejection::invalid(why);
    let form: Form = serde_json::from_slice(body)
        .map_err(|_error| bad("The body must be a JSON object as documented"))?;
    let exactly_one = "Exactly one of id, user, tenant and all must be named";
    let scope = match (form.id, form.user, form.tenant, form.all) {
        (Some(id), None, None, None) => Scope::Handle {
            id,
            user_id: None,
            group: None,
        },
        (None, Some(user), None, None) => {
            Scope::User(id(&user).ok_or_else(|| bad("user is not a valid id"))?)
        }
        (None, None, Some(tenant), None) => {
            Scope::Tenant(id(&tenant).ok_or_else(|| bad("tenant is not a valid id"))?)
        }
        (None, None, None, Some(true)) => Scope::All,
        _ => return Err(bad(exactly_one)),
    };
    if form.reason.chars().count() > REASON_MAX || form.reason.chars().any(char::is_control) {
        return Err(bad("reason must be at most 200 characters on one line"));
    }
    Ok(Revocation {
        scope,
        reason: form.reason,
        wait: match form.wait {
            FormWait::None => Wait::None,
            FormWait::All => Wait::All,
        },
    })
}

/// An id as identities may have it.
fn id(text: &str) -> Option<Text> {
    is_id(text).then(|| text.into())
}

#[cfg(test)]
mod tests;
