//! Clients that send unknown sids and invalid old logins: charged to their budget, and reported to the risk rules.

use super::{Refused, refused};
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::Refusal;
use crate::telemetry::security::{self, Kind};

/// Refuses a client that is beyond its budget.
pub(crate) fn deny(gateway: &Gateway, settings: &ActiveConfig, client: &Client) -> TooMany {
    gateway.metrics.refused(Refusal::MissesPerClient);
    refused(gateway, settings, Refused::Sid, client);
    TooMany(1)
}

/// Charges a miss to this client: a lookup that found no session.
///
/// # Errors
/// [`TooMany`] when the budget of the client is spent.
pub(crate) fn count_miss(
    gateway: &Gateway,
    settings: &ActiveConfig,
    client: &Client,
) -> Result<(), TooMany> {
    let now = gateway.sessions.clock().boot();
    settings
        .unknown_sids
        .count(client.ip, now)
        .inspect_err(|_| {
            gateway.metrics.refused(Refusal::MissesPerClient);
            refused(gateway, settings, Refused::Sid, client);
            security::note(Kind::UnknownSids, client.facts("misses_per_client"));
        })
}
