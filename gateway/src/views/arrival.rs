//! What a request looked like when it came in: what the gateway tells `sidgate doctor` about one that took the public way.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One request on arrival.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Arrival {
    /// Version of the gateway.
    pub version: String,
    /// Its clock: milliseconds since 1970.
    pub time_ms: i64,
    /// Who opened the connection: an address, or `unix`.
    pub peer: String,
    /// Whether that is in `server.trusted_proxies`.
    pub peer_is_trusted: bool,
    /// Whom the gateway takes for the client; `None` where nobody says who it is.
    pub client: Option<IpAddr>,
    /// Whether the connection was TLS.
    pub tls: bool,
    /// What a trusted peer said about the visitor's connection.
    pub told_scheme: Option<String>,
    /// The accepted host.
    pub host: String,
    /// Every element of `X-Forwarded-For`, as it came.
    pub forwarded_for: Vec<String>,
    /// Every element of `Via`.
    pub via: Vec<String>,
    /// The headers that a proxy writes and that were there.
    pub proxy_headers: Vec<String>,
    /// The protocol of the connection.
    pub protocol: String,
}
