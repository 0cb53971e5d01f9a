//! What the process remembers of old logins: which are being judged, and what was decided lately.

pub(in crate::legacy) mod doubts;
pub(in crate::legacy) mod memory;
pub(in crate::legacy) mod shares;
pub(in crate::legacy) mod tally_book;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use session_core::cache::breaker::Breaker;
use session_core::cache::flight::{FlightLimits, Flights};
use session_core::clock::Boot;
use session_core::keys::legacy::LegacyLogin;
use session_core::sid::{SessionKey, Sid};
use tokio::runtime::Handle;

use self::doubts::Doubts;
use self::memory::Recent;
use self::shares::Shares;
use self::tally_book::TallyBook;
use super::cookies::Told;
use super::cookies::cleared_names::ClearedNames;

/// Most logins that are judged at the same time.
const JUDGED_MAX: usize = 16;
/// Most logins that wait to be judged.
const WAITING_MAX: usize = 512;
/// Limits of judging one login. Flights have no queue of their own, because [`Shares`] decide whose turn it is.
pub(in crate::legacy) const LIMITS: FlightLimits = FlightLimits {
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
/// Most refusals that are remembered: at most 1.2 KB each, their cleared names included.
const REFUSALS_MAX: usize = 20_000;
/// How long it is remembered what the browser of a session was told about its old cookies.
const TOLD_FOR: Duration = Duration::from_secs(300);
/// Most sessions of which that is remembered: at most 1.3 KB each.
const TOLD_MAX: usize = 20_000;
/// Most values, browsers and logins that are remembered: about 80 bytes each.
const REMEMBERED_MAX: usize = 50_000;
/// Most logins that shadow mode judges at the same time, one for each client. Others wait for a later request.
const SHADOWS_MAX: usize = 4;

/// The judgements in progress, and what was decided lately.
#[derive(Debug)]
pub(crate) struct Migrations {
    pub(in crate::legacy) flights: Flights<Landed>,
    pub(in crate::legacy) shares: Shares,
    refusals: Recent<Arc<ClearedNames>>,
    told: Recent<Told>,
    failing: Recent<()>,
    redirected: Recent<()>,
    pub(in crate::legacy) shadowed: Recent<()>,
    pub(in crate::legacy) shadows: Shares,
    pub(in crate::legacy) doubts: Doubts,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) book: TallyBook,
}

/// What became of the old logins of a request.
#[derive(Clone, Debug)]
pub(in crate::legacy) enum Outcome {
    /// They lead to this session.
    Session {
        key: SessionKey,
        sid: Sid,
        /// Whether it was made just now.
        made: bool,
        /// Places of the values that may be cleared.
        spent: Vec<usize>,
    },
    /// None of them is a login any more. Holds the names that browsers with these logins were told to forget.
    Refused(Arc<ClearedNames>),
    /// It cannot be decided whose login counts.
    Ambiguous,
    /// The store or the app cannot answer just now.
    Unavailable,
}

/// An outcome, and what it has cost.
#[derive(Clone, Debug)]
pub(in crate::legacy) struct Landed {
    pub(in crate::legacy) outcome: Outcome,
    /// Invalid values and failed questions, which are charged to the client.
    pub(in crate::legacy) misses: usize,
    /// Whether the judgement stopped where only the app could tell, and it must not be asked.
    pub(in crate::legacy) is_cut_short: bool,
}

impl Migrations {
    /// Creates it empty. Judgements run on the runtime `core`.
    pub(crate) fn new(core: Handle) -> Self {
        Self {
            flights: Flights::within(core, LIMITS),
            shares: Shares::new(JUDGED_MAX, WAITING_MAX),
            refusals: Recent::new(REFUSALS_MAX, REFUSED_FOR),
            told: Recent::new(TOLD_MAX, TOLD_FOR),
            failing: Recent::new(REMEMBERED_MAX, FAILING_FOR),
            redirected: Recent::new(REMEMBERED_MAX, REDIRECT_PAUSE),
            shadowed: Recent::new(REMEMBERED_MAX, SHADOWED_FOR),
            shadows: Shares::new(SHADOWS_MAX, 0),
            doubts: Doubts::default(),
            breaker: Arc::default(),
            book: TallyBook::default(),
        }
    }

    /// Drops expired entries. Called from time to time.
    pub(crate) fn sweep(&self, now: Boot) {
        self.refusals.sweep(now);
        self.told.sweep(now);
        self.failing.sweep(now);
        self.redirected.sweep(now);
        self.shadowed.sweep(now);
    }

    /// Whether this browser may be redirected: once a minute, because a browser that keeps no cookies would loop.
    pub(in crate::legacy) fn may_redirect(&self, ip: IpAddr, user_agent: &str, now: Boot) -> bool {
        let mut browser = blake3::Hasher::new();
        browser
            .update(ip.to_string().as_bytes())
            .update(&[0])
            .update(user_agent.as_bytes());
        let browser = SessionKey::from_bytes(*browser.finalize().as_bytes());
        self.redirected.is_first(browser, (), now)
    }

    /// Whether the value was refused lately, or its session had ended.
    pub(in crate::legacy) fn is_refused(&self, login: &LegacyLogin, now: Boot) -> bool {
        self.refusals.get(&login.digest(), now).is_some()
    }

    /// Remembers that this value is no login any more. Other values of its request are not affected.
    pub(in crate::legacy) fn refuse(&self, login: &LegacyLogin, now: Boot) {
        self.refusals.put(login.digest(), Arc::default(), now);
    }

    /// The names that browsers with these refused values were told to forget.
    pub(in crate::legacy) fn cleared_names(
        &self,
        logins: &[Arc<LegacyLogin>],
        now: Boot,
    ) -> Arc<ClearedNames> {
        let first = logins.first();
        let known = first.and_then(|login| self.refusals.get(&login.digest(), now));
        known.unwrap_or_default()
    }

    /// What the browser of the session `key` was told about old cookies lately, under this configuration.
    pub(in crate::legacy) fn told(&self, key: &SessionKey, generation: u64, now: Boot) -> Told {
        let told = || Told::under(generation);
        let lately = self.told.get_or_put(key, told, now);
        if lately.generation == generation {
            return lately;
        }
        self.told.put(*key, told(), now);
        self.told.get_or_put(key, told, now)
    }

    /// Whether the app had no answer about the value a moment ago.
    pub(in crate::legacy) fn is_failing(&self, login: &LegacyLogin, now: Boot) -> bool {
        self.failing.get(&login.digest(), now).is_some()
    }

    /// Remembers that the app has no answer about the value.
    pub(in crate::legacy) fn fail(&self, login: &LegacyLogin, now: Boot) {
        self.failing.put(login.digest(), (), now);
    }
}
