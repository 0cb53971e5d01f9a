//! Looking up the session of a request, within what its client may ask.

use std::sync::Arc;
use std::time::Duration;

use session_core::service::{Absence, Query, Resolution};
use session_core::session::{Dead, Group, Owner, RevokeReason};
use session_core::sid::SessionKey;

use crate::limits::buckets::TooMany;
use crate::limits::unknown_sids::Admission;
use crate::risk::refusals::{count_miss, deny};
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::security::{self, Actor, Facts, Kind};

/// What is known about the session of `key`. What is at hand in this process is answered whoever asks.
///
/// # Errors
/// When this client has sent too many sids that are no sessions.
pub(crate) async fn look_up(
    gateway: &Gateway,
    settings: &ActiveConfig,
    client: &Client,
    key: SessionKey,
    query: Query,
) -> Result<Resolution, TooMany> {
    if let Some(resolution) = gateway.sessions.at_hand(&key, &client.to.group, query) {
        note_end(gateway, key, &resolution, |reason| client.facts(reason));
        return Ok(resolution);
    }
    let now = gateway.sessions.clock().boot();
    let admission = settings.unknown_sids.admit(client.ip, now);
    read(gateway, settings, client, (key, query), admission).await
}

/// Like [`look_up`], for a request that ends the session: it waits for its turn where others are refused.
///
/// # Errors
/// As for [`look_up`].
pub(crate) async fn look_up_to_end(
    gateway: &Gateway,
    settings: &ActiveConfig,
    client: &Client,
    key: SessionKey,
) -> Result<Resolution, TooMany> {
    if let Some(resolution) = gateway.sessions.at_hand(&key, &client.to.group, QUIETLY) {
        note_end(gateway, key, &resolution, |reason| client.facts(reason));
        return Ok(resolution);
    }
    let now = gateway.sessions.clock().boot();
    let admission = settings.unknown_sids.admit_in_turn(client.ip, now).await;
    read(gateway, settings, client, (key, QUIETLY), admission).await
}

/// Asks the other tiers, and charges a miss to the client.
async fn read(
    gateway: &Gateway,
    settings: &ActiveConfig,
    client: &Client,
    (key, query): (SessionKey, Query),
    admission: Admission<'_>,
) -> Result<Resolution, TooMany> {
    if matches!(admission, Admission::Denied) {
        return Err(deny(gateway, settings, client));
    }
    let resolution = gateway
        .sessions
        .resolve_key(key, &client.to.group, query)
        .await;
    note_end(gateway, key, &resolution, |reason| client.facts(reason));
    if matches!(resolution, Resolution::Absent(_)) {
        count_miss(gateway, settings, client)?;
    }
    drop(admission);
    Ok(resolution)
}

/// Asked without using the session.
pub(super) const QUIETLY: Query = Query {
    max_stale: Duration::ZERO,
    counts_as_use: false,
};

/// Writes down once that a session is over, and whose it was if this process remembers that.
fn note_end<'a>(
    gateway: &Gateway,
    key: SessionKey,
    resolution: &Resolution,
    facts: impl Fn(&'a str) -> Facts<'a>,
) {
    let Resolution::Absent(why) = resolution else {
        return;
    };
    let Some(kind) = ended(*why).filter(|_| gateway.logged_ends.is_first(key)) else {
        return;
    };
    let owner = gateway.sessions.owner(&key);
    let reason = match why {
        Absence::Ended(Dead::Revoked(Some(reason))) => reason.as_str(),
        _ => why.as_str(),
    };
    let facts = facts(reason);
    let facts = owner.as_deref().map_or(facts, |owner| facts.about(owner));
    let actor = match kind {
        Kind::FormerSid => facts.actor,
        Kind::Revoked => Actor::Outside,
        _ => Actor::Gateway,
    };
    security::note(kind, Facts { actor, ..facts });
}

/// Whose session it is if it lives, or if the store cannot tell. An end is remembered, and not read again each time.
pub(crate) async fn living(
    gateway: &Gateway,
    key: SessionKey,
    group: &Group,
) -> Option<Arc<Owner>> {
    match gateway.sessions.resolve_key(key, group, QUIETLY).await {
        Resolution::Active(active) => Some(Arc::new(Owner::of(active.entry.session()))),
        Resolution::Absent(_) => None,
        Resolution::Unknown(_) => gateway.sessions.owner(&key),
    }
}

/// The log event of an end that was not logged when it came: by expiry, by another login, or past every gateway.
const fn ended(why: Absence) -> Option<Kind> {
    match why {
        Absence::Ended(Dead::Expired | Dead::Idle) => Some(Kind::Expired),
        Absence::Ended(Dead::Revoked(Some(RevokeReason::Evicted | RevokeReason::Replaced))) => {
            Some(Kind::Evicted)
        }
        Absence::Ended(Dead::Revoked(Some(RevokeReason::External))) => Some(Kind::Revoked),
        Absence::Ended(Dead::Renewed) => Some(Kind::FormerSid),
        _ => None,
    }
}
