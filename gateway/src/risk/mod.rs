//! Suspicious activity: observe first (docs/devices-and-risk.md).
//!
//! A request costs one look into a bounded map and the comparison of a digest of its network and client software. Only when
//! that has changed, what was seen goes into a bounded queue, and one task of its own finds out the place, compares with the
//! past, records it and does what the rules say. Requests wait for none of it. Without `[risk]` nothing is looked at.
//!
//! ```text
//! context, geo, rules   pure: where from, how far, what is suspicious
//! bursts                refusals by client, and by the network around it
//! fair                  a queue in which those who send much wait for themselves
//! budget                how much one session may have written down
//! observer              the task: judges what has changed, and acts
//! webhook               tells somebody else
//! flags                 what lists show
//! backtest              rules on the past
//! ```

pub(crate) mod backtest;
mod budget;
mod bursts;
mod context;
mod fair;
pub(crate) mod flags;
pub(crate) mod geo;
pub(crate) mod observer;
mod rules;
pub(crate) mod webhook;

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use quick_cache::sync::Cache;
use session_core::cache::Entry;
use session_core::clock::Timestamp;
use session_core::service::Resolution;
use session_core::session::{Session, Text};
use thiserror::Error;
use uuid::Uuid;

use self::bursts::Bursts;
pub(crate) use self::bursts::Refused;
use self::fair::{Fair, Limits, Put};
use self::geo::{Geo, GeoError};
use self::webhook::{Outbox, Receiver, ReceiverError};
use crate::auth::decide::Finding;
use crate::config::{RiskAction, RiskConfig};
use crate::gate::Gate;
use crate::site::Site;
use crate::telemetry::security::{self, Actor, Facts};

/// Sessions whose last context is remembered: about 100 bytes each. Of one that is forgotten, the store knows it.
const SESSIONS_MAX: usize = 100_000;
/// Changes of context that wait to be judged, of all users and of one: at most 2 KiB each beside the cached session.
const QUEUE: Limits = Limits {
    all: 4_096,
    of_one: 32,
};

/// `[risk]` with its databases: a part of the [`Site`].
#[derive(Debug)]
pub(crate) struct Policy {
    /// As read.
    pub(crate) config: RiskConfig,
    /// The databases.
    pub(crate) geo: Geo,
    /// Who is told, if anybody.
    webhook: Option<Receiver>,
}

/// `[risk]` names something that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum PolicyError {
    /// See [`GeoError`].
    #[error(transparent)]
    Geo(#[from] GeoError),
    /// See [`ReceiverError`].
    #[error(transparent)]
    Receiver(#[from] ReceiverError),
}

impl Policy {
    /// `None` where nothing is to be looked at.
    ///
    /// # Errors
    /// When a database or a certificate cannot be used.
    pub(crate) fn open(config: &RiskConfig) -> Result<Option<Arc<Self>>, PolicyError> {
        if !config.enabled {
            return Ok(None);
        }
        Ok(Some(Arc::new(Self {
            geo: Geo::open(config)?,
            webhook: config.webhook.as_ref().map(Receiver::new).transpose()?,
            config: config.clone(),
        })))
    }
}

/// What the process remembers of how sessions are used.
pub(crate) struct Risk {
    seen: Cache<Uuid, Arc<Seen>>,
    hasher: RandomState,
    bursts: Bursts,
    /// What waits to be judged, by user.
    jobs: Fair<Text, Job>,
    /// What waits to be told.
    outbox: Outbox,
}

/// The last context of a session.
#[derive(Debug)]
struct Seen {
    /// Of network and client software, under a key of this process.
    digest: AtomicU64,
    /// When it was last seen, in microseconds.
    at: AtomicI64,
    /// Whether its next answer is to bring a new sid.
    rotate: AtomicBool,
}

/// Something to do for the task.
pub(crate) enum Job {
    /// A session was used in another context than before.
    Changed(Box<Changed>),
    /// A session goes on under another handle.
    Moved {
        /// Its old handle.
        from: Uuid,
        /// Its new one.
        to: Uuid,
    },
}

impl Job {
    fn session(&self) -> Uuid {
        match self {
            Self::Changed(changed) => changed.entry.session().id,
            Self::Moved { to, .. } => *to,
        }
    }
}

/// See [`Job::Changed`].
pub(crate) struct Changed {
    entry: Arc<Entry>,
    client: IpAddr,
    request_id: Text,
    user_agent: Text,
    at: Timestamp,
    left_at: Option<Timestamp>,
}

impl Risk {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            seen: Cache::new(SESSIONS_MAX),
            hasher: RandomState::new(),
            bursts: Bursts::default(),
            jobs: Fair::new(QUEUE),
            outbox: Outbox::new(),
        }
    }

    /// Has `job` wait for its turn. `false`: there is no place for it.
    fn judge_later(&self, gate: &Gate, user_id: &str, job: Job) -> bool {
        let session = job.session();
        match self.jobs.put(user_id.into(), job, |_, _| false) {
            Put::Waits | Put::Merged => true,
            Put::Displaced(other) => {
                gate.metrics.risk_dropped("queue");
                if other.session() != session {
                    self.forget(other.session());
                }
                true
            }
            Put::Refused => {
                gate.metrics.risk_dropped("queue");
                false
            }
        }
    }

    /// Whether the next answer to this session is to bring a new sid; asked once, it is not any more.
    ///
    /// This is where an exchange of ids by age may meet the one by risk: both are due to the same answer.
    pub(crate) fn take_rotation(&self, session: Uuid) -> bool {
        self.seen
            .get(&session)
            .is_some_and(|seen| seen.rotate.swap(false, Ordering::Relaxed))
    }

    /// The next answer to this session is to bring a new sid.
    pub(crate) fn want_rotation(&self, session: Uuid) {
        if let Some(seen) = self.seen.get(&session) {
            seen.rotate.store(true, Ordering::Relaxed);
        }
    }

    /// A context that could not be judged is looked at again when it is next seen.
    fn forget(&self, session: Uuid) {
        self.seen.remove(&session);
    }
}

