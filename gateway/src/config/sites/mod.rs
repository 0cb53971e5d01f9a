//! `[[sites]]`: the names under which browsers know the gateway, and what belongs to each of them: cookie, login page, sessions,
//! tenants.
//!
//! There is always one. Without `[[sites]]` it is called `default`, and `server.public_origin`, `server.hosts`,
//! `server.login_url` and `[cookie]` say what it is.

mod advice;
mod login_url;
mod per_site;
mod read;
mod rules;
mod trusted_origin;

use std::sync::Arc;

use session_core::session::{Group, SiteName};
use sidgate_policy::edge::HostSet;
use sidgate_policy::edge::host::InvalidHost;

pub(crate) use self::per_site::PerSite;
pub(super) use self::rules::check;
use super::cookie::CookieConfig;
use super::host::{Host, Origin};
use super::hosts::Hosts;

/// Keys whose place is in `[[sites]]`, if there are any.
pub(super) const OF_THE_ONE_SITE: [&str; 3] =
    ["server.public_origin", "server.hosts", "server.login_url"];

/// Hosts that are one place to their visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// What it is called in logs, metrics and assertions.
    pub name: SiteName,
    /// What browsers have in their address bar.
    pub origin: Origin,
    /// Accepted `Host` values.
    pub hosts: Hosts,
    /// Where a visitor without a session is sent.
    pub login: LoginPage,
    /// The cookie that carries the sid.
    pub cookie: CookieConfig,
    /// Which tenant a host belongs to.
    pub tenant_from: TenantFrom,
    /// Whose sessions it accepts: sites of one group share theirs.
    pub group: Group,
    /// Origins whose pages may call the endpoints of the gateway with the cookie, as browsers write them.
    pub trusted_origins: Vec<String>,
    /// Domains for which old cookies are cleared besides the host itself; `None`: those of `[migration]`.
    pub clear_domains: Option<Vec<Host>>,
}

/// Where people log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginPage {
    /// At this path of the site, spelled as the operator did.
    Here(String),
    /// At another site of the group, which hands the login over: the number of the site.
    At(usize),
}

impl LoginPage {
    /// The path, where it is one of the site itself.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Here(path) => Some(path),
            Self::At(_) => None,
        }
    }
}

/// Where the tenant of a host is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantFrom {
    /// Nowhere: sessions of all tenants count at every host.
    None,
    /// In the label that the wildcard of the host stands for. A host without such a label is for sessions without tenant.
    Label,
}

/// All sites; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sites {
    first: Arc<Site>,
    others: Vec<Arc<Site>>,
    /// Whether the file has `[[sites]]`.
    pub are_named: bool,
}

impl Sites {
    /// The first one, which stands for all where no request says which one is meant.
    #[must_use]
    pub fn first(&self) -> &Site {
        &self.first
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The accepted hosts, each with the number of its site.
    ///
    /// # Errors
    /// The first name that is no host.
    pub(crate) fn host_set(&self) -> Result<HostSet, InvalidHost> {
        let mut hosts = HostSet::default();
        for (number, site) in self.iter().enumerate() {
            let default_port = site.origin.scheme.default_port();
            hosts.add(number, site.hosts.authorities(), default_port)?;
        }
        Ok(hosts.tolerate_root_dot())
    }

    /// The site that serves a `Host` of this text, with its number, and the first one where none does.
    pub(crate) fn at(&self, host: &str) -> (usize, &Site) {
        let number = self.host_set().ok().and_then(|hosts| {
            let served = hosts.named(host.as_bytes())?;
            Some(served.site())
        });
        let mut sites = self.iter().enumerate();
        let found = sites.find(|(at, _)| Some(*at) == number);
        found.map_or((0, self.first()), |(at, site)| (at, site))
    }

    /// The accepted hosts of all sites without ports, as [`Hosts::names`].
    pub(super) fn host_names(&self) -> impl Iterator<Item = String> {
        self.iter().flat_map(|site| site.hosts.names())
    }

    /// What `site` is called in logs, metrics and assertions, if it has a name.
    #[must_use]
    pub fn label(&self, site: &Site) -> Option<Arc<str>> {
        self.are_named.then(|| site.name.as_str().into())
    }

    /// Whether browsers use TLS everywhere.
    #[must_use]
    pub fn are_https(&self) -> bool {
        self.iter().all(|site| site.origin.is_https())
    }

    /// The place of one of its keys in the file.
    pub(crate) fn key(&self, index: usize, key: &str) -> String {
        if self.are_named {
            return format!("sites[{index}].{key}");
        }
        match key {
            "origin" => "server.public_origin".to_owned(),
            "hosts" | "login_url" => format!("server.{key}"),
            other => other.to_owned(),
        }
    }
}
