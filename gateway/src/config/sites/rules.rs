//! Contradictions within sites, and between them.

use super::super::cookie::SameSite;
use super::super::file::Document;
use super::{LoginPage, Site, Sites, TenantFrom};

/// Each site can be reached and can keep its sessions, and no two of them can be taken for each other.
pub(in super::super) fn check(document: &Document<'_>, sites: &Sites) {
    for (index, site) in sites.iter().enumerate() {
        let place = Place {
            document,
            sites,
            index,
        };
        place.cookie(site);
        if sites.are_named {
            place.hosts(site);
            place.tenants(site);
            let before = sites.iter().take(index).enumerate();
            for (other, earlier) in before {
                place.apart(site, (other, earlier));
            }
        }
    }
}

/// A site, and where it stands in the file.
struct Place<'p> {
    document: &'p Document<'p>,
    sites: &'p Sites,
    index: usize,
}

impl Place<'_> {
    /// Says that something is wrong with keys of this site.
    fn wrong(&self, keys: &[&str], message: impl Into<String>) {
        let keys: Vec<String> = keys
            .iter()
            .map(|key| self.sites.key(self.index, key))
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.document.contradiction(&keys, message);
    }

    /// The sid travels in clear text only to this machine, and every host that sets the cookie may set it.
    fn cookie(&self, site: &Site) {
        let origin = &site.origin;
        if !site.cookie.secure && (origin.is_https() || !origin.host.is_loopback()) {
            let origin = self.sites.key(self.index, "origin");
            let message =
                format!("false is possible only while {origin} is http on a loopback name");
            self.wrong(&["cookie.secure", "origin"], message);
        }
        if matches!(site.login, LoginPage::At(_)) && site.cookie.same_site == SameSite::Strict {
            let message = "\"strict\" keeps the cookie back from whoever comes from another site, and so from the login page of one";
            self.wrong(&["cookie.same_site", "login_url"], message);
        }
        if let Some(domain) = &site.cookie.domain
            && let Some(host) = site.hosts.outside(domain)
        {
            let message = format!(
                "browsers take no cookie for {domain} from {host}, which is a host of the site"
            );
            self.wrong(&["cookie.domain", "hosts"], message);
        }
    }

    fn hosts(&self, site: &Site) {
        let origin = &site.origin;
        if !site.hosts.names_whole(&origin.host, origin.port) {
            let message = format!("does not name {}, the host of origin", origin.authority());
            self.wrong(&["hosts", "origin"], message);
        }
    }

    fn tenants(&self, site: &Site) {
        if site.tenant_from == TenantFrom::Label && !site.hosts.has_wildcard() {
            let message =
                "\"label\" is what \"*\" of a host stands for, and no host of the site has one";
            self.wrong(&["tenant_from", "hosts"], message);
        }
    }

    /// Two sites share no name and no host, no two groups could be taken for one, and browsers send each site one cookie.
    fn apart(&self, site: &Site, (other, earlier): (usize, &Site)) {
        if site.name == earlier.name {
            self.wrong(&["name"], format!("is the name of sites[{other}] too"));
        }
        if let Some(host) = site.hosts.shared_with(&earlier.hosts) {
            self.wrong(
                &["hosts"],
                format!("{host} is a host of sites[{other}] too"),
            );
        }
        if site.group != earlier.group && site.group.shares_tag_with(&earlier.group) {
            let message = format!(
                "cannot be told from the group {} of sites[{other}]; choose another name",
                earlier.group
            );
            self.wrong(&["group", "name"], message);
        }
        let (own, theirs) = (&site.cookie, &earlier.cookie);
        if own.name != theirs.name {
            return;
        }
        if own.domain == theirs.domain {
            if let Some(domain) = &own.domain
                && site.group != earlier.group
            {
                let message = format!(
                    "a login here would take the place of one at sites[{other}], which has the cookie {:?} of {domain} too and is of another group",
                    own.name.as_str()
                );
                self.wrong(&["cookie.name", "cookie.domain", "group"], message);
            }
            return;
        }
        let reached = |site: &Site, by: &Site| {
            let domain = by.cookie.domain.as_ref()?;
            site.hosts.inside(domain)
        };
        if let Some(host) = reached(site, earlier).or_else(|| reached(earlier, site)) {
            let message = format!(
                "browsers would send {host} two cookies of the name {:?}, its own and that of a domain above; give sites[{other}] and this site different names",
                own.name.as_str()
            );
            self.wrong(&["cookie.name", "cookie.domain"], message);
        }
    }
}
