//! Suspicious activity: observe first (docs/devices-and-risk.md).
//!
//! A request costs one look into a bounded map and the comparison of a digest of its network and client software. Only when
//! that has changed, what was seen goes into a bounded queue, and one task of its own finds out the place, compares with the
//! past, records it and does what the rules say. Requests wait for none of it. Without `[risk]` nothing is looked at.
//!
//! ```text context, geo, rules   pure: where from, how far, what is suspicious bursts                refusals by
//! client, and by the network around it fair                  a queue in which those who send much wait for themselves
//! budget                how much one session may have written down observer              the task: judges what has
//! changed, and acts webhook               tells a receiver outside flags                 what lists show backtest
//! rules on the past
//! ```

pub(crate) mod backtest;
mod budget;
mod context;
pub(crate) mod flags;
pub(crate) mod observer;
pub(crate) mod refusals;
mod rules;
mod signal;
pub(crate) mod state;
pub(crate) mod webhook;

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use session_core::cache::Entry;
use session_core::clock::Timestamp;
use session_core::service::Resolution;
use session_core::session::Session;
use sidgate_policy::auth::decide::Finding;
use uuid::Uuid;

use self::signal::Signal;
pub(crate) use self::state::bursts::Refused;
use self::state::{Changed, Job, Seen};
use crate::config::RiskAction;
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::security::{self, Actor, Facts};

/// Judges the session of a request. This is the only call from the request path.
pub(crate) fn judge_request(
    gateway: &Gateway,
    settings: &ActiveConfig,
    finding: &Finding,
    client: &Client,
) {
    match finding {
        Finding::Resolved(Resolution::Active(active)) => {
            observe(gateway, settings, &active.entry, client);
        }
        Finding::Resolved(Resolution::Absent(_)) => {
            refused(gateway, settings, Refused::Sid, client)
        }
        Finding::Resolved(Resolution::Unknown(_)) | Finding::NotAsked | Finding::NoCookie => {}
    }
}

/// A session was used. On the path of every request: no I/O, and no lock that is held for long.
fn observe(gateway: &Gateway, settings: &ActiveConfig, entry: &Arc<Entry>, client: &Client) {
    if settings.risk.is_none() {
        return;
    }
    let (risk, session) = (&gateway.risk, entry.session().id);
    let at = gateway.sessions.clock().wall();
    let user_agent = client.clipped_user_agent();
    let context = (context::network(client.ip), &*user_agent);
    let digest = risk.hasher.hash_one(context);
    let seen = risk.seen.get(&session);
    if let Some(seen) = &seen
        && seen.digest.load(Ordering::Relaxed) == digest
    {
        seen.at.store(at.as_micros(), Ordering::Relaxed);
        return;
    }
    let left_at = seen
        .as_ref()
        .map(|seen| Timestamp::from_micros(seen.at.load(Ordering::Relaxed)));
    let changed = Changed {
        entry: Arc::clone(entry),
        client: client.ip,
        request_id: (*client.request_id).into(),
        user_agent,
        at,
        left_at,
    };
    let user_id = entry.session().identity.user_id();
    if !risk.judge_later(&gateway.metrics, user_id, Job::Changed(Box::new(changed))) {
        // The next request tries again.
        return;
    }
    match seen {
        Some(seen) => {
            seen.digest.store(digest, Ordering::Relaxed);
            seen.at.store(at.as_micros(), Ordering::Relaxed);
        }
        None => risk.seen.insert(session, Arc::new(Seen::new(digest, at))),
    }
}

/// A session got another handle: what was seen of it moves along.
pub(crate) fn moved(gateway: &Gateway, from: Uuid, to: &Session) {
    let (user_id, to) = (to.identity.user_id(), to.id);
    if let Some(seen) = gateway.risk.seen.get(&from) {
        let at = Timestamp::from_micros(seen.at.load(Ordering::Relaxed));
        let same = Seen::new(seen.digest.load(Ordering::Relaxed), at);
        gateway.risk.seen.insert(to, Arc::new(same));
        gateway.risk.seen.remove(&from);
    }
    if gateway.settings.get().risk.is_some() {
        gateway
            .risk
            .judge_later(&gateway.metrics, user_id, Job::Moved { from, to });
    }
}

/// A client was refused.
pub(crate) fn refused(gateway: &Gateway, settings: &ActiveConfig, what: Refused, client: &Client) {
    let Some(policy) = &settings.risk else {
        return;
    };
    let rules = &policy.config.rules;
    let (rule, name) = match what {
        Refused::Sid => (rules.refused_sids, "refused_sids"),
        Refused::Login => (rules.refused_logins, "refused_logins"),
    };
    let now = gateway.sessions.clock().boot();
    let Some(network) = gateway.risk.bursts.count(what, client.ip, rule.rate, now) else {
        return;
    };
    let signal = Signal {
        request_id: &client.request_id,
        rule: name,
        action: rule.action,
        session: None,
        client: network,
    };
    report(gateway, &signal, None);
    if rule.action == RiskAction::Notify {
        webhook::notify_about_client(gateway, &signal);
    }
}

/// Counts and logs a signal.
fn report(gateway: &Gateway, signal: &Signal<'_>, whose: Option<&Session>) {
    gateway
        .metrics
        .risk_signal(signal.rule, signal.action.as_str());
    let facts = Facts {
        request_id: Some(signal.request_id),
        actor: Actor::Gateway,
        client: Some(signal.client),
        reason: signal.rule,
        ..Facts::default()
    };
    let facts = whose.map_or(facts, |session| facts.about(session));
    security::note(security::Kind::Risk, facts);
}
