//! What an error on the way to an app means: its kind, and a sentence for whoever runs the app.
//!
//! Pingora's own text quotes what it could not parse, so none of it is shown but that of the system and of the parser.

use std::time::Duration;

use pingora_core::protocols::http::v2::client::PING_TIMEDOUT;
use pingora_core::{Error, ErrorType};
use session_core::cause::{cause, plain};

use super::address::Address;
use super::tls_fault;
use crate::config::Upstream;
use crate::telemetry::labels::UpstreamError as Kind;

/// Why an app did not get a request, or did not answer it.
#[derive(Debug)]
pub(crate) struct UpstreamFault {
    /// What it is counted as.
    pub(crate) kind: Kind,
    /// In words.
    pub(crate) cause: String,
}

impl UpstreamFault {
    /// No server has an address: `names` says which name does not resolve.
    pub(crate) fn unresolved(names: &str) -> Self {
        Self {
            kind: Kind::Unresolved,
            cause: format!("no server has an address: {names}"),
        }
    }

    /// Every server has as many requests as it may have.
    pub(crate) fn busy(upstream: &Upstream) -> Self {
        let (most, waited) = (upstream.max_connections, upstream.connect_timeout);
        let cause = format!(
            "no server was free within connect_timeout ({waited:?}): max_connections is {most}"
        );
        Self {
            kind: Kind::Busy,
            cause,
        }
    }

    /// A server that the request did not wait for, because another one was free.
    pub(crate) fn slow(kind: Kind, upstream: &Upstream) -> Self {
        let limit = upstream.retry.connect_after;
        Self {
            kind,
            cause: format!("no connection within retry.connect_after ({limit:?})"),
        }
    }

    /// A server at `address` that took no connection.
    pub(crate) fn of_connect(error: &Error, upstream: &Upstream, address: &Address) -> Self {
        let limit = upstream.connect_timeout;
        let (kind, cause) = match error.root_etype() {
            ErrorType::TLSHandshakeFailure => tls_fault::of_handshake(error, upstream),
            ErrorType::ConnectTimedout if is_of_handshake(error) => {
                let cause = format!("TLS: no handshake within connect_timeout ({limit:?})");
                (Kind::TlsTimeout, cause)
            }
            ErrorType::ConnectTimedout => {
                let cause = format!("no connection within connect_timeout ({limit:?})");
                (Kind::ConnectTimeout, cause)
            }
            ErrorType::ConnectRefused => {
                let cause = match address {
                    Address::Tcp(_) => "connection refused",
                    Address::Unix(_) => {
                        "connection refused: the socket is there, and nobody listens at it"
                    }
                };
                (Kind::Refused, cause.to_owned())
            }
            ErrorType::InvalidCert => {
                let cause = format!("TLS: upstreams.{}.tls cannot be used", upstream.name);
                (Kind::TlsFailed, cause)
            }
            ErrorType::H2Error | ErrorType::HandshakeError => not_http2(error),
            _ => {
                let cause = system_says(error).unwrap_or_else(|| "no connection".to_owned());
                (Kind::Unreachable, cause)
            }
        };
        Self { kind, cause }
    }

    /// A server that took the connection. `silence`: how long it was allowed to be silent. `has_head`: the client has the head
    /// of its answer already.
    pub(crate) fn of_exchange(
        error: &Error,
        upstream: &Upstream,
        (silence, has_head): (Duration, bool),
    ) -> Self {
        let when = if has_head {
            "before its answer was complete"
        } else {
            "before the head of its answer was complete"
        };
        if let Some((kind, cause)) = tls_fault::of_read(error, upstream) {
            return Self { kind, cause };
        }
        let (kind, cause) = match error.root_etype() {
            ErrorType::ReadTimedout => {
                let cause = format!("silent for read_timeout ({silence:?}), {when}");
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
            ErrorType::InvalidH2 | ErrorType::H2Error | ErrorType::H2Downgrade => not_http2(error),
            other if *other == PING_TIMEDOUT => {
                let cause = format!("no answer to a ping within 5s, {when}");
                (Kind::ReadTimeout, cause)
            }
            _ => not_http(error),
        };
        Self { kind, cause }
    }

    /// A server that was to speak HTTP/2 under TLS, and did not agree to it.
    pub(crate) fn no_http2() -> Self {
        Self {
            kind: Kind::NotHttp2,
            cause: "TLS: the server does not agree to HTTP/2 (ALPN)".to_owned(),
        }
    }
}

/// Whether a wait was for a handshake: Pingora says so by its words alone.
fn is_of_handshake(error: &Error) -> bool {
    let context = error.context.as_ref().map(|context| context.as_str());
    context.is_some_and(|text| text.starts_with("connecting to server"))
}

/// What the library below says about a connection of HTTP/2, or about one request on it.
fn not_http2(error: &Error) -> (Kind, String) {
    let root = error.root_cause();
    if root.is::<Error>() {
        return (
            Kind::NotHttp2,
            "HTTP/2: no request could be made".to_owned(),
        );
    }
    let says = root.to_string();
    let kind = if says.starts_with("stream") {
        Kind::Reset
    } else {
        Kind::NotHttp2
    };
    (kind, format!("HTTP/2: {}", plain(&says)))
}

/// What the operating system, or a library below Pingora, says.
pub(crate) fn system_says(error: &Error) -> Option<String> {
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
