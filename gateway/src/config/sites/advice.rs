//! What works on a site and is still worth a word.

use sidgate_policy::auth::decide::SessionPolicy;

use super::super::cookie::SameSite;
use super::super::domain::is_within;
use super::super::routes::{CsrfPolicy, Route};
use super::super::{Config, Host};
use super::{Site, TenantFrom};

impl Config {
    /// One line for each thing about a site that an operator may want to change.
    pub(in super::super) fn site_advice(&self) -> impl Iterator<Item = String> {
        let sites = self.sites.iter().enumerate();
        sites.flat_map(|(index, site)| {
            Advised {
                config: self,
                index,
                site,
            }
            .all()
        })
    }
}

/// A site of a configuration.
struct Advised<'a> {
    config: &'a Config,
    index: usize,
    site: &'a Site,
}

impl Advised<'_> {
    fn all(&self) -> Vec<String> {
        let once = [
            self.cookie(),
            self.origin(),
            self.login(),
            self.same_site(),
            self.shared_by_tenants(),
        ];
        let once = once.into_iter().flatten();
        once.chain(self.foreign_domains())
            .chain(self.clear_text_origins())
            .collect()
    }

    fn key(&self, key: &str) -> String {
        self.config.sites.key(self.index, key)
    }

    fn cookie(&self) -> Option<String> {
        let cookie = &self.site.cookie;
        let name = cookie.name.as_str();
        let is_local = self.site.origin.host.is_loopback();
        if let Some(domain) = &cookie.domain {
            return Some(format!(
                "{}: every subdomain of {domain} gets the sid of each visitor, and can plant another; a handover between sites shares logins without that",
                self.key("cookie.domain")
            ));
        }
        (cookie.secure && !is_local && !name.starts_with("__Host-")).then(|| {
            format!(
                "{}: \"__Host-{name}\" would keep subdomains and plain http from planting it",
                self.key("cookie.name")
            )
        })
    }

    fn origin(&self) -> Option<String> {
        let origin = &self.site.origin;
        let is_lost = self.site.cookie.secure && !origin.is_https() && !origin.host.is_loopback();
        is_lost.then(|| {
            format!(
                "{}: browsers keep no secure cookie of a plain http site",
                self.key("origin")
            )
        })
    }

    fn login(&self) -> Option<String> {
        let (login_url, routes) = (self.site.login.path()?, &self.config.routes);
        let is_unserved = |host: &String| {
            routes.may_redirect_on(host) && routes.route_for(host, login_url).is_none()
        };
        let host = self.site.hosts.names().find(is_unserved)?;
        Some(format!(
            "{}: no route serves {login_url:?} on {host}",
            self.key("login_url")
        ))
    }

    /// A browser then sends the session along with whatever any page makes it send.
    fn same_site(&self) -> Option<String> {
        if self.site.cookie.same_site != SameSite::None {
            return None;
        }
        let is_open =
            |route: &&Route| route.session != SessionPolicy::None && route.csrf == CsrfPolicy::Off;
        let open: Vec<_> = self
            .config
            .routes
            .iter()
            .filter(is_open)
            .map(ToString::to_string)
            .collect();
        (!open.is_empty()).then(|| {
            format!(
                "{}: with \"none\" pages of any site can write in the name of their visitor on the routes {}; set csrf = \"check\" there",
                self.key("cookie.same_site"),
                open.join(", ")
            )
        })
    }

    /// One browser then keeps one cookie for all tenants, so a login at one takes the place of that at another.
    fn shared_by_tenants(&self) -> Option<String> {
        let domain = self.site.cookie.domain.as_ref()?;
        (self.site.tenant_from == TenantFrom::Label).then(|| {
            format!(
                "{}: all tenants below {domain} share one cookie, so a login at one host ends that at another; without a domain each host keeps its own",
                self.key("cookie.domain")
            )
        })
    }

    /// Domains of old cookies whose cookies no host of the site could change.
    fn foreign_domains(&self) -> Vec<String> {
        let migration = &self.config.migration;
        let told = |key: &str, verb: &str, domains: &[Host], is_near: &dyn Fn(&Host) -> bool| {
            let foreign = domains.iter().filter(|domain| !is_near(domain));
            let told = foreign.map(|domain| {
                format!("{key}: browsers will not {verb} cookies of {domain} from here")
            });
            told.collect::<Vec<_>>()
        };
        let is_here = |domain: &Host| is_within(&self.site.origin.host.to_string(), domain);
        let own = self.site.clear_domains.as_deref().unwrap_or_default();
        let own = told(&self.key("clear_domains"), "clear", own, &is_here);
        if self.index > 0 {
            return own;
        }
        // These are for all sites.
        let is_anywhere = |domain: &Host| {
            let mut sites = self.config.sites.iter();
            sites.any(|site| is_within(&site.origin.host.to_string(), domain))
        };
        let cleared = &migration.clear_domains;
        let cleared = told("migration.clear_domains", "clear", cleared, &is_anywhere);
        let returned = migration.reissue_domain.as_slice();
        let returned = told("migration.reissue_domain", "take", returned, &is_anywhere);
        [own, cleared, returned].concat()
    }

    /// Origins without TLS: anybody on the network path can change their pages.
    fn clear_text_origins(&self) -> impl Iterator<Item = String> {
        let is_https = self.site.origin.is_https();
        let trusted = self.site.trusted_origins.iter();
        let clear = trusted.filter(move |origin| is_https && origin.starts_with("http://"));
        clear.map(|origin| {
            format!(
                "{}: anybody on the way can change the pages of {origin}, and they may act for their visitor",
                self.key("trusted_origins")
            )
        })
    }
}
