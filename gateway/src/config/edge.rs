//! `[edge]` and `[endpoints]`: what a request may look like, and where the gateway answers itself.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderName;
use sidgate_policy::edge::OddHeaderNames;
use sidgate_policy::edge::headers::reserved;
use sidgate_policy::edge::identity_headers::is_own;

use super::duration::{hours, mins, ms, secs, within};
use super::login_limits::Rate;
use super::path::PathPrefix;
use super::reader::Reader;

/// Limits of the HTTP library: beyond them it refuses a request by itself, with an answer of its own.
const MAX_HEADER_BYTES: u64 = 1024 * 1024;
const MAX_HEADER_COUNT: usize = 256;
const MAX_TARGET_BYTES: u64 = 65_534;

pub(super) const MAX_BODY_BYTES: u64 = 1 << 40;

const DEFAULT_HEADER_BYTES: usize = 32 * 1024;
const DEFAULT_COOKIE_BYTES: usize = 8 * 1024;
const DEFAULT_ONE_COOKIE_BYTES: usize = 4 * 1024;
const DEFAULT_TARGET_BYTES: usize = 8 * 1024;
const DEFAULT_BODY_BYTES: u64 = 10 * 1024 * 1024;

/// Limits and rules of the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeConfig {
    /// What happens to header names that no sensible client sends.
    pub odd_header_names: OddHeaderNames,
    /// Reserved header names that clients may send all the same.
    pub passthrough_headers: Vec<HeaderName>,
    /// How long a header block may take to arrive.
    pub header_timeout: Duration,
    /// How long a client may send nothing of a body that it has announced.
    pub body_timeout: Duration,
    /// How long a client may accept nothing of an answer.
    pub write_timeout: Duration,
    /// Size of a header block.
    pub max_header_bytes: usize,
    /// Fields in a header block.
    pub max_header_count: usize,
    /// Size of all Cookie fields together; never above `max_header_bytes`.
    pub max_cookie_bytes: usize,
    /// Cookies of one request.
    pub max_cookies: usize,
    /// Size of one cookie, name and value together.
    pub max_one_cookie_bytes: usize,
    /// Length of a request target, path and query together.
    pub max_target_bytes: usize,
    /// Size of a request body.
    pub max_body_bytes: u64,
    /// Open connections of all clients; `None` is as many as leave enough file descriptors.
    pub max_connections: Option<NonZeroUsize>,
    /// Open connections of one address; `None` is no cap.
    pub connections_per_ip: Option<NonZeroU32>,
    /// Streams that an HTTP/2 client may have open on one connection.
    pub max_h2_streams: u32,
    /// Slowest average at which a body may come once `body_timeout` has passed, in bytes per second; zero is any.
    pub min_body_rate: u64,
    /// An answer that is still being sent so long after its head is a stream.
    pub stream_after: Duration,
    /// Requests served at once; from four fifths of them on, those that matter less are turned away.
    pub max_requests: usize,
    /// How many WebSockets and other streams there may be.
    pub streams: StreamLimits,
    /// How often sids of one client may turn out to be no session.
    pub misses_per_client: Rate,
}

/// How many streams there may be. A stream is an answer without a time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// WebSockets, and answers of apps that take long.
    pub max: usize,
    /// Those of one session, and its event streams.
    pub per_session: usize,
    /// The same of one client.
    pub per_client: usize,
}

impl StreamLimits {
    fn read(edge: &mut Reader<'_>) -> Self {
        Self {
            max: edge.number("max_streams", 0..=1_000_000).unwrap_or(10_000),
            per_session: edge
                .number("streams_per_session", 1..=1_000_000)
                .unwrap_or(16),
            per_client: edge
                .number("streams_per_client", 1..=1_000_000)
                .unwrap_or(1_000),
        }
    }
}

/// `[endpoints]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointsConfig {
    /// Prefix of the public endpoints; never the root.
    pub base_path: PathPrefix,
    /// Open streams of `GET /events`, over all sessions.
    pub max_streams: usize,
    /// How long the body of a call may take to arrive.
    pub body_timeout: Duration,
    /// Size of the body of a login.
    pub max_body_bytes: usize,
    /// Longest time without a word on `GET /events`.
    pub heartbeat: Duration,
    /// Whether a password can be tried there.
    pub password_login: PasswordLogin,
}

/// Whether `POST /session-v2` is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordLogin {
    /// It is.
    On,
    /// It is on by default; `check` points this out.
    Assumed,
    /// It is not.
    Off,
}

