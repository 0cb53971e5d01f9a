//! Old logins become sessions: what is under way, and what one request may ask for.
//!
//! However many requests bring the same credentials, one of them asks; what the store knows already is not asked of the
//! app; and an app that is not there is left alone for a while. A refusal is remembered for a minute, an acceptance by its
//! session. Whoever brings credentials that are worth nothing pays with the budget that holds for sids too.

use std::sync::Arc;
use std::time::Duration;

use session_core::cache::breaker::Breaker;
use session_core::cache::flight::{FlightLimits, Flights};
use session_core::clock::Boot;
use session_core::keys::legacy::LegacyLogin;
use session_core::sid::{SessionKey, Sid};
use tokio::runtime::Handle;
use tracing::warn;

use super::case::{Case, Ended};
use super::found::Found;
use super::memory::Recent;
use super::question::Doubts;
use super::shares::Shares;
use super::tally::TallyBook;
use super::{Janitor, Visitor};
use crate::buckets::TooMany;
use crate::gate::Gate;
use crate::look_up::{count_miss, deny};
use crate::misses::Leave;
use crate::site::Site;
use crate::telemetry::security::{self, Facts, Kind};

/// Logins that are judged at once.
const JUDGED_MAX: usize = 16;
/// Logins that wait for it.
const WAITING_MAX: usize = 512;
/// How long one may take in all. Turns are taken by shares and not in the order of flights.
const LIMITS: FlightLimits = FlightLimits {
    running: JUDGED_MAX + WAITING_MAX,
    waiting: 0,
    deadline: Duration::from_secs(10),
};
/// How long a refusal holds.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// How long the app is not asked again about a value for which it had no answer.
const FAILING_FOR: Duration = Duration::from_secs(5);
/// How long a browser is not redirected again.
const REDIRECT_PAUSE: Duration = Duration::from_secs(60);
/// How long a login counts as seen in shadow mode.
const SHADOWED_FOR: Duration = Duration::from_secs(3_600);
/// Most refusals that are remembered: at most 1.2 KB each, with what browsers were told about their names.
const REFUSALS_MAX: usize = 20_000;
/// Most values, browsers and logins that are remembered: about 80 bytes each.
const REMEMBERED_MAX: usize = 50_000;
/// Logins that shadow mode judges at once, and one of each client; others are left for the next request.
const SHADOWS_MAX: usize = 4;

/// What is under way, and what was decided lately.
#[derive(Debug)]
pub(crate) struct Migrations {
    flights: Flights<Landed>,
    shares: Shares,
    refusals: Recent<Arc<Janitor>>,
    failing: Recent<()>,
    redirected: Recent<()>,
    pub(super) shadowed: Recent<()>,
    pub(super) shadows: Shares,
    pub(super) doubts: Doubts,
    pub(crate) breaker: Breaker,
    pub(crate) book: TallyBook,
}

/// What became of the old logins of a request.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// They are this session.
    Session {
        key: SessionKey,
        sid: Sid,
        /// What is left of it.
        life: Duration,
        /// Whether it was made just now.
        made: bool,
        /// Places of the values that may be cleared.
        spent: Vec<usize>,
    },
    /// None of them is a login any more. What browsers were told about their names.
    Refused(Arc<Janitor>),
    /// Nobody can tell whose login counts.
    Ambiguous,
    /// Nobody can say just now.
    Unavailable,
}

/// An outcome, and what it has cost.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub(super) outcome: Outcome,
    /// How often somebody was asked in vain.
    pub(super) misses: usize,
    /// Whether only the app could have told more, and was not to be asked.
    pub(super) is_cut_short: bool,
}

impl Migrations {
    /// Nothing was decided yet. Work runs on `core`.
    pub(crate) fn new(core: Handle) -> Self {
        Self {
            flights: Flights::within(core, LIMITS),
            shares: Shares::new(JUDGED_MAX, WAITING_MAX),
            refusals: Recent::new(REFUSALS_MAX, REFUSED_FOR),
            failing: Recent::new(REMEMBERED_MAX, FAILING_FOR),
            redirected: Recent::new(REMEMBERED_MAX, REDIRECT_PAUSE),
            shadowed: Recent::new(REMEMBERED_MAX, SHADOWED_FOR),
            shadows: Shares::new(SHADOWS_MAX, 0),
            doubts: Doubts::default(),
            breaker: Breaker::default(),
            book: TallyBook::default(),
        }
    }

