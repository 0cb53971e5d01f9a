//! What works and is still worth a word: lines for `check` and for the log of a start.

use session_core::cache::redis;
use session_core::store::postgres;

use super::duration::mins;
use super::routes::Route;
use super::{Config, OddHeaderNames, StoreUrl};

impl Config {
    /// One line for each thing an operator may want to change. Contains no secret.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        [
            self.cookie_advice(),
            self.origin_advice(),
            self.idle_advice(),
            self.login_advice(),
            self.store_advice(),
            self.redis_advice(),
            self.header_advice(),
        ]
        .into_iter()
        .flatten()
        .chain(self.insecure.warnings())
        .chain(self.unused_upstreams())
        .chain(self.foreign_domains())
        .collect()
    }

    /// What a network in between could read or change.
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
        (!redis.tls && !redis::is_local(&redis.url)).then(|| {
            "cache.redis_url: the password crosses the network in clear text; use rediss://"
                .to_owned()
        })
    }

    fn header_advice(&self) -> Option<String> {
        (self.edge.odd_header_names == OddHeaderNames::Drop).then(|| {
            "edge.odd_header_names: \"drop\" serves requests that only an attack or a mistake sends".to_owned()
        })
    }

    fn cookie_advice(&self) -> Option<String> {
        let name = self.cookie.name.as_str();
        (self.cookie.secure && !name.starts_with("__Host-")).then(|| {
            format!(
                "cookie.name: \"__Host-{name}\" would keep subdomains and plain http from planting it"
            )
        })
    }

    fn origin_advice(&self) -> Option<String> {
        let origin = &self.server.public_origin;
        (self.cookie.secure && !origin.is_https() && !origin.host.is_loopback()).then(|| {
            "server.public_origin: browsers keep no secure cookie of a plain http site".to_owned()
        })
    }

    fn idle_advice(&self) -> Option<String> {
        (self.session.idle_timeout < mins(2)).then(|| {
            "session.idle_timeout: use is written once a minute, so below 2m a session in use may end"
                .to_owned()
        })
    }

    fn login_advice(&self) -> Option<String> {
        let may_redirect = self.routes.iter().any(Route::may_redirect);
        (may_redirect && self.routes.route_for(&self.server.login_url).is_none()).then(|| {
            format!(
                "server.login_url: no route serves {:?}",
                self.server.login_url
            )
        })
    }

    fn unused_upstreams(&self) -> impl Iterator<Item = String> {
        let is_used = |name: &str| {
            self.backend.upstream.name == name
                || self.routes.iter().any(|route| route.upstream.name == name)
        };
        let unused = self
            .upstreams
            .iter()
            .filter(move |upstream| !is_used(&upstream.name));
        unused.map(|upstream| format!("upstreams.{}: no route leads there", upstream.name))
    }

    fn foreign_domains(&self) -> impl Iterator<Item = String> {
        let host = self.server.public_origin.host.to_string();
        let cleared = self.migration.clear_domains.iter();
        let cleared = cleared.map(|domain| ("clear_domains", "clear", domain.to_string()));
        let returned = self.migration.reissue_domain.iter();
        let returned = returned.map(|domain| ("reissue_domain", "take", domain.to_string()));
        cleared
            .chain(returned)
            .filter(move |(_, _, domain)| host != *domain && !host.ends_with(&format!(".{domain}")))
            .map(|(key, verb, domain)| {
                format!("migration.{key}: browsers will not {verb} cookies of {domain} from here")
            })
    }
}
