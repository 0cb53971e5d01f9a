//! What works and is still worth a word: lines for `check` and for the log of a start.

use http::Uri;
use ipnet::IpNet;
use session_core::cache::redis::RedisUrl;
use session_core::store::postgres;
use sidgate_policy::auth::decide::SessionPolicy;

use super::duration::{mins, show};
use super::routes::Route;
use super::{Config, Host, OddHeaderNames, PasswordLogin, StoreUrl, Upstream};

impl Config {
    /// One line for each thing an operator may want to change. Contains no secret.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let general = [
            self.idle_advice(),
            self.password_advice(),
            self.store_advice(),
            self.redis_advice(),
            self.header_advice(),
            self.file_advice(),
            self.admin_advice(),
            self.drill_advice(),
            self.webhook_advice(),
            self.plain_listener_advice(),
            self.nameless_advice(),
            self.edge_advice(),
        ];
        self.site_advice()
            .chain(general.into_iter().flatten())
            .chain(self.insecure.warnings())
            .chain(self.routes_with_a_weaker_way())
            .chain(self.unused_upstreams())
            .chain(self.vast_networks())
            .chain(self.clear_text_origins())
            .chain(self.long_stale())
            .collect()
    }

    /// A connection to PostgreSQL that the network could read or change.
    fn store_advice(&self) -> Option<String> {
        let StoreUrl::Postgres(url) = &self.store.url else {
            return None;
        };
        postgres::may_be_clear_text(url).then(|| {
            "store.url: sessions and password may cross the network in clear text; add sslmode=require".to_owned()
        })
    }

    fn redis_advice(&self) -> Option<String> {
        let redis = self.cache.redis_url.as_ref()?;
        let url = RedisUrl::read(&redis.url).ok();
        if redis.tls || url.as_ref().is_some_and(RedisUrl::is_local) {
            return None;
        }
        let has_password =
            self.cache.password.is_some() || url.is_some_and(|url| url.has_password());
        let said = match has_password {
            true => "the password crosses the network in clear text; use rediss://",
            false => {
                "whoever reaches Redis may empty or stop it; give it a password, and use rediss://"
            }
        };
        Some(format!("cache.redis_url: {said}"))
    }

    fn header_advice(&self) -> Option<String> {
        (self.edge.odd_header_names == OddHeaderNames::Drop).then(|| {
            "edge.odd_header_names: \"drop\" serves requests that only an attack or a mistake sends".to_owned()
        })
    }

    /// Whoever can read a password in the file needs no other way in.
    fn file_advice(&self) -> Option<String> {
        let file = self.open_password.as_ref()?.display();
        Some(format!(
            "{file} holds a password and everybody on this machine may read it: type chmod 600 {file}, or write ${{NAME}} in its place"
        ))
    }

    /// What an edge sends to the public listener has its own address, unless it is believed about the client's.
    fn edge_advice(&self) -> Option<String> {
        (self.authz.is_some() && self.server.trusted_proxies.are_none()).then(|| {
            "server.trusted_proxies: logins by way of an edge have the address of the edge, and share its limits; name the edge here as well"
                .to_owned()
        })
    }

    /// The listener speaks no TLS.
    fn admin_advice(&self) -> Option<String> {
        let (listen, has_token) = (self.server.admin_listen, self.admin.token.is_some());
        (has_token && !listen.ip().is_loopback()).then(|| {
            "server.admin_listen: the token crosses the network in clear text; listen on 127.0.0.1, or let only a trusted network reach it"
                .to_owned()
        })
    }

    fn drill_advice(&self) -> Option<String> {
        self.admin.drills.then(|| {
            "admin.drills: whoever may use the admin listener can take this node out of service for seconds; only for a staging fleet"
                .to_owned()
        })
    }

    fn webhook_advice(&self) -> Option<String> {
        let url = self.risk.webhook.as_ref()?.url.expose();
        let rest = url.strip_prefix("http://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let is_near = host
            .parse::<Uri>()
            .ok()
            .and_then(|uri| Host::parse(uri.host()?).ok())
            .is_some_and(|host| host.is_loopback());
        (!is_near).then(|| {
            "risk.webhook_url: who your users are and where they are crosses the network in clear text; use https://"
                .to_owned()
        })
    }

    /// TLS is on, but plain listeners serve logins and cookies in clear text.
    fn plain_listener_advice(&self) -> Option<String> {
        let server = &self.server;
        let is_reached = server.listen.iter().any(|address| !address.is_local());
        (server.tls.is_some() && is_reached && !server.redirect_https).then(|| {
            "server.redirect_https: server.listen serves the same in clear text; set it to true, or listen on 127.0.0.1"
                .to_owned()
        })
    }

    /// Whoever comes by a Unix socket has no address, and limits count all of them as one client.
    fn nameless_advice(&self) -> Option<String> {
        let server = &self.server;
        let listens = server.listen.iter().any(|address| address.tcp().is_none());
        let is_named = server.trusted_proxies.unix || server.proxy_protocol_from.unix;
        (listens && !is_named).then(|| {
            "server.trusted_proxies: without \"unix\" nobody says who comes by the unix socket of server.listen, and limits count all of them as one client"
                .to_owned()
        })
    }

    /// A proxy is believed about the address and the scheme of every client.
    fn vast_networks(&self) -> impl Iterator<Item = String> {
        let vast = self
            .server
            .trusted_proxies
            .networks
            .iter()
            .filter(|network| is_vast(network));
        vast.map(|network| {
            format!("server.trusted_proxies: \"{network}\" is a large part of the Internet; name the networks of the proxies")
        })
    }

    /// Origins without TLS: anybody on the network path can change their pages.
    fn clear_text_origins(&self) -> impl Iterator<Item = String> {
        let is_https = self.sites.are_https();
        let origins = self.routes.iter().flat_map(|route| &route.cors_origins);
        let clear = origins.filter(move |origin| is_https && origin.starts_with("http://"));
        clear.map(|origin| {
            format!("routes[].cors_origins: anybody on the way can change the pages of {origin}, and they may read the answers")
        })
    }

    /// Routes that require a session, and accept an ended one for more than a minute while the store is away.
    fn long_stale(&self) -> impl Iterator<Item = String> {
        let long = self
            .routes
            .iter()
            .filter(|route| route.session == SessionPolicy::Required && route.max_stale > mins(1));
        long.map(|route| {
            format!(
                "routes[].max_stale: on {route} a session that was ended is served for {} more while the store is away",
                show(route.max_stale)
            )
        })
    }

    fn idle_advice(&self) -> Option<String> {
        (self.session.idle_timeout < mins(2)).then(|| {
            "session.idle_timeout: use is written once a minute, so below 2m a session in use may end"
                .to_owned()
        })
    }

    /// Routes are matched on paths as they are sent, and an app may serve one page under several.
    fn routes_with_a_weaker_way(&self) -> Option<String> {
        let is_required = |route: &&Route| route.session == SessionPolicy::Required;
        let weaker = |route: &&Route| {
            self.routes.iter().any(|other| {
                let is_same_app = route.app().is_some_and(|app| other.is_served_by(app));
                // On another host, or without its prefix, a path is the same to the app.
                let leads_there = other.path.covers(route.path.as_str()) || other.strip_prefix;
                !is_required(&other) && is_same_app && leads_there
            })
        };
        let paths: Vec<_> = self
            .routes
            .iter()
            .filter(is_required)
            .filter(weaker)
            .map(|route| route.label.clone())
            .collect();
        (!paths.is_empty()).then(|| {
            format!(
                "routes: a session is required below {}, and not on other paths of the same app: if it serves the same \
                 pages there too (/de/..., /_next/data/..., rewrites), give those paths routes or let the app check",
                paths.join(", ")
            )
        })
    }

    fn password_advice(&self) -> Option<String> {
        let endpoints = &self.endpoints;
        (endpoints.password_login == PasswordLogin::Assumed).then(|| {
            format!(
                "endpoints.password_login: POST {}/session-v2 logs in whom {}'s authenticate accepts, past the app's own login page; say true if that is wanted, false if not",
                endpoints.base_path.as_str(), self.backend.upstream.name
            )
        })
    }

    fn unused_upstreams(&self) -> impl Iterator<Item = String> {
        let is_used = |upstream: &Upstream| {
            self.backend.upstream.name == upstream.name
                || self.routes.iter().any(|route| route.is_served_by(upstream))
        };
        let unused = self
            .upstreams
            .iter()
            .filter(move |upstream| !is_used(upstream));
        unused.map(|upstream| format!("upstreams.{}: no route leads there", upstream.name))
    }
}

/// Whether a network is larger than any network of proxies. Private IPv6 networks do not count.
fn is_vast(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => {
            let first = network.network().segments()[0];
            let is_private = network.prefix_len() >= 7 && first & 0xfe00 == 0xfc00;
            network.prefix_len() < 16 && !is_private
        }
    }
}
