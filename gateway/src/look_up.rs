//! Looking up the session of a request, within what its client may ask.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::Mutex;
use session_core::service::{Absence, Query, Resolution};
use session_core::session::{Dead, RevokeReason, Session};
use session_core::sid::SessionKey;

use crate::buckets::TooMany;
use crate::gate::Gate;
use crate::misses::Leave;
use crate::risk::{self, Refused, Source};
use crate::site::Site;
use crate::telemetry::security::{self, Actor, Facts, Kind};

/// What is known about the session of `key`. What is at hand in this process is answered whoever asks.
///
/// # Errors
/// When too many sids of this client were no sessions.
pub(crate) async fn look_up(
    gate: &Gate,
    site: &Site,
    source: Source<'_>,
    key: SessionKey,
    query: Query,
) -> Result<Resolution, TooMany> {
    if let Some(resolution) = gate.sessions.at_hand(&key, query) {
        note_end(gate, key, &resolution, |reason| facts(source, reason)).await;
        return Ok(resolution);
    }
    let now = gate.sessions.clock().boot();
    let leave = site.misses.leave(source.0, now);
    read(gate, site, source, (key, query), leave).await
}

/// The same for whoever wants to end the session: they wait for their turn where others are told to come again.
///
/// # Errors
/// As for [`look_up`].
pub(crate) async fn look_up_to_end(
    gate: &Gate,
    site: &Site,
    source: Source<'_>,
    key: SessionKey,
) -> Result<Resolution, TooMany> {
    if let Some(resolution) = gate.sessions.at_hand(&key, QUIETLY) {
        note_end(gate, key, &resolution, |reason| facts(source, reason)).await;
        return Ok(resolution);
    }
    let now = gate.sessions.clock().boot();
    let leave = site.misses.leave_in_turn(source.0, now).await;
    read(gate, site, source, (key, QUIETLY), leave).await
}

/// Asks the other tiers, and counts what is no session.
async fn read(
    gate: &Gate,
    site: &Site,
    source: Source<'_>,
    (key, query): (SessionKey, Query),
    leave: Leave<'_>,
) -> Result<Resolution, TooMany> {
    if matches!(leave, Leave::Denied) {
        return Err(deny(gate, site, source));
    }
    let resolution = gate.sessions.resolve_key(key, query).await;
    note_end(gate, key, &resolution, |reason| facts(source, reason)).await;
    if matches!(resolution, Resolution::Absent(_)) {
        count_miss(gate, site, source)?;
    }
    drop(leave);
    Ok(resolution)
}

/// Whoever has asked in vain too often is not answered now.
pub(crate) fn deny(gate: &Gate, site: &Site, source: Source<'_>) -> TooMany {
    gate.metrics.refused("misses_per_client");
    risk::refused(gate, site, Refused::Sid, source);
    TooMany(1)
}

/// Counts that this client was nobody, which somebody had to be asked for.
///
/// # Errors
/// When that was too often.
pub(crate) fn count_miss(gate: &Gate, site: &Site, source: Source<'_>) -> Result<(), TooMany> {
    let now = gate.sessions.clock().boot();
    site.misses.count(source.0, now).inspect_err(|_| {
        gate.metrics.refused("misses_per_client");
        risk::refused(gate, site, Refused::Sid, source);
        security::note(Kind::UnknownSids, facts(source, "misses_per_client"));
    })
}

/// What a line says about who asked.
fn facts<'a>((client, request_id): Source<'a>, reason: &'a str) -> Facts<'a> {
    Facts {
        request_id: Some(request_id),
        client: Some(client),
        reason,
        ..Facts::default()
    }
}

/// Asked without using the session.
const QUIETLY: Query = Query {
    max_stale: Duration::ZERO,
    counts_as_use: false,
};

/// Sessions whose end was written down lately. When there are too many it begins anew: a line may then come twice.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<HashSet<SessionKey>>);

impl Noted {
    const MAX: usize = 10_000;

    fn is_first(&self, key: SessionKey) -> bool {
        let mut noted = self.0.lock();
        if noted.len() >= Self::MAX {
            noted.clear();
        }
        noted.insert(key)
    }
}

/// Writes down once that a session is over.
async fn note_end<'a>(
    gate: &Gate,
    key: SessionKey,
    resolution: &Resolution,
    facts: impl Fn(&'a str) -> Facts<'a>,
) {
    let Resolution::Absent(why) = resolution else {
        return;
    };
    let Some(kind) = ended(*why).filter(|_| gate.noted.is_first(key)) else {
        return;
    };
    let session = whose(gate, key).await;
    let reason = match why {
        Absence::Ended(Dead::Revoked(Some(reason))) => reason.as_str(),
        _ => why.as_str(),
    };
    let facts = facts(reason);
    let facts = session
        .as_ref()
        .map_or(facts, |session| facts.about(session));
    let actor = match kind {
        Kind::FormerSid => facts.actor,
        Kind::Revoked => Actor::Outside,
        _ => Actor::Gateway,
    };
    security::note(kind, Facts { actor, ..facts });
}

/// Whose session it is or was, for the log. That nobody can say just now keeps the line from nobody.
pub(crate) async fn whose(gate: &Gate, key: SessionKey) -> Option<Session> {
    match gate.sessions.at_hand(&key, QUIETLY) {
        Some(Resolution::Active(active)) => Some(active.entry.session().clone()),
        _ => gate.sessions.remains(key).await.ok().flatten(),
    }
}

/// The session of `key` if it lives, or if nobody can say; what is over is remembered, and not read again each time.
pub(crate) async fn living(gate: &Gate, key: SessionKey) -> Option<Session> {
    match gate.sessions.resolve_key(key, QUIETLY).await {
        Resolution::Active(active) => Some(active.entry.session().clone()),
        Resolution::Absent(_) => None,
        Resolution::Unknown(_) => whose(gate, key).await,
    }
}

/// Ends that nobody has written down when they came: by themselves, by another login, or past every gateway.
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