impl EdgeConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("edge", |edge| {
            let edge_config = Self {
                odd_header_names: edge
                    .choice(
                        "odd_header_names",
                        &[
                            ("reject", OddHeaderNames::Reject),
                            ("drop", OddHeaderNames::Drop),
                        ],
                    )
                    .unwrap_or(OddHeaderNames::Reject),
                passthrough_headers: edge
                    .texts("passthrough_headers", passthrough)
                    .unwrap_or_default(),
                header_timeout: edge
                    .text("header_timeout", within(ms(100)..=mins(5)))
                    .unwrap_or(secs(10)),
                body_timeout: edge
                    .text("body_timeout", within(ms(100)..=mins(30)))
                    .unwrap_or(secs(30)),
                write_timeout: edge
                    .text("write_timeout", within(ms(100)..=mins(30)))
                    .unwrap_or(secs(30)),
                max_header_bytes: in_memory(edge, "max_header_bytes", 1..=MAX_HEADER_BYTES)
                    .unwrap_or(DEFAULT_HEADER_BYTES),
                max_header_count: edge
                    .number("max_header_count", 1..=MAX_HEADER_COUNT)
                    .unwrap_or(100),
                max_cookie_bytes: in_memory(edge, "max_cookie_bytes", 1..=MAX_HEADER_BYTES)
                    .unwrap_or(DEFAULT_COOKIE_BYTES),
                max_cookies: edge.number("max_cookies", 1..=1_000).unwrap_or(64),
                max_one_cookie_bytes: in_memory(
                    edge,
                    "max_one_cookie_bytes",
                    64..=MAX_HEADER_BYTES,
                )
                .unwrap_or(DEFAULT_ONE_COOKIE_BYTES),
                max_target_bytes: in_memory(edge, "max_target_bytes", 64..=MAX_TARGET_BYTES)
                    .unwrap_or(DEFAULT_TARGET_BYTES),
                max_body_bytes: edge
                    .size("max_body_bytes", 1..=MAX_BODY_BYTES)
                    .unwrap_or(DEFAULT_BODY_BYTES),
                max_connections: edge
                    .number("max_connections", 0..=10_000_000)
                    .and_then(NonZeroUsize::new),
                connections_per_ip: edge
                    .number("connections_per_ip", 0..=1_000_000)
                    .and_then(NonZeroU32::new),
                max_h2_streams: edge.number("max_h2_streams", 1..=10_000).unwrap_or(100),
                min_body_rate: edge.size("min_body_rate", 0..=1_000_000_000).unwrap_or(100),
                stream_after: edge
                    .text("stream_after", within(secs(1)..=hours(1)))
                    .unwrap_or(secs(10)),
                max_requests: edge
                    .number("max_requests", 5..=10_000_000)
                    .unwrap_or(10_000),
                streams: StreamLimits::read(edge),
                misses_per_client: edge
                    .text("misses_per_client", Rate::parse)
                    .unwrap_or(Rate::per_minute(600)),
            };
            edge_config.judge(edge);
            edge_config
        })
    }

    fn judge(&self, edge: &Reader<'_>) {
        if self.max_cookie_bytes > self.max_header_bytes {
            let keys = ["max_cookie_bytes", "max_header_bytes"];
            let message = format!("is above edge.max_header_bytes ({})", self.max_header_bytes);
            edge.contradiction(&keys, message);
        }
    }
}

impl EndpointsConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("endpoints", |endpoints| Self {
            base_path: endpoints
                .text("base_path", base_path)
                .unwrap_or_else(|| PathPrefix::fixed("/api/auth")),
            max_streams: endpoints
                .number("max_streams", 0..=1_000_000)
                .unwrap_or(10_000),
            body_timeout: endpoints
                .text("body_timeout", within(ms(100)..=mins(5)))
                .unwrap_or(secs(10)),
            max_body_bytes: in_memory(endpoints, "max_body_bytes", 1_024..=1024 * 1024)
                .unwrap_or(16 * 1024),
            heartbeat: endpoints
                .text("heartbeat", within(secs(1)..=mins(10)))
                .unwrap_or(secs(15)),
            password_login: match endpoints.flag("password_login") {
                Some(true) => PasswordLogin::On,
                Some(false) => PasswordLogin::Off,
                None => PasswordLogin::Assumed,
            },
        })
    }
}

/// A size of something that is held in memory.
fn in_memory(
    reader: &mut Reader<'_>,
    key: &'static str,
    range: RangeInclusive<u64>,
) -> Option<usize> {
    usize::try_from(reader.size(key, range)?).ok()
}

fn base_path(text: &str) -> Result<PathPrefix, String> {
    let path = PathPrefix::parse_public(text)?;
    if path.as_str() == "/" {
        return Err("is the root, which would hide every app".to_owned());
    }
    Ok(path)
}

/// Names that a client must never choose, because an app believes them or the gateway writes them.
fn passthrough(text: &str) -> Result<HeaderName, String> {
    const NEVER: [&str; 5] = [
        "forwarded",
        "x-real-ip",
        "remote-user",
        "proxy",
        "x-middleware-subrequest",
    ];
    const NEVER_BELOW: [&str; 4] = [
        "x-forwarded-",
        "x-sidgate-",
        "http-remote-user",
        "http-x-session-",
    ];

    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let name = HeaderName::try_from(text)
        .ok()
        .filter(|name| name.as_str().bytes().all(is_plain));
    let name =
        name.ok_or_else(|| format!("{text:?} is not a header name of letters, digits and \"-\""))?;
    let lower = name.as_str();
    if is_own(&name)
        || NEVER.contains(&lower)
        || NEVER_BELOW.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(format!(
            "{text:?} is a name that apps believe; no client may send it"
        ));
    }
    check_passing_matters(&name)?;
    Ok(name)
}

/// Whether it makes a difference that clients may send this name.
fn check_passing_matters(name: &HeaderName) -> Result<(), String> {
    /// What the gateway or the HTTP library writes or removes, whatever a client sends.
    const OURS: [&str; 14] = [
        "connection",
        "content-length",
        "cookie",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
    ];

    let text = name.as_str();
    if OURS.contains(&text) {
        let more = match text {
            "x-request-id" => "; see server.request_id_from",
            _ => "",
        };
        return Err(format!(
            "{text:?} is written or removed by sidgate itself, so letting it pass has no effect{more}"
        ));
    }
    if reserved(text).is_none() {
        return Err(format!(
            "{text:?} is not reserved: it reaches the apps anyway"
        ));
    }
    Ok(())
}
