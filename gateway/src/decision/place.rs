//! Whose is a path? One answer for the request as it is sent and for every way in which a server may read it.
//!
//! Rules are matched on the bytes of a path, and apps look at what the bytes mean. Where both lead to the same place the
//! request is fine in any spelling. Where they do not, somebody would be judged by one rule and served by another.

use std::sync::Arc;

use sidgate_policy::edge::{Refused, Slashes, target};

use crate::admin::call::Call;
use crate::config::{Config, PRIVATE_PREFIX, Route};
use crate::endpoints::Endpoint;

/// Who answers at a path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The gateway, below `endpoints.base_path`.
    Endpoint(Endpoint),
    /// The gateway, for operators.
    Admin(Call),
    /// No app: the path is reserved for calls from the gateway to the app.
    Private,
    /// An app.
    Route(&'a Arc<Route>),
    /// No app: no route covers the path.
    Nothing,
}

impl<'a> Place<'a> {
    /// The place of a vetted path of a served host, which is named without port.
    ///
    /// # Errors
    /// When the path leads elsewhere once its escapes are decoded or its parameters are cut off, or holds slashes that its
    /// route does not pass on.
    pub(crate) fn of(
        config: &'a Config,
        method: &str,
        host: &str,
        path: &str,
    ) -> Result<Self, Refused> {
        let place = Self::as_written(config, method, host, path);
        let slashes = match config.routes.slashes() {
            Slashes::Strict => Ok(()),
            Slashes::AsRouted => target::check_slashes(path),
        };
        let readings = match slashes {
            Ok(()) => target::other_readings(path),
            Err(why) if !place.passes_slashes() => return Err(why),
            // A browser or a framework takes what follows them for a host.
            Err(why) if target::begins_with_two_slashes(path) => return Err(why),
            Err(_passed) => target::other_readings_of_slashes(path),
        };
        let agrees =
            |reading: &String| place.is_same(&Self::as_written(config, method, host, reading));
        if readings.iter().all(agrees) {
            Ok(place)
        } else {
            Err(Refused::TargetForm)
        }
    }

    /// The place of exactly these bytes.
    pub(crate) fn as_written(config: &'a Config, method: &str, host: &str, path: &str) -> Self {
        let base = config.endpoints.base_path.as_str();
        if let Some(endpoint) = Endpoint::find(base, method, path) {
            return Self::Endpoint(endpoint);
        }
        if config.admin.claim.is_some()
            && let Some(call) = Call::find(method, path)
        {
            return Self::Admin(call);
        }
        if is_private(path) {
            return Self::Private;
        }
        config
            .routes
            .route_for(host, path)
            .map_or(Self::Nothing, Self::Route)
    }

    /// The route, where it is one.
    pub(crate) fn route(self) -> Option<&'a Arc<Route>> {
        match self {
            Self::Route(route) => Some(route),
            Self::Endpoint(_) | Self::Admin(_) | Self::Private | Self::Nothing => None,
        }
    }

    /// Whether a path may hold `%2F` and `//` here. The bytes of the prefix itself are always compared as they are.
    fn passes_slashes(&self) -> bool {
        matches!(self, Self::Route(route) if route.slashes == Slashes::AsRouted)
    }

    /// The gateway reads its own paths in one way only, so two of its endpoints are one place.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Endpoint(_), Self::Endpoint(_))
            | (Self::Admin(_), Self::Admin(_))
            | (Self::Private, Self::Private)
            | (Self::Nothing, Self::Nothing) => true,
            (Self::Route(one), Self::Route(other)) => one.index == other.index,
            _ => false,
        }
    }
}

/// Also with parameters: the app may cut them off before it looks.
pub(super) fn is_private(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    Some(target::name_of(first)) == PRIVATE_PREFIX.strip_prefix('/')
}

#[cfg(test)]
mod tests;
