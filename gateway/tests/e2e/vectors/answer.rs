//! What came back for a vector, and what it cost.

use sidgate_testkit::Response;
use sidgate_testkit::metrics::Metrics;

use super::case::Case;
use super::sent::Sent;

/// What came back, over either protocol.
pub(super) struct Came {
    pub(super) status: u16,
    pub(super) body: String,
    /// The answer, over HTTP/1.
    pub(super) response: Option<Response>,
    /// Everything up to the end of the connection, interim answers too; only with `reply`.
    pub(super) bytes: Vec<u8>,
}

pub(super) fn check_answer(sent: &Sent<'_>, came: &Came) -> Result<(), String> {
    let case = sent.case;
    let default = if case.upstream.is_some() { 200 } else { 400 };
    let status = case.status.unwrap_or(default);
    let right = if case.status_in.is_empty() {
        came.status == status
    } else {
        case.status_in.contains(&came.status)
    };
    if !right {
        return Err(format!(
            "status {} instead of {status}: {}",
            came.status, came.body
        ));
    }
    if let Some(code) = &case.code {
        let problem: serde_json::Value = serde_json::from_str(&came.body).unwrap_or_default();
        if problem["code"] != **code {
            return Err(format!("code {code:?} is not in {}", came.body));
        }
    }
    let text = String::from_utf8_lossy(&came.bytes).to_lowercase();
    if let Some(leaked) = case
        .never
        .iter()
        .find(|never| text.contains(&never.to_lowercase()))
    {
        return Err(format!("{leaked:?} is in {text:?}"));
    }
    let Some(response) = &came.response else {
        return Ok(());
    };
    if case.reason.is_some() && response.header("connection") != Some("close") {
        return Err("the connection is not closed".to_owned());
    }
    if case.upstream.is_none() && !response.leaves_cookies_alone() {
        return Err("a cookie is set".to_owned());
    }
    for line in &case.answer {
        let line = sent.values.fill(line);
        let (name, value) = line.split_once(": ").expect("a field");
        if !response.all(name).contains(&value) {
            return Err(format!("{line:?} is not among {:?}", response.headers));
        }
    }
    match case
        .answer_lacks
        .iter()
        .find(|name| !response.all(name).is_empty())
    {
        Some(name) => Err(format!("there is a {name}: {:?}", response.all(name))),
        None => Ok(()),
    }
}

pub(super) fn check_counts(
    case: &Case,
    came: &Came,
    before: &Metrics,
    after: &Metrics,
) -> Result<(), String> {
    let grown =
        |name: &str, labels: &[(&str, &str)]| after.sum(name, labels) - before.sum(name, labels);
    let known = case
        .upstream
        .as_ref()
        .is_some_and(|seen| seen.seen_as == "alice");
    let allowed = case.lookups.unwrap_or(u32::from(known));
    let lookups = grown("sidgate_resolve_total", &[]);
    if lookups > f64::from(allowed) {
        return Err(format!("{lookups} look-ups instead of {allowed}"));
    }
    let reads = grown("sidgate_core_total", &[("what", "store_loads")]);
    if reads > 0.0 {
        return Err(format!("{reads} reads of the store"));
    }
    let unread = [("reason", "head_malformed")];
    let by_the_parser = case.accept_parser
        && (came.response.is_none() || grown("sidgate_refused_total", &unread) == 1.0);
    match &case.reason {
        Some(reason)
            if !by_the_parser && grown("sidgate_refused_total", &[("reason", reason)]) != 1.0 =>
        {
            Err(format!("not counted as {reason:?}"))
        }
        _ => Ok(()),
    }
}
