//! Contradictions between sections: each value is fine alone, and wrong together with another.
//!
//! Each rule names the key to change first and all keys it looked at. It stays silent where one of those is already
//! faulty, because it then saw only the default in its place.

use std::sync::Arc;

use ipnet::IpNet;
use sidgate_policy::auth::decide::SessionPolicy;

use super::admin::AdminConfig;
use super::authz::AuthzConfig;
use super::cookie::CookieName;
use super::duration::show;
use super::edge::{EdgeConfig, EndpointsConfig, PasswordLogin};
use super::file::Document;
use super::identity::IdentityConfig;
use super::insecure::InsecureConfig;
use super::listen_address::ListenAddress;
use super::migration::{MigrationConfig, MigrationMode};
use super::routes::{Route, Routes};
use super::server::{ServerConfig, is_everybody};
use super::session::SessionConfig;
use super::sites::Sites;
use super::upstreams::{BackendConfig, Upstream};

/// Listeners, the admin listener included, share no address, and believe nobody at random. Beyond loopback the admin listener
/// needs a token.
pub(super) fn listeners(
    document: &Document<'_>,
    (server, authz): (&ServerConfig, Option<&AuthzConfig>),
    (admin, insecure): (&AdminConfig, &InsecureConfig),
    sites: &Sites,
) {
    trusted_proxies(document, (server, authz), insecure);
    let tls = server
        .tls
        .as_ref()
        .map(|tls| tls.listen.as_slice())
        .unwrap_or_default();
    let tls = tls.iter().copied().map(ListenAddress::from);
    let mut public: Vec<(String, ListenAddress)> = Vec::new();
    for (key, addresses) in [
        ("server.listen", server.listen.clone()),
        ("server.tls.listen", tls.collect()),
    ] {
        for (index, address) in addresses.into_iter().enumerate() {
            let entry = format!("{key}[{index}]");
            if let Some((other, _)) = public.iter().find(|(_, other)| clash(other, &address)) {
                document.contradiction(
                    &[key, "server.listen"],
                    format!("{entry} is already taken by {other}"),
                );
            }
            public.push((entry, address));
        }
    }
    let admin_listen = server.admin_listen.into();
    if let Some((other, _)) = public.iter().find(|(_, other)| clash(other, &admin_listen)) {
        let message = format!(
            "is already taken by {other}; metrics and admin API never share a public listener"
        );
        document.contradiction(
            &["server.admin_listen", "server.listen", "server.tls.listen"],
            message,
        );
    }
    if let Some(authz) = authz {
        public.push(("server.admin_listen".to_owned(), admin_listen));
        listeners_of_edges(document, authz, &public);
        public.pop();
    }
    if public.is_empty() {
        document.contradiction(
            &["server.listen", "server.tls"],
            "is empty and there is no [server.tls]",
        );
    }
    if !server.admin_listen.ip().is_loopback() && admin.token.is_none() {
        let message = "must be set, because server.admin_listen is not loopback";
        document.contradiction(&["admin.token", "server.admin_listen"], message);
    }
    if server.acme_dir.is_some() && server.listen.is_empty() {
        let message = "is served by plain listeners, and there is none";
        document.contradiction(&["server.acme_dir", "server.listen"], message);
    }
    if server.redirect_https {
        for (index, _) in sites
            .iter()
            .enumerate()
            .filter(|(_, site)| !site.origin.is_https())
        {
            let origin = sites.key(index, "origin");
            let message =
                format!("would send browsers back to the plain listener: {origin} is not https");
            document.contradiction(&["server.redirect_https", &origin], message);
        }
    }
}

/// Questions have a listener of their own.
fn listeners_of_edges(
    document: &Document<'_>,
    authz: &AuthzConfig,
    others: &[(String, ListenAddress)],
) {
    for (index, address) in authz.listen.iter().enumerate() {
        let before = authz.listen.iter().take(index);
        let before = before.map(|other| ("authz.listen", other));
        let mut others = others
            .iter()
            .map(|(entry, other)| (entry.as_str(), other))
            .chain(before);
        if let Some((other, _)) = others.find(|(_, other)| clash(other, address)) {
            let message = format!("authz.listen[{index}] is already taken by {other}");
            let keys = [
                "authz.listen",
                "server.listen",
                "server.tls.listen",
                "server.admin_listen",
            ];
            document.contradiction(&keys, message);
        }
    }
}

