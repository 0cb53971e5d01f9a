//! Which keys of the configuration decided, and where they stand.

use serde::Serialize;
use sidgate_policy::edge::Refused;

use crate::config::{Config, Route};

/// A key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    /// Its path in the file.
    pub key: String,
    /// Its line; `None`: the file leaves it out, and its default decides.
    pub line: Option<usize>,
}

impl Key {
    pub(super) fn of(config: &Config, key: impl Into<String>) -> Self {
        let key = key.into();
        Self {
            line: config.lines.of(&key),
            key,
        }
    }

    /// A key of the site of this number.
    pub(super) fn of_site(config: &Config, site: usize, key: &str) -> Self {
        Self::of(config, config.sites.key(site, key))
    }

    /// The hosts of the site of this number.
    pub(super) fn of_hosts(config: &Config, site: usize) -> Self {
        let [hosts, origin] = ["hosts", "origin"].map(|key| config.sites.key(site, key));
        Self::or(config, &hosts, &origin)
    }

    /// A key of a route.
    pub(super) fn of_route(config: &Config, route: &Route, key: &str) -> Self {
        Self::of(config, format!("routes[{}].{key}", route.index))
    }

    /// The limit of bodies that holds on a route.
    pub(super) fn of_body(config: &Config, route: &Route) -> Self {
        match route.max_body_bytes {
            Some(_) => Self::of_route(config, route, "max_body_bytes"),
            None => Self::of(config, "edge.max_body_bytes"),
        }
    }

    /// The key, or the one whose value is taken where the file leaves it out.
    pub(super) fn or(config: &Config, key: &str, otherwise: &str) -> Self {
        let first = Self::of(config, key);
        if first.line.is_some() {
            first
        } else {
            Self::of(config, otherwise)
        }
    }

    /// As a line tells it.
    pub(super) fn told(&self) -> String {
        match self.line {
            Some(line) => format!("{} (line {line})", self.key),
            None => format!("{} (default)", self.key),
        }
    }
}

/// The keys that a broken rule of the edge depends on. Most rules are fixed.
pub(super) fn of_refusal(config: &Config, why: Refused) -> Vec<Key> {
    let key = match why {
        Refused::HeaderCount => "edge.max_header_count",
        Refused::HeaderBytes => "edge.max_header_bytes",
        Refused::BodyTooLarge => "edge.max_body_bytes",
        Refused::CookieCount => "edge.max_cookies",
        Refused::CookieBytes => {
            let keys = ["edge.max_cookie_bytes", "edge.max_one_cookie_bytes"];
            return keys.map(|key| Key::of(config, key)).into();
        }
        Refused::TargetTooLong => "edge.max_target_bytes",
        Refused::HeaderName => "edge.odd_header_names",
        Refused::SidRepeated | Refused::SidQuoted => "cookie.name",
        Refused::HostUnknown => {
            let sites = config.sites.iter().enumerate();
            return sites.map(|(site, _)| Key::of_hosts(config, site)).collect();
        }
        _ => return vec![],
    };
    vec![Key::of(config, key)]
}
