//! How often somebody may guess at passwords, by account and by client; and how many logins are judged at once.
//!
//! Guesses that failed are counted, before the app is asked: an attempt takes its place in the counters first, and gives it
//! back when it turns out not to have failed. So a limit of 20 lets 20 through, also of 500 that come at the same moment.
//!
//! Guesses of others lock nobody out, because the counters depend on who makes the attempt:
//!
//! | the attempt | is counted by |
//! |---|---|
//! | brings a live sid of the account | that session |
//! | comes from a network from which the account has logged in lately | account and network, and client |
//! | brings another live sid, whose user has the account's address | all such sids of the account, and client |
//! | is anybody else's | account, and client |
//!
//! A sid that has ended proves nothing. An account is counted once however its name is spelt (`auth::account`), and under the
//! name that the app gives it in its refusals: which spelling led to which is remembered, so that the next attempt with
//! that spelling is turned away before the app is asked.
//!
//! Memory is bounded: everything is kept under digests of 32 bytes, in counters and a cache of fixed sizes.

use std::net::IpAddr;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use quick_cache::sync::Cache;
use sidgate_policy::auth::account::Account;
use sidgate_policy::edge::client_ip::limit_key;
use uuid::Uuid;

pub(crate) use self::turns::{Turn, Turns};
use crate::config::LoginLimitsConfig;
use crate::limits::buckets::{self, Buckets, TooMany};

mod turns;

/// What something is counted under.
type Name = [u8; 32];
type Reserved<C> = buckets::Reserved<Name, C>;

/// Spellings that are remembered with the account that the app has named for them: about 100 bytes each, 5 MB.
const ALIASES_MAX: usize = 50_000;
/// Counters that the live sessions of one user share, so that many sessions do not give many counters.
const SESSION_COUNTERS: u8 = 8;

/// Failures so far.
pub(crate) struct LoginLimits<C: Clock = DefaultClock> {
    config: LoginLimitsConfig,
    clients: Arc<Buckets<Name, C>>,
    /// By account: failures of strangers.
    strangers: Arc<Buckets<Name, C>>,
    /// By session, and by account and network. Strangers cannot make an entry here.
    familiar: Arc<Buckets<Name, C>>,
    /// Right passwords that lacked another factor.
    first_steps: Arc<Buckets<Name, C>>,
    aliases: Cache<Name, Name>,
    /// How many are judged at once.
    pub(crate) turns: Turns,
}

/// The counter that has nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(crate) enum Counter {
    /// Of a client, on any account.
    Client,
    /// Of an account, for strangers.
    Account,
    /// Of an account, for a network from which it has logged in lately.
    Network,
    /// Of the live session that the attempt came with.
    #[strum(serialize = "live_session")]
    Session,
    /// Of right passwords that lacked another factor.
    FirstStep,
}

/// An attempt has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    /// Why.
    pub(crate) counter: Counter,
    /// For how long.
    pub(crate) wait: TooMany,
}

impl Limited {
    fn by(counter: Counter) -> impl Fn(TooMany) -> Self {
        move |wait| Self { counter, wait }
    }
}

/// What is known of who makes an attempt, with the unit that was reserved for it.
pub(crate) enum Standing<C: Clock = DefaultClock> {
    /// It brings a live sid of the account.
    LiveSession(Reserved<C>),
    /// It comes from this network, from which the account has logged in lately.
    Known(IpAddr, Reserved<C>),
    /// It brings a live sid whose user claims the account's address. In many apps that claim is not verified, so all
    /// claimants share one counter.
    Claimed(Reserved<C>),
    /// None of these.
    Stranger(Reserved<C>),
}

/// What an attempt brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factors {
    /// A password and nothing else.
    Password,
    /// Something beside it that may be a guess at another factor.
    More,
}

/// An attempt that may be made. What it has reserved comes back when it is dropped.
#[must_use]
pub(crate) struct Attempt<C: Clock = DefaultClock> {
    limits: Arc<LoginLimits<C>>,
    spelling: Name,
    counted: Counted,
    guess: Reserved<C>,
    client: Option<Reserved<C>>,
    first_step: Option<Reserved<C>>,
}

/// What a guess was counted under.
#[derive(Clone, Copy)]
enum Counted {
    Session,
    Account { account: Name, among: Among },
}

/// Whose guesses at an account are counted together.
#[derive(Clone, Copy)]
enum Among {
    Strangers,
    Neighbours(IpAddr),
    Claimants,
}

impl Among {
    fn counter(self) -> Counter {
        match self {
            Self::Strangers => Counter::Account,
            Self::Neighbours(_) => Counter::Network,
            Self::Claimants => Counter::Session,
        }
    }

    fn bucket(self, account: Name) -> Name {
        match self {
            Self::Strangers => account,
            Self::Neighbours(network) => name("network", &[&address(network), &account]),
            Self::Claimants => name("claimed", &[&account]),
        }
    }
}

impl LoginLimits {
    /// Creates it empty.
    pub(crate) fn new(config: &LoginLimitsConfig) -> Self {
        Self::with_clock(config, &DefaultClock::default())
    }
}