/// Whether two listeners exclude each other. Port 0 is a fresh port each time.
fn clash(a: &ListenAddress, b: &ListenAddress) -> bool {
    let (a, b) = match (a, b) {
        (ListenAddress::Tcp(a), ListenAddress::Tcp(b)) => (a, b),
        (ListenAddress::Unix(a), ListenAddress::Unix(b)) => return a.path == b.path,
        _ => return false,
    };
    let same_family = a.is_ipv4() == b.is_ipv4();
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_family && same_ip
}

/// No list of proxies is the whole Internet: every client could then choose the address it is known by.
fn trusted_proxies(
    document: &Document<'_>,
    (server, authz): (&ServerConfig, Option<&AuthzConfig>),
    insecure: &InsecureConfig,
) {
    let of_edges = authz.map(|authz| ("authz.trusted_edges", &authz.trusted_edges));
    let lists = [
        ("server.trusted_proxies", &server.trusted_proxies),
        ("server.proxy_protocol_from", &server.proxy_protocol_from),
    ];
    for (key, named) in lists.into_iter().chain(of_edges) {
        // Two networks may together be the whole Internet.
        let together = IpNet::aggregate(&named.networks);
        let everybody = together.iter().find(|network| is_everybody(network));
        if let Some(network) = everybody.filter(|_| !insecure.trust_everybody) {
            let message = format!(
                "\"{network}\" trusts everybody to say who they are; name the proxies (or set insecure.trust_everybody)"
            );
            document.contradiction(&[key, "insecure.trust_everybody"], message);
        }
    }
}

/// The app that knows the users has a server where it is asked something.
pub(super) fn backend(
    document: &Document<'_>,
    (backend, authz): (Option<&BackendConfig>, Option<&AuthzConfig>),
    endpoints: &EndpointsConfig,
    migration: &MigrationConfig,
) {
    let upstream = backend.map(|backend| &backend.upstream);
    // Without [authz] an app without servers is a fault by itself.
    let Some(upstream) = upstream.filter(|of| of.servers.is_empty() && authz.is_some()) else {
        return;
    };
    let asks = [
        (
            endpoints.password_login != PasswordLogin::Off,
            "endpoints.password_login",
        ),
        (migration.mode != MigrationMode::Off, "migration.mode"),
    ];
    for (_, asker) in asks.into_iter().filter(|(asks, _)| *asks) {
        let key = format!("upstreams.{}.servers", upstream.name);
        let message = format!("is empty, and {asker} has this app asked about users");
        document.contradiction(&[&key, asker], message);
    }
}

/// The way to the login page must not need a login.
pub(super) fn login(
    document: &Document<'_>,
    sites: &Sites,
    routes: &Routes,
    endpoints: &EndpointsConfig,
) {
    for (index, site) in sites.iter().enumerate() {
        let key = sites.key(index, "login_url");
        let keys = [key.as_str(), "routes", "endpoints.base_path"];
        let Some(login_url) = site.login.path() else {
            continue;
        };
        if endpoints.base_path.covers(login_url) {
            document.contradiction(
                &keys,
                "lies inside endpoints.base_path, where no page is served",
            );
        }
        let is_closed = |route: &&Arc<Route>| route.session == SessionPolicy::Required;
        let closed = |host: String| {
            let serving = routes.route_for(&host, login_url).filter(is_closed)?;
            routes.may_redirect_on(&host).then(|| Arc::clone(serving))
        };
        if let Some(route) = site.hosts.names().find_map(closed) {
            let message =
                format!("is served by route {route}, which needs a session: nobody could log in");
            document.contradiction(&keys, message);
        }
    }
}

/// Endpoints do not hide the path of health checks.
pub(super) fn health_path(
    document: &Document<'_>,
    server: &ServerConfig,
    endpoints: &EndpointsConfig,
) {
    if let Some(path) = &server.health_path
        && endpoints.base_path.covers(path)
    {
        let message = "lies inside endpoints.base_path, where endpoints answer";
        document.contradiction(&["server.health_path", "endpoints.base_path"], message);
    }
}

/// Old cookies can be given back.
fn rollback(document: &Document<'_>, migration: &MigrationConfig, session: &SessionConfig) {
    let key = "migration.rollback_reissue";
    if session.rotate_every.is_some() {
        let message = "cannot be set together with session.rotate_every: old cookies are kept under the first sid";
        document.contradiction(&[key, "session.rotate_every"], message);
    }
    if migration.credentials.is_empty() {
        let message = "needs migration.credentials: nobody could say which cookies are to return";
        document.contradiction(&[key, "migration.credentials"], message);
    }
}

