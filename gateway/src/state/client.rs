//! Who sent a request, as far as its connection and its header tell.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::HeaderValue;
use session_core::session::{Text, clip_user_agent};

use super::{Addressed, RequestId};
use crate::apps::backend::Behalf;
use crate::telemetry::security::Facts;
use crate::telemetry::traces::Trace;

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
    /// The trace that the request belongs to.
    pub trace: Option<Arc<Trace>>,
    /// Where it was sent to.
    pub to: Addressed,
}

impl Client {
    /// Its address, if anybody knows it.
    pub(crate) fn known_ip(&self) -> Option<IpAddr> {
        (self.ip != NO_ADDRESS).then_some(self.ip)
    }

    /// Because of which request a backend is called.
    pub(crate) fn behalf(&self) -> Behalf<'_> {
        Behalf {
            request_id: &self.request_id,
            trace: self.trace.as_deref(),
        }
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