impl<C: Clock> LoginLimits<C> {
    /// [`LoginLimits::new`] by another clock.
    pub(crate) fn with_clock(config: &LoginLimitsConfig, clock: &C) -> Self
    where
        C: Clone,
    {
        let buckets = |rate| Arc::new(Buckets::with_clock(rate, clock.clone()));
        Self {
            config: config.clone(),
            clients: buckets(&config.per_client),
            strangers: buckets(&config.per_account),
            familiar: buckets(&config.per_account),
            first_steps: buckets(&config.per_account),
            aliases: Cache::new(ALIASES_MAX),
            turns: Turns::new(config.max_concurrent),
        }
    }

    /// Whether these limits are those of `config`, so that a reload need not forget what was counted.
    pub(crate) fn are(&self, config: &LoginLimitsConfig) -> bool {
        self.config == *config
    }

    /// A place among the failures of a client; an IPv6 client is its /64.
    ///
    /// # Errors
    /// When it has to wait.
    pub(crate) fn client(&self, ip: IpAddr) -> Result<Reserved<C>, Limited> {
        self.clients
            .reserve(name("client", &[&address(limit_key(ip))]))
            .map_err(Limited::by(Counter::Client))
    }

    /// A place among the failures of a live session of this user.
    ///
    /// # Errors
    /// When it has to wait.
    pub(crate) fn session(&self, user_id: &str, session: Uuid) -> Result<Reserved<C>, Limited> {
        let [.., random] = session.into_bytes();
        let counter = [random % SESSION_COUNTERS];
        self.familiar
            .reserve(name("session", &[&counter, user_id.as_bytes()]))
            .map_err(Limited::by(Counter::Session))
    }

    /// A place for an attempt on an account. One that is turned away here counts for its client, because finding out whose it
    /// is has cost something.
    ///
    /// # Errors
    /// When it has to wait.
    pub(crate) fn attempt(
        self: &Arc<Self>,
        account: &Account,
        standing: Standing<C>,
        factors: Factors,
    ) -> Result<Attempt<C>, Limited> {
        let spelling = name("account", &[account.as_str().as_bytes()]);
        let account = self.aliases.get(&spelling).unwrap_or(spelling);
        let (counted, client, guess) = match standing {
            Standing::LiveSession(guess) => (Counted::Session, None, Ok(guess)),
            Standing::Known(network, client) => {
                self.among(account, Among::Neighbours(network), client)
            }
            Standing::Claimed(client) => self.among(account, Among::Claimants, client),
            Standing::Stranger(client) => self.among(account, Among::Strangers, client),
        };
        let admitted =
            guess.and_then(|guess| Ok((guess, self.first_step(account, counted, factors)?)));
        match admitted {
            Ok((guess, first_step)) => Ok(Attempt {
                limits: Arc::clone(self),
                spelling,
                counted,
                guess,
                client,
                first_step,
            }),
            Err(limited) => {
                if let Some(client) = client {
                    client.spend();
                }
                Err(limited)
            }
        }
    }

    fn among(
        &self,
        account: Name,
        among: Among,
        client: Reserved<C>,
    ) -> (Counted, Option<Reserved<C>>, Result<Reserved<C>, Limited>) {
        let guess = self.guesses(among).reserve(among.bucket(account));
        let guess = guess.map_err(Limited::by(among.counter()));
        (Counted::Account { account, among }, Some(client), guess)
    }

    fn guesses(&self, among: Among) -> &Arc<Buckets<Name, C>> {
        match among {
            Among::Strangers => &self.strangers,
            Among::Neighbours(_) | Among::Claimants => &self.familiar,
        }
    }

    /// Limits right passwords too: otherwise somebody who knows a password could make the app send codes without end.
    fn first_step(
        &self,
        account: Name,
        counted: Counted,
        factors: Factors,
    ) -> Result<Option<Reserved<C>>, Limited> {
        if factors == Factors::More {
            return Ok(None);
        }
        let bucket = match counted {
            Counted::Session => name("first step in a session", &[&account]),
            Counted::Account { among, .. } => among.bucket(account),
        };
        let reserved = self.first_steps.reserve(bucket);
        reserved.map(Some).map_err(Limited::by(Counter::FirstStep))
    }

    /// Drops counters that are full again. Called from time to time.
    pub(crate) fn forget_idle(&self) {
        for buckets in [
            &self.clients,
            &self.strangers,
            &self.familiar,
            &self.first_steps,
        ] {
            buckets.forget_idle();
        }
    }
}

impl<C: Clock> Attempt<C> {
    /// It was a wrong guess. `named` is the app's own name for the account: the guess counts there as well, and further
    /// ones with this spelling count there alone.
    pub(crate) fn failed(self, named: Option<&str>) {
        if let Some(named) = named {
            let account = name("named by the app", &[named.as_bytes()]);
            self.limits.aliases.insert(self.spelling, account);
            self.count_for(account);
        }
        self.guess.spend();
        if let Some(client) = self.client {
            client.spend();
        }
    }

    /// The password was right, and another factor is asked for.
    pub(crate) fn half_way(self) {
        if let Some(first_step) = self.first_step {
            first_step.spend();
        }
    }

    /// Counts the guess for the account that the app has named, even if its counter is empty already.
    fn count_for(&self, named: Name) {
        if let Counted::Account { account, among } = self.counted
            && account != named
        {
            let _empty = self.limits.guesses(among).take(among.bucket(named));
        }
    }
}

fn address(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The digest that something is counted under. Only the last part may vary in length, so that different parts never
/// give the same bytes.
fn name(kind: &str, parts: &[&[u8]]) -> Name {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes()).update(&[0]);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

impl<C: Clock> std::fmt::Debug for LoginLimits<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLimits")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
