//! Clients that ask for sids and old logins that are nobody's: counted against their budget, and told to the rules.

use super::{Refused, refused};
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::Refusal;
use crate::telemetry::security::{self, Kind};

/// Whoever has asked in vain too often is not answered now.
pub(crate) fn deny(gateway: &Gateway, settings: &ActiveConfig, client: &Client) -> TooMany {
    gateway.metrics.refused(Refusal::MissesPerClient);
    refused(gateway, settings, Refused::Sid, client);
    TooMany(1)
}

/// Counts that this client was nobody, which somebody had to be asked for.
///
/// # Errors
/// When that was too often.
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
