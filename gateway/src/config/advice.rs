//! What works and is still worth a word: lines for `check` and for the log of a start.

use super::duration::mins;
use super::routes::Route;
use super::{Config, MigrationMode};

impl Config {
    /// One line for each thing an operator may want to change. Contains no secret.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        [
            self.cookie_advice(),
            self.origin_advice(),
            self.idle_advice(),
            self.login_advice(),
        ]
        .into_iter()
        .flatten()
        .chain(self.insecure.warnings())
        .chain(self.unused_upstreams())
        .chain(self.foreign_domains())
        .chain(self.without_effect())
        .collect()
    }

    /// Keys that are read, so that a file for a later version is checked by this one, and that do nothing yet.
    fn without_effect(&self) -> impl Iterator<Item = String> {
        let keys = [("migration.mode", self.migration.mode != MigrationMode::Off)];
        keys.into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(key, _)| format!("{key}: has no effect in this version"))
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
        let foreign = self.migration.clear_domains.iter().map(ToString::to_string);
        foreign
            .filter(move |domain| host != *domain && !host.ends_with(&format!(".{domain}")))
            .map(|domain| {
                format!(
                    "migration.clear_domains: browsers will not clear cookies of {domain} from here"
                )
            })
    }
}
