//! Who sent a request, as far as its connection tells.

use std::net::IpAddr;

use http::HeaderMap;
use sidgate_policy::edge::client_ip::{self, Peer};

use crate::state::ActiveConfig;

/// Who sent a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    /// The address of the client: of the one behind a proxy that we trust. `None` where nobody knows it.
    pub client: Option<IpAddr>,
    /// Whether the connection is that of a proxy that we trust.
    pub is_trusted_proxy: bool,
}

impl Sender {
    /// The sender of a request with these fields, which `peer` has sent us.
    pub(crate) fn of(peer: Peer, headers: &HeaderMap, settings: &ActiveConfig) -> Self {
        let trusted = &settings.config.server.trusted_proxies;
        Self {
            client: client_ip::client_ip(peer, headers, trusted),
            is_trusted_proxy: trusted.contain(peer),
        }
    }
}
