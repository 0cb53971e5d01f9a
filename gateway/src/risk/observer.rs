//! The task that judges: finds out the place, compares with the past, acts, records.
//!
//! It acts before it records. An action that failed is not recorded, so the next request tries it again.

use std::sync::Arc;
use std::time::Duration;

use session_core::service::{SessionsError, Wait};
use session_core::session::{RevokeReason, RiskRule, Session};
use session_core::store::{Scope, Sighting};
use tracing::{debug, warn};
use uuid::Uuid;

use super::budget::{Budgets, Said};
use super::rules::{HISTORY, is_same_context, judge};
use super::signal::Signal;
use super::state::{Changed, Job, Policy};
use super::{context, report, webhook};
use crate::config::RiskAction;
use crate::state::Gateway;
use crate::telemetry::labels::RiskDropped;
use crate::telemetry::security::{self, Actor, Facts, Kind};

/// A session that changes its context more often than [`HISTORY`] times in this time is still judged, but recorded only
/// when a signal is said about it: so one client cannot fill the table.
const CROWDED_FOR: Duration = Duration::from_secs(3_600);
/// Name of the signal that a session has spent its budget of another one.
const CROWDED: &str = "crowded";

/// Judges what comes in, one after another, as long as the core runtime lives.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let mut observer = Observer {
        budgets: Budgets::new(),
        gateway,
    };
    loop {
        let job = observer.gateway.risk.jobs.next().await;
        observer.take(job).await;
    }
}

struct Observer {
    gateway: Arc<Gateway>,
    budgets: Budgets,
}

impl Observer {
    async fn take(&mut self, job: Job) {
        let gateway = Arc::clone(&self.gateway);
        // `None`: risk was switched off while the job waited.
        let Some(policy) = gateway.settings.get().risk.clone() else {
            return;
        };
        let session = job.session();
        let done = match job {
            Job::Changed(changed) => self.consider(&policy, &changed).await,
            Job::Moved { from, to } => self.hand_over(from, to).await,
        };
        if let Err(failed) = done {
            debug!(cause = %failed, %session, "sighting not judged, or not handed over");
            gateway.metrics.risk_dropped(RiskDropped::Store);
            gateway.risk.forget(session);
        }
    }

    async fn consider(&mut self, policy: &Policy, changed: &Changed) -> Result<(), SessionsError> {
        let gateway = Arc::clone(&self.gateway);
        let session = changed.entry.session();
        let mut new = sighting(policy, changed, session);
        let mut past = gateway.sessions.sightings_of(session.id, HISTORY).await?;
        if past.is_empty() {
            let login = at_login(policy, session, &new);
            gateway.sessions.sight(login.clone()).await?;
            past.push(login);
        }
        if past.len() >= HISTORY {
            // The login row may have been pruned. Insert it again, so that the origin stays part of the history.
            past.insert(0, at_login(policy, session, &new));
        }
        let Some(last) = past.last().filter(|last| !is_same_context(last, &new)) else {
            return Ok(());
        };
        debug!(session = %session.id, network = %new.network, before = %last.network, family = &*new.family, "context changed");
        new.signals = judge(&policy.config.rules, &past, &new);
        do_strongest(&gateway, policy, session, &new.signals, &changed.request_id).await?;
        let now = gateway.sessions.clock().boot();
        let said = self.budgets.signals(session.id, &new.signals, now);
        say(
            &gateway,
            policy,
            session,
            (last, &new),
            &said,
            &changed.request_id,
        );
        let is_crowded = past.len() > HISTORY
            && past
                .get(1)
                .is_some_and(|first| new.at.since(first.at) < CROWDED_FOR);
        if is_crowded && said.rules.is_empty() {
            gateway.metrics.risk_dropped(RiskDropped::Crowded);
            return Ok(());
        }
        gateway.sessions.sight(new).await
    }

    /// Copies what was seen of a session to its new handle, flags included.
    async fn hand_over(&mut self, from: Uuid, to: Uuid) -> Result<(), SessionsError> {
        let gateway = Arc::clone(&self.gateway);
        if !self
            .budgets
            .moved(from, to, gateway.sessions.clock().boot())
        {
            gateway.metrics.risk_dropped(RiskDropped::Crowded);
            return Ok(());
        }
        for seen in gateway.sessions.sightings_of(from, HISTORY).await? {
            let seen = Sighting {
                session: to,
                ..seen
            };
            gateway.sessions.sight(seen).await?;
        }
        Ok(())
    }
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

/// Takes the strongest action of the broken rules. Actions have no budget, only reports do.
async fn do_strongest(
    gateway: &Gateway,
    policy: &Policy,
    session: &Session,
    broken: &[RiskRule],
    request_id: &str,
) -> Result<(), SessionsError> {
    let action = |rule: &&RiskRule| policy.config.rules.action(**rule);
    // Of several equally strong rules the first is named.
    let Some(rule) = broken.iter().rev().max_by_key(action) else {
        return Ok(());
    };
    match action(&rule) {
        RiskAction::Observe | RiskAction::Notify => {}
        RiskAction::Rotate => gateway.risk.want_rotation(session.id),
        RiskAction::Revoke => end(gateway, session, *rule, request_id).await?,
    }
    Ok(())
}

/// Counts, logs and sends the signals that are within their budget.
fn say(
    gateway: &Gateway,
    policy: &Policy,
    session: &Session,
    (before, new): (&Sighting, &Sighting),
    said: &Said,
    request_id: &str,
) {
    let each = said.rules.iter().map(|rule| (rule.as_str(), *rule));
    let crowded = said.crowded.map(|rule| (CROWDED, rule));
    for (name, rule) in each.chain(crowded) {
        let signal = Signal {
            request_id,
            rule: name,
            action: policy.config.rules.action(rule),
            session: Some(session.id),
            client: new.network,
        };
        report(gateway, &signal, Some(session));
        if signal.action >= RiskAction::Notify {
            webhook::notify_about_session(gateway, &signal, before, new);
        }
    }
}

async fn end(
    gateway: &Gateway,
    session: &Session,
    rule: RiskRule,
    request_id: &str,
) -> Result<(), SessionsError> {
    let scope = Scope::Handle {
        id: session.id,
        user_id: None,
        group: None,
    };
    let reason = RevokeReason::Risk(rule);
    match gateway
        .sessions
        .revoke(scope.clone(), reason, Wait::None)
        .await
    {
        Ok(receipt) => {
            gateway.metrics.revoked(reason, receipt.revoked);
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
            warn!(session = %session.id, %rule, cause = %failed, "a suspicious session could not be ended; its next request tries again");
            Err(failed)
        }
    }
}
