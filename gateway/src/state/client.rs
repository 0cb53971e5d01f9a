//! Who sent a request, as far as its connection and its header tell.

use std::net::{IpAddr, Ipv4Addr};

use http::HeaderValue;
use session_core::session::{Text, clip_user_agent};

use super::{Addressed, RequestId};
use crate::telemetry::security::Facts;

/// Stands for the address of a client that has none: limits count all of those as one.
pub(crate) const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The sender of one request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its address; that of the client behind a trusted proxy.
    pub ip: IpAddr,
    /// `User-Agent` as it was sent.
    pub user_agent: Option<HeaderValue>,
    /// `X-Request-Id` of the request.
    pub request_id: RequestId,
    /// Where it was sent to.
    pub to: Addressed,
}

impl Client {
    /// Its address, if anybody knows it.
    pub(crate) fn known_ip(&self) -> Option<IpAddr> {
        (self.ip != NO_ADDRESS).then_some(self.ip)
    }

    /// Its `User-Agent`, cut to what is kept.
    pub(crate) fn clipped_user_agent(&self) -> Text {
        let said = self
            .user_agent
            .as_ref()
            .map_or(&b""[..], HeaderValue::as_bytes);
        clip_user_agent(&String::from_utf8_lossy(said))
    }

    /// What a security event says about the request.
    pub(crate) fn facts<'a>(&'a self, reason: &'a str) -> Facts<'a> {
        Facts {
            request_id: Some(&self.request_id),
            client: self.known_ip(),
            reason,
            ..Facts::default()
        }
    }
}
