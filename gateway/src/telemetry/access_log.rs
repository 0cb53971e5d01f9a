//! One line per request: who, what came of it, how long it took. No query, no cookie, no header value.

use std::time::Duration;

use tracing::info;

use super::outcome::Outcome;

/// What a line says.
#[derive(Debug)]
pub(crate) struct AccessLine<'a> {
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// Method; empty when the request was cut off before it was read.
    pub method: &'a str,
    /// Path without query and secrets; likewise.
    pub path: &'a str,
    /// Host of a refused request, as the client has named it.
    pub host: Option<&'a str>,
    /// Route prefix, or the name of the part of the gateway that answered.
    pub route: &'a str,
    /// What came of it.
    pub outcome: Outcome,
    /// Status code; 0 when the client went away before one was sent.
    pub status: u16,
    /// Why it was refused.
    pub reason: Option<&'a str>,
    /// Name of the header or cookie because of which.
    pub field: Option<&'a str>,
    /// Handle of the session, if there was one.
    pub session: Option<&'a str>,
    /// Tier that answered for the session.
    pub tier: &'a str,
    /// Client address.
    pub client: Option<std::net::IpAddr>,
    /// Time from the first look at the request to the end of the answer.
    pub duration: Duration,
}

impl AccessLine<'_> {
    /// Writes it.
    pub(crate) fn write(&self) {
        info!(
            target: "sidgate::access",
            request_id = self.request_id,
            method = self.method,
            path = self.path,
            host = self.host,
            route = self.route,
            outcome = self.outcome.into_str(),
            status = self.status,
            reason = self.reason,
            field = self.field,
            session = self.session,
            tier = self.tier,
            client = self.client.map(tracing::field::display),
            duration_us = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}
