//! Is the visitor sent elsewhere?

use std::sync::Arc;

use sidgate_policy::edge::Vetted;

use super::Verdict;
use crate::config::{Gaps, Redirect, Route};

/// Where a route without an app sends its visitor. Nothing of it is the client's text but what was vetted.
pub(super) fn to<'s>(to: &Redirect, route: &'s Arc<Route>, vetted: &Vetted<'_>) -> Verdict<'s> {
    let gaps = Gaps {
        host: &vetted.host,
        path: vetted.path,
        query: vetted.query,
    };
    to.location(gaps).map_or(Verdict::NotFound, |location| {
        Verdict::Redirect(route, to.status, location)
    })
}
