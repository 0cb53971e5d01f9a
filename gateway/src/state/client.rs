//! Who sent a request, as far as its connection and its header tell.

use std::net::IpAddr;

use session_core::session::Text;

use crate::telemetry::security::Facts;

/// The sender of one request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its address; that of the client behind a trusted proxy.
    pub ip: IpAddr,
    /// Its software, clipped.
    pub user_agent: Text,
    /// `X-Request-Id` of the request.
    pub request_id: Text,
}

impl Client {
    /// What a security event says about the request.
    pub(crate) fn facts<'a>(&'a self, reason: &'a str) -> Facts<'a> {
        Facts {
            request_id: Some(&self.request_id),
            client: Some(self.ip),
            reason,
            ..Facts::default()
        }
    }
}
