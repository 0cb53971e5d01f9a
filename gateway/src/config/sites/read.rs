//! How sites are read.

use std::sync::Arc;

use session_core::session::{Group, SiteName};

use super::super::cookie::CookieConfig;
use super::super::domain::domain;
use super::super::host::Origin;
use super::super::hosts::{HostEntry, Hosts};
use super::super::reader::Reader;
use super::super::server::ServerConfig;
use super::login_url::Written;
use super::{LoginPage, OF_THE_ONE_SITE, Site, Sites, TenantFrom, trusted_origin};

impl Sites {
    /// Reads `[[sites]]`; without any, there is the one site that `server` and `cookie` describe.
    pub(in super::super) fn read(
        root: &mut Reader<'_>,
        server: &ServerConfig,
        cookie: &CookieConfig,
    ) -> Self {
        let are_named = root.has("sites");
        let read = root.tables("sites", |site| Site::read(site, cookie));
        let document = root.document();
        if are_named {
            for key in OF_THE_ONE_SITE {
                if document.holds(key) {
                    let message = "has its place in [[sites]]: each site says its own";
                    document.contradiction(&[key, "sites"], message);
                }
            }
            if read.is_empty() {
                document.contradiction(&["sites"], "is empty, so nothing would be served");
            }
        }
        let is_whole = read.iter().all(Option::is_some);
        let written: Vec<(Site, Written)> = read.into_iter().flatten().collect();
        let named = written.iter().enumerate().map(|(index, (site, login))| {
            let login = login.resolved((site, index), &written);
            let login = login.unwrap_or_else(|why| {
                document.contradiction(&[&format!("sites[{index}].login_url"), "sites"], why);
                LoginPage::Here("/login".to_owned())
            });
            Arc::new(Site {
                login,
                ..site.clone()
            })
        });
        let mut named = named.collect::<Vec<_>>().into_iter();
        match named.next() {
            Some(first) if is_whole => Self {
                first,
                others: named.collect(),
                are_named: true,
            },
            _ => Self {
                first: Arc::new(Site::only(server, cookie)),
                others: vec![],
                are_named: false,
            },
        }
    }
}

impl Site {
    /// The one site of a file without `[[sites]]`.
    fn only(server: &ServerConfig, cookie: &CookieConfig) -> Self {
        Self {
            name: SiteName::default(),
            origin: server.public_origin.clone(),
            hosts: server.hosts.clone(),
            login: LoginPage::Here(server.login_url.clone()),
            cookie: cookie.clone(),
            tenant_from: TenantFrom::None,
            group: Group::default(),
            trusted_origins: vec![],
            clear_domains: None,
        }
    }

    /// The site, and its login page as it is written.
    fn read(site: &mut Reader<'_>, cookie: &CookieConfig) -> Option<(Self, Written)> {
        site.require("name");
        site.require("origin");
        let name = site.text("name", |text| {
            SiteName::named(text).map_err(|why| format!("{text:?} {why}"))
        });
        let group = site.text("group", |text| {
            Group::named(text).map_err(|why| format!("{text:?} {why}"))
        });
        let origin = site.text("origin", Origin::parse);
        let hosts = site.texts("hosts", HostEntry::parse_with_wildcard);
        let login_url = site.text("login_url", Written::parse);
        let cookie = CookieConfig::read(site, cookie);
        let tenant_from = site.choice(
            "tenant_from",
            &[("none", TenantFrom::None), ("label", TenantFrom::Label)],
        );
        let trusted_origins = site.texts("trusted_origins", trusted_origin::parse);
        let clear_domains = site.texts("clear_domains", domain);
        let (name, origin) = (name?, origin?);
        let read = Self {
            group: match group {
                Some(group) => group,
                None => Group::named(name.as_str()).ok()?,
            },
            hosts: match hosts.filter(|hosts| !hosts.is_empty()) {
                Some(hosts) => Hosts::of(hosts, &origin),
                None => Hosts::of_origin(&origin),
            },
            name,
            origin,
            login: LoginPage::Here(String::new()),
            cookie,
            tenant_from: tenant_from.unwrap_or(TenantFrom::None),
            trusted_origins: trusted_origins.unwrap_or_default(),
            clear_domains,
        };
        Some((read, login_url.unwrap_or_default()))
    }
}