/// `reissue_readable` names only cookies that can be given back.
fn reissued(document: &Document<'_>, migration: &MigrationConfig) {
    for name in &migration.reissue_readable {
        if !migration.credentials.contains(name) {
            let message = format!("{} is not among migration.credentials", name.as_str());
            let keys = ["migration.reissue_readable", "migration.credentials"];
            document.contradiction(&keys, message);
        }
    }
}

/// Old cookies can be told from the new one, and what is promised about them can be kept.
pub(super) fn migration(
    document: &Document<'_>,
    migration: &MigrationConfig,
    session: &SessionConfig,
    sites: &Sites,
) {
    for (index, site) in sites.iter().enumerate() {
        let cookie = &site.cookie;
        let (own, key) = (cookie.name.as_str(), sites.key(index, "cookie.name"));
        let message = format!("matches {own:?}, the cookie of the session itself");
        if migration.credentials.contains(&cookie.name) {
            document.contradiction(&["migration.credentials", &key], message.as_str());
        }
        let mut companions = migration.companions.iter();
        if companions.any(|pattern| pattern.matches(own)) {
            document.contradiction(&["migration.companions", &key], message.as_str());
        }
    }
    for pattern in &migration.companions_passthrough {
        if migration
            .credentials
            .iter()
            .any(|name| pattern.matches(name.as_str()))
        {
            let message = format!("{pattern} matches a credential, which no app gets to see");
            document.contradiction(
                &["migration.companions_passthrough", "migration.credentials"],
                message,
            );
        } else if !migration
            .companions
            .iter()
            .any(|companion| companion.includes(pattern))
        {
            let message = format!("{pattern} is not among migration.companions");
            document.contradiction(
                &["migration.companions_passthrough", "migration.companions"],
                message,
            );
        }
    }
    if migration.clear_paths.is_empty() {
        document.contradiction(
            &["migration.clear_paths"],
            "is empty, so nothing could be cleared",
        );
    }
    if migration.rollback_reissue {
        rollback(document, migration, session);
    }
    reissued(document, migration);
    if migration.mode == MigrationMode::Off {
        return;
    }
    if migration.credentials.is_empty() {
        let message = "is empty, so there is nothing to migrate";
        document.contradiction(&["migration.credentials", "migration.mode"], message);
    }
    if migration.tombstone_ttl < session.absolute_timeout {
        let timeout = show(session.absolute_timeout);
        let message = format!(
            "is shorter than session.absolute_timeout ({timeout}): an ended session could come back"
        );
        document.contradiction(
            &["migration.tombstone_ttl", "session.absolute_timeout"],
            message,
        );
    }
}

/// A marker is not mistaken for a cookie that means something.
pub(super) fn markers(
    document: &Document<'_>,
    upstreams: &[Arc<Upstream>],
    sites: &Sites,
    migration: &MigrationConfig,
) {
    for upstream in upstreams {
        let Some(name) = upstream.cookie_marker.as_ref().map(CookieName::as_str) else {
            continue;
        };
        let key = format!("upstreams.{}.cookie_marker", upstream.name);
        let is_legacy = || {
            let mut credentials = migration.credentials.iter();
            credentials.any(|credential| credential.as_str() == name)
                || migration.companions.iter().any(|old| old.matches(name))
        };
        let mut of_sites = sites.iter();
        if let Some(index) = of_sites.position(|site| site.cookie.name.as_str() == name) {
            let message = format!("{name:?} is the cookie of the session itself");
            document.contradiction(&[&key, &sites.key(index, "cookie.name")], message);
        } else if is_legacy() {
            let message = format!("{name:?} is a cookie of the old system");
            document.contradiction(
                &[&key, "migration.credentials", "migration.companions"],
                message,
            );
        }
    }
}

/// A header that carries the identity comes from the gateway alone.
pub(super) fn headers(document: &Document<'_>, edge: &EdgeConfig, identity: &IdentityConfig) {
    for (name, _) in &identity.headers {
        if edge.passthrough_headers.contains(name) {
            let message = format!("lets clients send {name}, which identity.headers fills");
            document.contradiction(&["edge.passthrough_headers", "identity.headers"], message);
        }
    }
}
