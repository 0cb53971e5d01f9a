//! One old login becomes one session.
//!
//! However many requests bring it, one of them asks; what the store knows already is not asked of the app; and an app
//! that does not answer is left alone for a while. A refusal is remembered for a minute, an acceptance by its session.

use std::sync::Arc;
use std::time::Duration;

use session_core::cache::breaker::Breaker;
use session_core::cache::flight::{FlightLimits, Flights};
use session_core::clock::Timestamp;
use session_core::entropy;
use session_core::keys::legacy::LegacyLogin;
use session_core::service::{Created, Known, Login, Migrated, Resolution, SessionsError};
use session_core::sid::{SessionKey, Sid};
use session_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::warn;
use uuid::Uuid;

use super::memory::Recent;
use super::rules::Found;
use super::tally::TallyBook;
use super::{Janitor, Offer, Visitor};
use crate::auth::decide::Finding;
use crate::backend::{BackendError, OldCookies, Recognised};
use crate::gate::Gate;
use crate::site::Site;
use crate::telemetry::security::{self, Facts, Kind};

/// Logins that are judged at once, those that wait for it, and how long one may take in all.
const LIMITS: FlightLimits = FlightLimits {
    running: 16,
    waiting: 512,
    deadline: Duration::from_secs(10),
};
/// How long a refusal holds.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// How long a browser is not redirected again.
const REDIRECT_PAUSE: Duration = Duration::from_secs(60);
/// How long a login counts as seen in shadow mode.
const SHADOWED_FOR: Duration = Duration::from_secs(3_600);
/// Most refusals, browsers and logins that are remembered: about 100 bytes each.
const REMEMBERED_MAX: usize = 50_000;
/// Logins that shadow mode judges at once; others are left for the next request.
const SHADOWS_MAX: usize = 4;

/// What is under way, and what was decided lately.
#[derive(Debug)]
pub(crate) struct Migrations {
    flights: Flights<Outcome>,
    refusals: Recent<Arc<Janitor>>,
    redirected: Recent<()>,
    shadowed: Recent<()>,
    shadows: Arc<Semaphore>,
    pub(crate) breaker: Breaker,
    pub(crate) book: TallyBook,
}

/// What an old login is.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is this session.
    Session {
        key: SessionKey,
        sid: Sid,
        /// What is left of it.
        life: Duration,
        /// Whether it was made just now.
        made: bool,
    },
    /// The app refuses it, or its session has ended. What browsers were told about it.
    Refused(Arc<Janitor>),
    /// Nobody can say.
    Unavailable,
}

impl Migrations {
    /// Nothing was decided yet. Work runs on `core`.
    pub(crate) fn new(core: Handle) -> Self {
        Self {
            flights: Flights::within(core, LIMITS),
            refusals: Recent::new(REMEMBERED_MAX, REFUSED_FOR),
            redirected: Recent::new(REMEMBERED_MAX, REDIRECT_PAUSE),
            shadowed: Recent::new(REMEMBERED_MAX, SHADOWED_FOR),
            shadows: Arc::new(Semaphore::new(SHADOWS_MAX)),
            breaker: Breaker::default(),
            book: TallyBook::default(),
        }
    }

    /// Whether this browser was not redirected within the last minute. One that keeps no cookies would else go in circles.
    pub(super) fn may_redirect(&self, gate: &Gate, visitor: &Visitor) -> bool {
        let mut browser = blake3::Hasher::new();
        browser
            .update(visitor.ip.to_string().as_bytes())
            .update(&[0])
            .update(visitor.user_agent.as_bytes());
        let browser = SessionKey::from_bytes(*browser.finalize().as_bytes());
        self.redirected
            .is_first(browser, (), gate.sessions.clock().boot())
    }
}