impl std::fmt::Debug for Risk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Risk")
            .field("seen", &self.seen.len())
            .finish_non_exhaustive()
    }
}

/// Where a request came from, and its `X-Request-Id`.
pub(crate) type Source<'a> = (IpAddr, &'a str);

/// A request came with this. The one door from the path of requests.
pub(crate) fn judge_request(
    gate: &Gate,
    site: &Site,
    finding: &Finding,
    source: Source<'_>,
    user_agent: &str,
) {
    match finding {
        Finding::Resolved(Resolution::Active(active)) => {
            observe(gate, site, &active.entry, source, user_agent);
        }
        Finding::Resolved(Resolution::Absent(_)) => refused(gate, site, Refused::Sid, source),
        Finding::Resolved(Resolution::Unknown(_)) | Finding::NotAsked | Finding::NoCookie => {}
    }
}

/// A session was used. On the path of every request: no I/O, and no lock that is held for long.
fn observe(
    gate: &Gate,
    site: &Site,
    entry: &Arc<Entry>,
    (client, request_id): Source<'_>,
    user_agent: &str,
) {
    if site.risk.is_none() {
        return;
    }
    let (risk, session) = (&gate.risk, entry.session().id);
    let at = gate.sessions.clock().wall();
    let context = (context::network(client), user_agent);
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
        client,
        request_id: request_id.into(),
        user_agent: user_agent.into(),
        at,
        left_at,
    };
    let user_id = entry.session().identity.user_id();
    if !risk.judge_later(gate, user_id, Job::Changed(Box::new(changed))) {
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

impl Seen {
    fn new(digest: u64, at: Timestamp) -> Self {
        Self {
            digest: AtomicU64::new(digest),
            at: AtomicI64::new(at.as_micros()),
            rotate: AtomicBool::new(false),
        }
    }
}

/// A session goes on under another handle: what was seen of it goes with it.
pub(crate) fn moved(gate: &Gate, from: Uuid, to: &Session) {
    let (user_id, to) = (to.identity.user_id(), to.id);
    if let Some(seen) = gate.risk.seen.get(&from) {
        let at = Timestamp::from_micros(seen.at.load(Ordering::Relaxed));
        let same = Seen::new(seen.digest.load(Ordering::Relaxed), at);
        gate.risk.seen.insert(to, Arc::new(same));
        gate.risk.seen.remove(&from);
    }
    if gate.site.get().risk.is_some() {
        gate.risk
            .judge_later(gate, user_id, Job::Moved { from, to });
    }
}

/// A client was refused.
pub(crate) fn refused(gate: &Gate, site: &Site, what: Refused, (client, request_id): Source<'_>) {
    let Some(policy) = &site.risk else {
        return;
    };
    let rules = &policy.config.rules;
    let (rule, name) = match what {
        Refused::Sid => (rules.refused_sids, "refused_sids"),
        Refused::Login => (rules.refused_logins, "refused_logins"),
    };
    let now = gate.sessions.clock().boot();
    let Some(network) = gate.risk.bursts.count(what, client, rule.rate, now) else {
        return;
    };
    let signal = Signal {
        request_id,
        rule: name,
        action: rule.action,
        session: None,
        client: network,
    };
    report(gate, &signal, None);
    if rule.action == RiskAction::Notify {
        webhook::notify_about_client(gate, &signal);
    }
}

/// A broken rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal<'a> {
    /// The request that broke it.
    pub(crate) request_id: &'a str,
    /// Its name.
    pub(crate) rule: &'static str,
    /// What is done about it.
    pub(crate) action: RiskAction,
    /// Handle of the session, if it is about one.
    pub(crate) session: Option<Uuid>,
    /// Network of the client.
    pub(crate) client: IpAddr,
}

/// The one place where a signal is counted and written down.
fn report(gate: &Gate, signal: &Signal<'_>, whose: Option<&Session>) {
    gate.metrics
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
