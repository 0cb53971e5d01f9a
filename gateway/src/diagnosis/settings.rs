//! What the configuration alone tells: trades that somebody should have meant.

use sidgate_policy::auth::decide::{OnUnknown, SessionPolicy};

use super::finding::{Finding, Question, Topic};
use crate::config::{Config, Route, StoreUrl};

/// `max_stale` of each route that has one.
pub(super) fn max_stale(config: &Config) -> Vec<Finding> {
    let is_file = matches!(config.store.url, StoreUrl::Sqlite(_));
    let stale = config
        .routes
        .iter()
        .filter(|route| !route.max_stale.is_zero());
    stale.map(|route| one_max_stale(route, is_file)).collect()
}

fn one_max_stale(route: &Route, is_file: bool) -> Finding {
    let path = &route.label;
    let question = Question::new(
        Topic::MaxStale,
        format!("route {path}"),
        "whether it needs max_stale",
    );
    let answer = |why: &str| format!("max_stale = {:?} without need: {why}", route.max_stale);
    let remedy = "take max_stale out of the route";
    if is_file {
        return question.warn(
            answer("the store is a file of this machine, which is not away while the gateway runs"),
            remedy,
        );
    }
    if route.on_unknown == OnUnknown::Pass {
        return question.warn(
            answer("with on_unknown = \"pass\" the page is served anyway"),
            remedy,
        );
    }
    if route.session == SessionPolicy::Required {
        return question.warn(
            answer("it serves only who is logged in, and would serve those who no longer are"),
            "take max_stale out, unless this page must be there while the store is away",
        );
    }
    question.ok(format!(
        "max_stale = {:?}, and everybody may see it",
        route.max_stale
    ))
}