    /// Gives back the memory of what has had its time. Called now and then.
    pub(crate) fn sweep(&self, now: Boot) {
        self.refusals.sweep(now);
        self.failing.sweep(now);
        self.redirected.sweep(now);
        self.shadowed.sweep(now);
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

    /// Whether the value was refused lately, or its session had ended.
    pub(super) fn is_refused(&self, login: &LegacyLogin, now: Boot) -> bool {
        self.refusals.get(&login.digest(), now).is_some()
    }

    /// Remembers a value that is no login any more, against itself alone.
    pub(super) fn refuse(&self, login: &LegacyLogin, now: Boot) {
        self.refusals.put(login.digest(), Arc::default(), now);
    }

    /// What browsers that bring these refused values were told about their names.
    pub(super) fn janitor(&self, logins: &[Arc<LegacyLogin>], now: Boot) -> Arc<Janitor> {
        let first = logins.first();
        let known = first.and_then(|login| self.refusals.get(&login.digest(), now));
        known.unwrap_or_default()
    }

    /// Whether the app had no answer about the value a moment ago.
    pub(super) fn is_failing(&self, login: &LegacyLogin, now: Boot) -> bool {
        self.failing.get(&login.digest(), now).is_some()
    }

    /// Remembers that the app has no answer about the value.
    pub(super) fn fail(&self, login: &LegacyLogin, now: Boot) {
        self.failing.put(login.digest(), (), now);
    }
}

/// Finds out who comes with old cookies that carry a login, making the session if there is none.
///
/// # Errors
/// When too many old logins and sids of this client were nobody's.
pub(super) async fn migrate(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    found: &Arc<Found>,
    visitor: &Visitor,
) -> Result<Outcome, TooMany> {
    if found.is_unclear {
        note(gate, facts(visitor, "ambiguous"));
        return Ok(Outcome::Ambiguous);
    }
    let case = Case::new(gate, site, found, visitor);
    let now = gate.sessions.clock().boot();
    if case.is_refused(now) {
        return Ok(Outcome::Refused(
            gate.migrations.janitor(case.logins(), now),
        ));
    }
    let source = (visitor.ip, visitor.request_id.as_str());
    let leave = site.misses.leave(visitor.ip, now);
    let landed = match &leave {
        Leave::Free => Box::pin(on_the_board(gate, case, visitor)).await,
        // Other people behind the same address may come with logins that are sessions already.
        Leave::Once(_) => Box::pin(case.without_asking().judge()).await,
        Leave::Denied => return Err(deny(gate, site, source)),
    };
    drop(leave);
    let spent = (0..landed.misses).try_for_each(|_| count_miss(gate, site, source));
    if landed.is_cut_short {
        return Err(deny(gate, site, source));
    }
    match landed.outcome {
        outcome @ Outcome::Session { .. } => Ok(outcome),
        outcome => spent.map(|()| outcome),
    }
}

/// Ends what comes with old cookies, making a session for the purpose where there is none: with it a login ends for good.
///
/// # Errors
/// As for [`migrate`].
pub(super) async fn end(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    found: &Arc<Found>,
    visitor: &Visitor,
) -> Result<Ended, TooMany> {
    if found.is_unclear {
        note(gate, facts(visitor, "ambiguous"));
        return Ok(Ended::Unclear);
    }
    let case = Case::new(gate, site, found, visitor);
    if case.is_refused(gate.sessions.clock().boot()) {
        return Ok(Ended::default());
    }
    let source = (visitor.ip, visitor.request_id.as_str());
    let now = gate.sessions.clock().boot();
    let leave = site.misses.leave(visitor.ip, now);
    let case = match &leave {
        Leave::Free => case,
        Leave::Once(_) => case.without_asking(),
        Leave::Denied => return Err(deny(gate, site, source)),
    };
    let Some(seat) = gate.migrations.shares.seat(visitor.ip) else {
        return Ok(Ended::Unknown);
    };
    let work = gate.core.spawn(async move {
        let _turn = seat.turn().await;
        Box::pin(case.end()).await
    });
    let worked = tokio::time::timeout(LIMITS.deadline, work).await;
    drop(leave);
    let Ok(Ok(ending)) = worked else {
        return Ok(Ended::Unknown);
    };
    let spent = (0..ending.misses).try_for_each(|_| count_miss(gate, site, source));
    if ending.is_cut_short {
        return Err(deny(gate, site, source));
    }
    match ending.ended {
        Ended::Sessions(keys) if !keys.is_empty() => Ok(Ended::Sessions(keys)),
        ended => spent.map(|()| ended),
    }
}

/// Joins those who have brought the same credentials, or takes a place.
async fn on_the_board(gate: &Arc<Gate>, case: Case, visitor: &Visitor) -> Landed {
    let Some(seat) = gate.migrations.shares.seat(visitor.ip) else {
        return Landed::unavailable(gate, visitor, "the client has its share of places");
    };
    let joined = gate.migrations.flights.join(case.digest(), || async move {
        let _turn = seat.turn().await;
        Box::pin(case.judge()).await
    });
    joined
        .await
        .unwrap_or_else(|grounded| Landed::unavailable(gate, visitor, &format!("{grounded:?}")))
}

impl Landed {
    /// Nobody can say, and nobody was asked in vain.
    pub(super) fn unavailable(gate: &Gate, visitor: &Visitor, why: &str) -> Self {
        unavailable(gate, visitor, why);
        Self {
            outcome: Outcome::Unavailable,
            misses: 0,
            is_cut_short: false,
        }
    }
}

/// Counts and logs that nobody can say.
pub(super) fn unavailable(gate: &Gate, visitor: &Visitor, why: &str) {
    count(gate, "unavailable");
    warn!(
        request_id = visitor.request_id,
        result = "unavailable",
        why,
        "migration"
    );
}

pub(super) fn facts<'a>(visitor: &'a Visitor, result: &'static str) -> Facts<'a> {
    Facts {
        request_id: Some(&visitor.request_id),
        client: Some(visitor.ip),
        reason: result,
        ..Facts::default()
    }
}

/// Counts and tells what became of an old login; `facts` has the result.
pub(super) fn note(gate: &Gate, facts: Facts<'_>) {
    count(gate, facts.reason);
    security::note(Kind::Migration, facts);
}

/// Counts a result.
pub(super) fn count(gate: &Gate, result: &str) {
    gate.metrics.migration(result);
    gate.migrations.book.result(result);
}
