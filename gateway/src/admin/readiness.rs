//! `/readyz`: may this node be sent traffic? Each check by name, so that whoever is called at night sees which one fails.

use form_urlencoded::parse;
use serde_json::{Map, Value};

use crate::state::Gateway;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Whether this node can decide about sessions now. Where it cannot, another node may.
    ThisNode,
    /// Whether this node has been able to. For platforms that have no other node to turn to.
    EvenWithoutLease,
}

impl Question {
    /// # Errors
    /// When the query holds anything but `ignore=lease`, once.
    fn of(query: &str) -> Result<Self, &'static str> {
        let mut asked = parse(query.as_bytes());
        match (asked.next(), asked.next()) {
            (None, _) => Ok(Self::ThisNode),
            (Some((name, value)), None) if name == "ignore" && value == "lease" => {
                Ok(Self::EvenWithoutLease)
            }
            _ => Err("the only parameter is ignore=lease\n"),
        }
    }
}

/// Whether this node may be sent traffic.
pub(crate) fn is_ready(gateway: &Gateway) -> bool {
    failing(gateway).is_empty()
}

/// The checks because of which this node may not be sent traffic.
pub(crate) fn failing(gateway: &Gateway) -> Vec<&'static str> {
    let failing = checks(gateway, Question::ThisNode).into_iter();
    let failing = failing.filter(|(_, good)| *good == Some(false));
    failing.map(|(name, _)| name).collect()
}

/// Each check by name, and what it says. `None`: it does not count.
fn checks(gateway: &Gateway, question: Question) -> [(&'static str, Option<bool>); 5] {
    let now = gateway.sessions.readiness();
    let serving = ("serving", Some(!gateway.is_draining()));
    match question {
        Question::ThisNode => [
            ("schema", Some(now.schema)),
            ("rights", Some(now.rights)),
            ("window", Some(now.window)),
            ("lease", Some(now.lease)),
            serving,
        ],
        Question::EvenWithoutLease => [
            ("schema", Some(now.was_loaded)),
            ("rights", Some(now.rights)),
            ("window", Some(now.was_loaded)),
            ("lease", None),
            serving,
        ],
    }
}

/// Whether the answer is yes, and what it is made of.
///
/// # Errors
/// When the question is none.
pub(super) fn readiness(gateway: &Gateway, query: &str) -> Result<(bool, Value), &'static str> {
    let checks = checks(gateway, Question::of(query)?);
    let word = |good: Option<bool>| match good {
        Some(true) => "ok",
        Some(false) => "failing",
        None => "ignored",
    };
    let ready = checks.iter().all(|(_, good)| good.unwrap_or(true));
    let named: Map<String, Value> = checks
        .iter()
        .map(|(name, good)| ((*name).to_owned(), word(*good).into()))
        .collect();
    let status = if ready { "ready" } else { "not_ready" };
    Ok((
        ready,
        serde_json::json!({"status": status, "checks": named}),
    ))
}

#[cfg(test)]
mod tests {
    use super::Question;

    #[test]
    fn the_only_parameter_is_to_ignore_the_lease() {
        for (query, question) in [
            ("", Some(Question::ThisNode)),
            ("ignore=lease", Some(Question::EvenWithoutLease)),
            ("ignore=%6cease", Some(Question::EvenWithoutLease)),
            ("ignore=lease&ignore=lease", None),
            ("ignore=schema", None),
            ("ignore", None),
            ("ignore=", None),
            ("Ignore=lease", None),
            ("ignore=lease,window", None),
            ("x=1", None),
            ("ignore=lease&x=1", None),
        ] {
            assert_eq!(Question::of(query).ok(), question, "{query:?}");
        }
    }
}