/// Finds out what an old login is, making its session if it has none.
pub(super) async fn migrate(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    found: &Found,
    visitor: &Visitor,
) -> Outcome {
    let Some(login) = gate.sessions.legacy(&found.credentials()) else {
        return Outcome::Unavailable;
    };
    let (login, now) = (Arc::new(login), gate.sessions.clock().boot());
    if let Some(janitor) = gate.migrations.refusals.get(&login.digest(), now) {
        return Outcome::Refused(janitor);
    }
    if found.ambiguous {
        // Two values, of which one may be planted: neither is believed. Nothing is remembered against either.
        note(gate, facts(visitor, "refused"));
        return Outcome::Refused(Arc::default());
    }
    let work = Work {
        gate: Arc::clone(gate),
        site: Arc::clone(site),
        login: Arc::clone(&login),
        visitor: visitor.clone(),
        cookies: OldCookies {
            cookies: found.cookies.clone(),
            ip: visitor.ip,
            user_agent: visitor.user_agent.clone(),
        },
        kept: site
            .config
            .migration
            .rollback_reissue
            .then(|| super::reissue::write(&found.raw))
            .flatten(),
    };
    let landed = gate
        .migrations
        .flights
        .join(login.digest(), || work.judge())
        .await;
    landed.unwrap_or_else(|grounded| {
        let why = format!("{grounded:?}");
        unavailable(gate, visitor, &why)
    })
}

/// One login, judged once for all who brought it.
struct Work {
    gate: Arc<Gate>,
    site: Arc<Site>,
    login: Arc<LegacyLogin>,
    visitor: Visitor,
    cookies: OldCookies,
    kept: Option<Vec<u8>>,
}

impl Work {
    async fn judge(self) -> Outcome {
        match self.gate.sessions.recall(&self.login).await {
            Ok(Known::Live(created)) => self.session(*created, false),
            Ok(Known::Ended(session)) => self.refused("replayed", session),
            Ok(Known::Never) => self.introspect().await,
            Err(failed) => self.failed(&failed),
        }
    }

    async fn introspect(self) -> Outcome {
        let gate = &self.gate;
        // Before the app looks: "log everybody out" also ends logins that are under way (DESIGN 5, R8).
        let ticket = match gate.sessions.begin_login().await {
            Ok(ticket) => ticket,
            Err(failed) => return self.failed(&failed),
        };
        let asked = ask(gate, &self.site, &self.cookies, &self.visitor).await;
        let (identity, reference) = match asked {
            Ok(Recognised::Yes(identity, reference)) => (identity, reference),
            Ok(Recognised::No) => return self.refused("refused", None),
            Err(failed) => return unavailable(gate, &self.visitor, &failed.to_string()),
        };
        let config = &self.site.config.session;
        let login = Login {
            identity: *identity,
            reference,
            ip: Some(self.visitor.ip),
            user_agent: self.visitor.user_agent.clone(),
            ttl: config.absolute_timeout,
            idle: config.idle_timeout,
            replaces: None,
            // Nobody logs in: a login that is there already is not refused, nor does it end another one.
            limit: None,
        };
        let migrated = gate
            .sessions
            .migrate(ticket, &self.login, login, self.kept.as_deref())
            .await;
        match migrated {
            Ok(Migrated::Made(created)) => self.session(*created, true),
            Ok(Migrated::Existing(created)) => self.session(*created, false),
            Ok(Migrated::Ended(session)) => self.refused("replayed", session),
            Err(failed) => self.failed(&failed),
        }
    }

    fn session(&self, created: Created, made: bool) -> Outcome {
        let Created { sid, session } = created;
        let result = if made { "migrated" } else { "already" };
        if made {
            self.gate.metrics.created("migration");
        }
        let facts = facts(&self.visitor, result);
        note(&self.gate, facts.by_owner(&session));
        Outcome::Session {
            key: session.key,
            sid,
            life: life(session.expires_at, &self.gate),
            made,
        }
    }

    /// Remembered for a while, against this value alone.
    fn refused(&self, result: &'static str, session: Option<Uuid>) -> Outcome {
        let (gate, janitor) = (&self.gate, Arc::<Janitor>::default());
        let now = gate.sessions.clock().boot();
        gate.migrations
            .refusals
            .put(self.login.digest(), Arc::clone(&janitor), now);
        let facts = Facts {
            session,
            ..facts(&self.visitor, result)
        };
        note(gate, facts);
        Outcome::Refused(janitor)
    }

