//! What does the app get of the path?

use sidgate_policy::edge::{Refused, target};

use super::place::is_private;
use crate::config::Route;

/// A path as an app gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SentPath {
    /// As it came.
    Whole,
    /// Without the prefix of its route, which the app is told.
    Stripped(String),
}

/// Why a path is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// What is left is reserved for calls from the gateway.
    Private,
    /// What is left begins like the name of a host.
    Refused(Refused),
}

impl SentPath {
    /// What the app behind `route` gets of a vetted path that the route covers.
    pub(super) fn of(route: &Route, path: &str) -> Result<Self, NotSent> {
        if !route.strip_prefix {
            return Ok(Self::Whole);
        }
        let rest = match path.strip_prefix(route.path.as_str()) {
            None | Some("") => "/",
            Some(rest) => rest,
        };
        if target::begins_with_two_slashes(rest) {
            let why = target::check_slashes(rest).err();
            return Err(NotSent::Refused(why.unwrap_or(Refused::TargetForm)));
        }
        let readings = target::other_readings_of_slashes(rest);
        if is_private(rest) || readings.iter().any(|reading| is_private(reading)) {
            return Err(NotSent::Private);
        }
        Ok(Self::Stripped(rest.to_owned()))
    }
}

#[cfg(test)]
mod tests;
