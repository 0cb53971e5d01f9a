//! Looking up the session of a request, within what its client may ask.

use std::collections::HashSet;

use parking_lot::Mutex;
use session_core::service::{Absence, Query, Resolution, Sessions};
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
    let (sessions, (client, request_id)): (&Sessions, _) = (&gate.sessions, source);
    let facts = |reason| Facts {
        request_id: Some(request_id),
        client: Some(client),
        reason,
        ..Facts::default()
    };
    if let Some(resolution) = sessions.at_hand(&key, query) {
        note_end(gate, key, &resolution, facts).await;
        return Ok(resolution);
    }
    let now = sessions.clock().boot();
    let leave = site.misses.leave(client, now);
    if matches!(leave, Leave::Denied) {
        return Err(deny(gate, site, source));
    }
    let resolution = sessions.resolve_key(key, query).await;
    note_end(gate, key, &resolution, facts).await;
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
    let (client, request_id) = source;
    let counted = site.misses.count(client, gate.sessions.clock().boot());
    if counted.is_err() {
        gate.metrics.refused("misses_per_client");
        risk::refused(gate, site, Refused::Sid, source);
        let facts = Facts {
            request_id: Some(request_id),
            client: Some(client),
            reason: "misses_per_client",
            ..Facts::default()
        };
        security::note(Kind::UnknownSids, facts);
    }
    counted
}

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
    let query = Query {
        counts_as_use: false,
        ..Query::default()
    };
    match gate.sessions.at_hand(&key, query) {
        Some(Resolution::Active(active)) => Some(active.entry.session().clone()),
        _ => gate.sessions.remains(key).await.ok().flatten(),
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
