//! The task that judges: finds out the place, compares with the past, acts, records.
//!
//! It acts before it records: what could not be done is not recorded, and so comes up again with the next request.

use std::sync::Arc;
use std::time::Duration;

use session_core::service::{SessionsError, Wait};
use session_core::session::{RevokeReason, RiskRule, Session};
use session_core::store::{Scope, Sighting};
use tokio::sync::mpsc;
use tracing::{debug, warn};
use uuid::Uuid;

use super::rules::{HISTORY, is_same_context, judge};
use super::webhook::{self, Notice};
use super::{Changed, Job, Policy, Signal, context, report};
use crate::config::RiskAction;
use crate::gate::Gate;
use crate::telemetry::security::{self, Actor, Facts, Kind};

/// A session that changes its context more often than [`HISTORY`] times in this time is still judged, but recorded only
/// when it breaks a rule: so one client cannot fill the table.
const CROWDED: Duration = Duration::from_secs(3_600);

/// Judges what comes in, one after another, as long as the core runtime lives.
pub(crate) async fn run(gate: Arc<Gate>, mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Changed(changed) => {
                // Switched off while it waited.
                let Some(policy) = gate.site.get().risk.clone() else {
                    continue;
                };
                let session = changed.entry.session().id;
                if let Err(failed) = consider(&gate, &policy, &changed).await {
                    debug!(error = %failed, %session, "sighting not judged");
                    gate.metrics.risk_dropped("store");
                    gate.risk.forget(session);
                }
            }
            Job::Moved { from, to } => {
                if let Err(failed) = hand_over(&gate, from, to).await {
                    debug!(error = %failed, session = %to, "sightings not handed over");
                    gate.metrics.risk_dropped("store");
                }
            }
        }
    }
}

async fn consider(gate: &Gate, policy: &Policy, changed: &Changed) -> Result<(), SessionsError> {
    let session = changed.entry.session();
    let mut new = sighting(policy, changed, session);
    let mut past = gate.sessions.sightings_of(session.id, HISTORY).await?;
    if past.is_empty() {
        let login = at_login(policy, session, &new);
        gate.sessions.sight(login.clone()).await?;
        past.push(login);
    }
    if past.len() >= HISTORY {
        // Its row may have made room for later ones; where a session began stays known.
        past.insert(0, at_login(policy, session, &new));
    }
    let Some(last) = past.last().filter(|last| !is_same_context(last, &new)) else {
        return Ok(());
    };
    debug!(session = %session.id, network = %new.network, before = %last.network, family = &*new.family, "context changed");
    new.signals = judge(&policy.config.rules, &past, &new);
    let request_id = &changed.request_id;
    act(gate, policy, session, last, &new, request_id).await?;
    let is_crowded = past.len() > HISTORY
        && past
            .get(1)
            .is_some_and(|first| new.at.since(first.at) < CROWDED);
    if is_crowded && new.signals.is_empty() {
        gate.metrics.risk_dropped("crowded");
        return Ok(());
    }
    gate.sessions.sight(new).await
}

fn sighting(policy: &Policy, changed: &Changed, session: &Session) -> Sighting {
    let place = policy.geo.place(changed.client);
    Sighting {
        session: session.id,
        user_id: session.identity.user_id().into(),
        tenant_id: session.identity.tenant_id().map(Into::into),
        at: changed.at,
        left_at: changed.left_at,
        network: context::network(changed.client),
        family: context::family(&changed.user_agent),
        country: place.country,
        asn: place.asn,
        location: place.location,
        signals: Vec::new(),
    }
}

/// What was seen at the login, with which the first use is compared.
fn at_login(policy: &Policy, session: &Session, new: &Sighting) -> Sighting {
    let seen = Sighting {
        at: session.created_at.min(new.at),
        left_at: None,
        family: context::family(&session.user_agent),
        ..new.clone()
    };
    let Some(address) = session.ip else {
        return seen;
    };
    let place = policy.geo.place(address);
    Sighting {
        network: context::network(address),
        country: place.country,
        asn: place.asn,
        location: place.location,
        ..seen
    }
}

/// Does what the rules say: the strongest action of all that were broken, which includes the weaker ones.
async fn act(
    gate: &Gate,
    policy: &Policy,
    session: &Session,
    before: &Sighting,
    new: &Sighting,
    request_id: &str,
) -> Result<(), SessionsError> {
    let action = |rule: &RiskRule| policy.config.rules.action(*rule);
    // Of several equally strong rules the first is named.
    let strongest = new.signals.iter().rev().max_by_key(|rule| action(rule));
    let Some(rule) = strongest else {
        return Ok(());
    };
    match action(rule) {
        RiskAction::Observe | RiskAction::Notify => {}
        RiskAction::Rotate => gate.risk.want_rotation(session.id),
        RiskAction::Revoke => end(gate, session, *rule, request_id).await?,
    }
    for rule in &new.signals {
        let signal = Signal {
            request_id,
            rule: rule.as_str(),
            action: action(rule),
            session: Some(session.id),
            client: new.network,
        };
        report(gate, &signal, Some(session));
        if signal.action >= RiskAction::Notify {
            webhook::notify(gate, Notice::about_session(gate, &signal, before, new));
        }
    }
    Ok(())
}

async fn end(
    gate: &Gate,
    session: &Session,
    rule: RiskRule,
    request_id: &str,
) -> Result<(), SessionsError> {
    let scope = Scope::Handle {
        id: session.id,
        user_id: None,
    };
    let reason = RevokeReason::Risk(rule);
    match gate
        .sessions
        .revoke(scope.clone(), reason, Wait::None)
        .await
    {
        Ok(receipt) => {
            gate.metrics.revoked(reason, receipt.revoked);
            if receipt.revoked == 0 {
                return Ok(());
            }
            let facts = Facts {
                request_id: Some(request_id),
                actor: Actor::Gateway,
                receipt: Some(&receipt),
                reason: reason.as_str(),
                ..Facts::default()
            };
            security::note(Kind::Revoked, facts.about(session).concerning(&scope));
            Ok(())
        }
        Err(failed) => {
            warn!(session = %session.id, %rule, error = %failed, "a suspicious session could not be ended; its next request tries again");
            Err(failed)
        }
    }
}

/// Copies what was seen of a session to its new handle, flags included.
async fn hand_over(gate: &Gate, from: Uuid, to: Uuid) -> Result<(), SessionsError> {
    for seen in gate.sessions.sightings_of(from, HISTORY).await? {
        let seen = Sighting {
            session: to,
            ..seen
        };
        gate.sessions.sight(seen).await?;
    }
    Ok(())
}