    fn failed(&self, failed: &SessionsError) -> Outcome {
        let why = match failed {
            SessionsError::Store(StoreError::Unavailable(_)) => "store unavailable".to_owned(),
            other => other.to_string(),
        };
        unavailable(&self.gate, &self.visitor, &why)
    }
}

/// Asks the app, if it has answered lately.
async fn ask(
    gate: &Gate,
    site: &Site,
    cookies: &OldCookies,
    visitor: &Visitor,
) -> Result<Recognised, BackendError> {
    let (breaker, clock) = (&gate.migrations.breaker, gate.sessions.clock());
    if !breaker.admit(clock.boot()) {
        return Err(BackendError::Unavailable("breaker"));
    }
    let asked = gate
        .backend
        .introspect(site, cookies, &visitor.request_id, gate.now())
        .await;
    let jitter = entropy::bytes::<1>(gate.entropy.as_ref()).map_or(0, |[byte]| byte);
    breaker.report(clock.boot(), asked.is_ok(), jitter);
    gate.metrics.backend(match &asked {
        Ok(Recognised::Yes(..)) => "accepted",
        Ok(Recognised::No) => "rejected",
        Err(_) => "unavailable",
    });
    asked
}

fn life(expires_at: Timestamp, gate: &Gate) -> Duration {
    expires_at.since(gate.sessions.clock().wall())
}

fn unavailable(gate: &Gate, visitor: &Visitor, why: &str) -> Outcome {
    count(gate, "unavailable");
    warn!(
        request_id = visitor.request_id,
        result = "unavailable",
        why,
        "migration"
    );
    Outcome::Unavailable
}

fn facts<'a>(visitor: &'a Visitor, result: &'static str) -> Facts<'a> {
    Facts {
        request_id: Some(&visitor.request_id),
        client: Some(visitor.ip),
        reason: result,
        ..Facts::default()
    }
}

/// Counts and tells what became of an old login; `facts` has the result.
fn note(gate: &Gate, facts: Facts<'_>) {
    count(gate, facts.reason);
    security::note(Kind::Migration, facts);
}

fn count(gate: &Gate, result: &str) {
    gate.metrics.migration(result);
    gate.migrations.book.result(result);
}

/// Judges a login beside the request, which goes its way untouched: what would have happened?
pub(super) fn shadow(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    offer: &Offer,
    visitor: &Visitor,
    finding: &Finding,
) {
    let found = &offer.found;
    if !found.is_within(site.config.migration.rollout_percent) {
        return;
    }
    let Some(login) = gate.sessions.legacy(&found.credentials()) else {
        return;
    };
    let Ok(turn) = Arc::clone(&gate.migrations.shadows).try_acquire_owned() else {
        return;
    };
    let now = gate.sessions.clock().boot();
    if !gate.migrations.shadowed.is_first(login.digest(), (), now) {
        return;
    }
    let user = match finding {
        Finding::Resolved(Resolution::Active(active)) => {
            Some(active.entry.session().identity.user_id().to_owned())
        }
        _ => None,
    };
    let cookies = OldCookies {
        cookies: found.cookies.clone(),
        ip: visitor.ip,
        user_agent: visitor.user_agent.clone(),
    };
    let (ambiguous, gate, site, visitor) = (
        found.ambiguous,
        Arc::clone(gate),
        Arc::clone(site),
        visitor.clone(),
    );
    let core = gate.core.clone();
    core.spawn(async move {
        match ask(&gate, &site, &cookies, &visitor).await {
            Ok(Recognised::Yes(identity, _)) if !ambiguous => {
                let same = user.is_none_or(|user| user == identity.user_id());
                let result = if same {
                    "shadow_match"
                } else {
                    "shadow_mismatch"
                };
                note(&gate, facts(&visitor, result));
            }
            Ok(_) => note(&gate, facts(&visitor, "shadow_mismatch")),
            Err(failed) => drop(unavailable(&gate, &visitor, &failed.to_string())),
        }
        drop(turn);
    });
}
