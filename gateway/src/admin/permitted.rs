//! A call of the admin API whose caller may make it.

use std::net::IpAddr;

use bytes::Bytes;

use super::access::Actor;
use super::call::Call;
use crate::telemetry::security::Facts;

/// A call that its caller may make.
pub(crate) struct Permitted<'a> {
    /// Who calls.
    pub(crate) actor: &'a Actor,
    /// `X-Request-Id`
    pub(crate) request_id: &'a str,
    /// Client address.
    pub(crate) client: Option<IpAddr>,
    /// What is called.
    pub(crate) call: Call,
    /// Query, without the question mark.
    pub(crate) query: &'a str,
    /// Body; empty unless the call has one.
    pub(crate) body: &'a Bytes,
}

impl Permitted<'_> {
    pub(super) fn facts<'a>(&'a self, reason: &'a str) -> Facts<'a> {
        Facts {
            request_id: Some(self.request_id),
            actor: self.actor.as_told(),
            client: self.client,
            reason,
            ..Facts::default()
        }
    }
}
