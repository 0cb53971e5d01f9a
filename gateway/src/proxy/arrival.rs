//! Tells an operator who proves to hold the master key what a request looked like on arrival (`sidgate doctor --through`).
//!
//! `GET /__sidgate__/doctor` with the proof as a bearer token. To everybody else the path does not exist, as everything below
//! `/__sidgate__/`.

use http::HeaderMap;
use http::header::{AUTHORIZATION, FORWARDED, HeaderName, VIA};
use pingora_http::RequestHeader;
use sidgate_policy::edge::Vetted;
use sidgate_policy::edge::client_ip::Peer;
use sidgate_policy::edge::scheme::{self, Scheme};

use crate::answer::Answer;
use crate::config::PRIVATE_PREFIX;
use crate::decision::Sender;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::outcome::Outcome;
use crate::views::arrival::Arrival;

/// Elements of a list that are told, and the longest one.
const ELEMENTS: usize = 16;
const ELEMENT_BYTES: usize = 64;

/// What proxies write about the request that they pass on.
const OF_PROXIES: [HeaderName; 6] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// The way that a request came.
pub(super) struct Way {
    /// Who opened the connection.
    pub peer: Peer,
    /// Whom it is taken for.
    pub sender: Sender,
    /// Whether the connection is TLS.
    pub is_tls: bool,
}

/// The answer to a proven question; `None`: it is none.
pub(super) fn answer(
    gateway: &Gateway,
    settings: &ActiveConfig,
    vetted: &Vetted<'_>,
    head: &RequestHeader,
    way: &Way,
) -> Option<Answer> {
    if head.method != http::Method::GET
        || vetted.path.strip_prefix(PRIVATE_PREFIX) != Some("/doctor")
    {
        return None;
    }
    let now = gateway.sessions.clock().wall();
    let token = head.headers.get(AUTHORIZATION)?.as_bytes();
    let token = token.strip_prefix(b"Bearer ")?;
    if !settings.doctor.accepts(token, now.as_secs()) {
        return None;
    }
    let told = if way.sender.is_trusted_proxy {
        scheme::told(&head.headers)
    } else {
        None
    };
    let arrival = Arrival {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time_ms: now.as_micros().div_euclid(1_000),
        peer: way.peer.to_string(),
        peer_is_trusted: way.sender.is_trusted_proxy,
        client: way.sender.client,
        tls: way.is_tls,
        told_scheme: told.map(|scheme| match scheme {
            Scheme::Http => "http".to_owned(),
            Scheme::Https => "https".to_owned(),
        }),
        host: vetted.host.to_string(),
        forwarded_for: elements(&head.headers, "x-forwarded-for"),
        via: elements(&head.headers, VIA.as_str()),
        proxy_headers: OF_PROXIES
            .iter()
            .filter(|name| head.headers.contains_key(*name))
            .map(ToString::to_string)
            .collect(),
        protocol: format!("{:?}", head.version),
    };
    Some(Answer::json(200, Outcome::Admin, &arrival))
}

fn elements(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|field| field.as_bytes().split(|&byte| byte == b','))
        .take(ELEMENTS)
        .map(|element| {
            let element = element.get(..ELEMENT_BYTES).unwrap_or(element);
            String::from_utf8_lossy(element).trim().to_owned()
        })
        .collect()
}
