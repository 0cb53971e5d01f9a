//! Looking up the session of a request, within what its client may ask.

use std::net::IpAddr;

use session_core::service::{Query, Resolution, Sessions};
use session_core::sid::SessionKey;

use crate::buckets::TooMany;
use crate::gate::Gate;
use crate::misses::Leave;
use crate::site::Site;
use crate::telemetry::security::{self, Facts, Kind};

/// What is known about the session of `key`. What is at hand in this process is answered whoever asks.
///
/// # Errors
/// When too many sids of this client were no sessions.
pub(crate) async fn look_up(
    gate: &Gate,
    site: &Site,
    (client, request_id): (IpAddr, &str),
    key: SessionKey,
    query: Query,
) -> Result<Resolution, TooMany> {
    let sessions: &Sessions = &gate.sessions;
    if let Some(resolution) = sessions.at_hand(&key, query) {
        return Ok(resolution);
    }
    let now = sessions.clock().boot();
    let leave = site.misses.leave(client, now);
    if matches!(leave, Leave::Denied) {
        gate.metrics.refused("misses_per_client");
        return Err(TooMany(1));
    }
    let resolution = sessions.resolve_key(key, query).await;
    if matches!(resolution, Resolution::Absent(_))
        && let Err(wait) = site.misses.count(client, now)
    {
        gate.metrics.refused("misses_per_client");
        let facts = Facts {
            request_id,
            client: Some(client),
            reason: "misses_per_client",
            ..Facts::default()
        };
        security::note(Kind::UnknownSids, facts);
        return Err(wait);
    }
    drop(leave);
    Ok(resolution)
}
