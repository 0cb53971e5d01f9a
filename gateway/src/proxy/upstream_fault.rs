//! What an error on the way to an app means: its kind, and a sentence for whoever runs the app.
//!
//! Pingora's own text quotes what it could not parse, so none of it is shown but that of the system and of the parser.

use pingora_core::{Error, ErrorType};
use session_core::cause::{cause, plain};

use crate::config::Upstream;
use crate::telemetry::labels::UpstreamError as Kind;

/// Why an app did not get a request, or did not answer it.
#[derive(Debug)]
pub(super) struct UpstreamFault {
    /// What it is counted as.
    pub(super) kind: Kind,
    /// In words.
    pub(super) cause: String,
}

impl UpstreamFault {
    /// No server has an address: `names` says which name does not resolve.
    pub(super) fn unresolved(names: &str) -> Self {
        Self {
            kind: Kind::Unresolved,
            cause: format!("no server has an address: {names}"),
        }
    }

    /// A server that took no connection.
    pub(super) fn of_connect(error: &Error, upstream: &Upstream) -> Self {
        let kind = match error.root_etype() {
            ErrorType::ConnectTimedout => Kind::ConnectTimeout,
            ErrorType::ConnectRefused => Kind::Refused,
            _ => Kind::Unreachable,
        };
        let cause = match kind {
            Kind::ConnectTimeout => format!(
                "no connection within connect_timeout ({:?})",
                upstream.connect_timeout
            ),
            Kind::Refused => "connection refused".to_owned(),
            _ => system_says(error).unwrap_or_else(|| "no connection".to_owned()),
        };
        Self { kind, cause }
    }

    /// A server that took the connection. `has_head`: the client has the head of its answer already.
    pub(super) fn of_exchange(error: &Error, upstream: &Upstream, has_head: bool) -> Self {
        let when = if has_head {
            "before its answer was complete"
        } else {
            "before the head of its answer was complete"
        };
        let (kind, cause) = match error.root_etype() {
            ErrorType::ReadTimedout => {
                let limit = upstream.read_timeout;
                let cause = format!("silent for read_timeout ({limit:?}), {when}");
                (Kind::ReadTimeout, cause)
            }
            ErrorType::WriteTimedout => {
                let limit = upstream.write_timeout;
                let cause = format!("took nothing of the request for write_timeout ({limit:?})");
                (Kind::WriteTimeout, cause)
            }
            ErrorType::ConnectionClosed | ErrorType::Custom("PrematureBodyEnd") => {
                let cause = format!("the server closed the connection {when}");
                (Kind::Closed, cause)
            }
            ErrorType::ReadError | ErrorType::WriteError => {
                let cause = system_says(error).unwrap_or_else(|| "the connection broke".to_owned());
                (Kind::Reset, format!("{cause}, {when}"))
            }
            _ => not_http(error),
        };
        Self { kind, cause }
    }
}

/// What the operating system, or a library below Pingora, says.
pub(super) fn system_says(error: &Error) -> Option<String> {
    let root = error.root_cause();
    // Pingora's own errors may quote a request or an answer.
    (!root.is::<Error>()).then(|| cause(root))
}

fn not_http(error: &Error) -> (Kind, String) {
    let root = error.root_cause();
    match root.downcast_ref::<Error>() {
        Some(pingora) => broken_rule(pingora),
        None => not_parsed(&root.to_string()),
    }
}

/// What Pingora says about the answer. Only its limit on the head can be told from other rules, by its words.
fn broken_rule(error: &Error) -> (Kind, String) {
    let context = error.context.as_ref().map(|context| context.as_str());
    if context.is_some_and(|text| text.starts_with("Response header larger")) {
        let cause = "the head of its answer is larger than 1 MiB";
        return (Kind::HeadTooLarge, cause.to_owned());
    }
    let rule = error.etype().as_str();
    (
        Kind::NotHttp,
        format!("its answer breaks a rule of HTTP ({rule})"),
    )
}

/// What the parser says about the head of the answer.
fn not_parsed(why: &str) -> (Kind, String) {
    if why == "too many headers" {
        let cause = "the head of its answer has more than 256 fields";
        return (Kind::HeadTooLarge, cause.to_owned());
    }
    (
        Kind::NotHttp,
        format!("its answer is not HTTP: {}", plain(why)),
    )
}
