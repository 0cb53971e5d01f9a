//! From a cookie's value to one of three answers: active, absent, unknown (DESIGN 4).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Sessions;
use crate::cache::flight::Grounded;
use crate::cache::{Entry, Fill, FillError, Tier};
use crate::clock::Boot;
use crate::keys::Keyring;
use crate::session::Dead;
use crate::sid::{SessionKey, Sid};

/// Tries before a read that events keep overtaking is given up.
const TRIES: usize = 2;

/// Options of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Without a lease, a state is served for this long after its last confirmation. Zero: never.
    pub max_stale: Duration,
    /// Whether this use counts as activity. A prefetch does not.
    pub counts_as_use: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            max_stale: Duration::ZERO,
            counts_as_use: true,
        }
    }
}

/// The three answers.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// There is a live session.
    Active(Active),
    /// There is certainly none.
    Absent(Absence),
    /// The state is unknown, which must never be treated as absent.
    Unknown(Unknown),
}

/// A live session.
#[derive(Clone, Debug)]
pub struct Active {
    /// The session.
    pub entry: Arc<Entry>,
    /// Where it came from.
    pub tier: Tier,
    /// Time since the last confirmation, when it is served without a lease.
    pub stale: Option<Duration>,
}

/// Why there is certainly no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Not of the form of a sid.
    Malformed,
    /// Never made by this installation.
    Forged,
    /// The store has no such row.
    NoSuch,
    /// There was one.
    Ended(Dead),
}

impl Absence {
    /// From what a read of the store says.
    const fn of(dead: Option<Dead>) -> Self {
        match dead {
            Some(dead) => Self::Ended(dead),
            None => Self::NoSuch,
        }
    }

    /// Metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::NoSuch => "absent",
            Self::Ended(Dead::Revoked(_)) => "revoked",
            Self::Ended(Dead::Expired) => "expired",
            Self::Ended(Dead::Idle) => "idle",
            Self::Ended(Dead::Renewed) => "renewed",
        }
    }
}

/// Why the state is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No lease: the store has been silent for too long.
    NoLease,
    /// Too many reads at once.
    Overloaded,
    /// The read took too long.
    Deadline,
    /// The store failed; see [`crate::store::StoreError::kind`].
    Store(&'static str),
    /// Events kept overtaking the read.
    Overtaken,
    /// There is a login of the old system, and its user could not be determined.
    Legacy,
}

impl Unknown {
    /// Metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLease => "no_lease",
            Self::Overloaded => "overloaded",
            Self::Deadline => "deadline",
            Self::Store(kind) => kind,
            Self::Overtaken => "overtaken",
            Self::Legacy => "legacy",
        }
    }
}

/// Whether a session that was alive still is.
#[derive(Clone, Debug)]
pub enum Follow {
    /// It is; this is its newest state.
    Alive(Arc<Entry>),
    /// It certainly is not.
    Ended(Absence),
    /// The state is unknown.
    Unknown,
}

/// The stored key of a cookie's value, if it was made with one of `keys`. Says nothing about a session.
///
/// # Errors
/// When the value is certainly not a sid of theirs.
pub fn recognise(keys: &Keyring, cookie: &[u8]) -> Result<SessionKey, Absence> {
    let sid = Sid::parse(cookie).ok_or(Absence::Malformed)?;
    keys.recognise(&sid).ok_or(Absence::Forged)
}

/// What the local tier says.
enum Glance {
    Settled(Resolution),
    /// Ask the other tiers; `confirm`: only the store's word counts.
    Ask {
        confirm: bool,
    },
}

impl Sessions {
    /// The session that a cookie's value stands for.
    pub async fn resolve(&self, cookie: &[u8], query: Query) -> Resolution {
        match self.recognise(cookie) {
            Ok(key) => self.resolve_key(key, query).await,
            Err(absence) => Resolution::Absent(absence),
        }
    }

    /// The stored key of a cookie's value, if this installation made it. No I/O; says nothing about a session.
    ///
    /// # Errors
    /// When the value is certainly not a sid of this installation.
    pub fn recognise(&self, cookie: &[u8]) -> Result<SessionKey, Absence> {
        recognise(&self.keys.load(), cookie)
    }

    /// The session stored under `key`.
    pub async fn resolve_key(&self, key: SessionKey, query: Query) -> Resolution {
        match self.glance(&key, query) {
            Glance::Settled(answer) => answer,
            Glance::Ask { confirm } => self.ask_tiers(key, confirm, query).await,
        }
    }

    /// The answer that this process can give without asking any other tier; `None` when it would have to.
    #[must_use]
    pub fn at_hand(&self, key: &SessionKey, query: Query) -> Option<Resolution> {
        match self.glance(key, query) {
            Glance::Settled(answer) => Some(answer),
            Glance::Ask { .. } => None,
        }
    }

    /// Whether an answer still holds: asked a second time, right before an identity leaves the gateway (R1).
    #[must_use]
    pub fn still_holds(&self, active: &Active, query: Query) -> bool {
        let now = self.node.clock.boot();
        let leased = self.node.lease.holds(now);
        let fresh = leased
            || self.staleness(&active.entry, now) <= query.max_stale && !query.max_stale.is_zero();
        let holds = fresh
            && active.entry.is_believed_by(&self.node.window)
            && !active.entry.is_expired(self.node.store_time.upper(now));
        if !holds {
            self.node.stats.second_checks_refused.add();
        }
        holds
    }

    /// Whether nothing that this node knows speaks against a session that was alive: no event, no end, no idle time.
    /// [`Sessions::follow`] would ask nobody, and say that it is alive. No I/O, so that many streams can be asked at each
    /// event.
    #[must_use]
    pub fn is_undoubted(&self, entry: &Entry) -> bool {
        let store_now = self.node.store_time.upper(self.node.clock.boot());
        // A session that seems idle here may have been used on another node: the store knows.
        !entry.is_expired(store_now)
            && entry.is_believed_by(&self.node.window)
            && !entry.looks_idle(store_now)
    }

    /// Whether the session of `key` still lives, for an open stream or WebSocket. `known` is its last known state.
    /// Losing the lease ends no stream; the first heartbeat afterwards tells what happened meanwhile.
    pub async fn follow(&self, key: &SessionKey, known: Option<&Arc<Entry>>) -> Follow {
        if let Some(entry) = known {
            if self.is_undoubted(entry) {
                return Follow::Alive(Arc::clone(entry));
            }
            let store_now = self.node.store_time.upper(self.node.clock.boot());
            if entry.is_expired(store_now) {
                return Follow::Ended(Absence::Ended(Dead::Expired));
            }
        }
        let query = Query {
            counts_as_use: false,
            ..Query::default()
        };
        match self.resolve_key(*key, query).await {
            Resolution::Active(active) => Follow::Alive(active.entry),
            Resolution::Absent(why) => Follow::Ended(why),
            Resolution::Unknown(_) => Follow::Unknown,
        }
    }

    /// Changes whenever a session may have changed: look at each again with [`Sessions::is_undoubted`].
    #[must_use]
    pub fn news(&self) -> watch::Receiver<u64> {
        self.node.window.news()
    }

    /// The hot path: no I/O, no allocation.
    fn glance(&self, key: &SessionKey, query: Query) -> Glance {
        let now = self.node.clock.boot();
        // The lease is read before the window: whoever sees a lease sees every event that earned it.
        if !self.node.lease.holds(now) {
            return Glance::Settled(self.without_lease(key, now, query));
        }
        let Some(entry) = self
            .local
            .get(key)
            .filter(|entry| entry.is_believed_by(&self.node.window))
        else {
            return self.ask_unless_absent(key, now);
        };
        let store_now = self.node.store_time.upper(now);
        if entry.is_expired(store_now) {
            return Glance::Settled(Resolution::Absent(Absence::Ended(Dead::Expired)));
        }
        if entry.looks_idle(store_now) {
            return Glance::Ask { confirm: true };
        }
        if entry.wants_refresh(now) {
            return Glance::Ask { confirm: false };
        }
        self.sample(&entry, now);
        Glance::Settled(self.admit(entry, Tier::Local, now, query))
    }

    /// Without an entry that may be believed: absent if the store said so recently, else a question to the other tiers.
    fn ask_unless_absent(&self, key: &SessionKey, now: Boot) -> Glance {
        match self.local.absence(key, now) {
            Some(why) => Glance::Settled(Resolution::Absent(Absence::of(why))),
            None => Glance::Ask { confirm: false },
        }
    }

    async fn ask_tiers(&self, key: SessionKey, mut confirm: bool, query: Query) -> Resolution {
        for _ in 0..TRIES {
            let tiers = Arc::clone(&self.tiers);
            let landed = self
                .flights
                .join(key, || async move { tiers.fill(key, confirm).await })
                .await;
            let now = self.node.clock.boot();
            if !self.node.lease.holds(now) {
                return self.without_lease(&key, now, query);
            }
            match landed {
                Ok(Fill::Active(entry, tier)) => {
                    if entry.is_expired(self.node.store_time.upper(now)) {
                        return Resolution::Absent(Absence::Ended(Dead::Expired));
                    }
                    // This request may have joined a read that did not ask the store about idleness.
                    confirm =
                        tier != Tier::Store && entry.looks_idle(self.node.store_time.upper(now));
                    if !confirm && entry.is_believed_by(&self.node.window) {
                        return self.admit(entry, tier, now, query);
                    }
                }
                Ok(Fill::Absent(dead)) => {
                    return Resolution::Absent(Absence::of(dead));
                }
                Ok(Fill::Failed(FillError::Store(kind))) => {
                    return self.despite(&key, Unknown::Store(kind), query);
                }
                Ok(Fill::Failed(FillError::Overtaken)) => {
                    return Resolution::Unknown(Unknown::Overtaken);
                }
                Err(Grounded::Full) => return self.despite(&key, Unknown::Overloaded, query),
                Err(Grounded::Deadline) => return self.despite(&key, Unknown::Deadline, query),
                Err(Grounded::Died) => return self.despite(&key, Unknown::Deadline, query),
            }
        }
        Resolution::Unknown(Unknown::Overtaken)
    }

    /// The other tiers failed. An entry that was only due for a refresh stays good while the lease holds.
    fn despite(&self, key: &SessionKey, why: Unknown, query: Query) -> Resolution {
        let now = self.node.clock.boot();
        if !self.node.lease.holds(now) {
            return self.without_lease(key, now, query);
        }
        let store_now = self.node.store_time.upper(now);
        match self.local.get(key) {
            Some(entry)
                if entry.is_believed_by(&self.node.window)
                    && !entry.is_expired(store_now)
                    && !entry.looks_idle(store_now) =>
            {
                self.admit(entry, Tier::Local, now, query)
            }
            _ => Resolution::Unknown(why),
        }
    }

    /// Without a lease: the last known state, if the route allows it and it is within the bound; else unknown.
    fn without_lease(&self, key: &SessionKey, now: Boot, query: Query) -> Resolution {
        let store_now = self.node.store_time.upper(now);
        let known = self.local.get(key).filter(|entry| {
            !query.max_stale.is_zero()
                && self.staleness(entry, now) <= query.max_stale
                && entry.is_believed_by(&self.node.window)
                && !entry.is_expired(store_now)
                && !entry.looks_idle(store_now)
        });
        match known {
            Some(entry) => {
                let stale = Some(self.staleness(&entry, now));
                Resolution::Active(Active {
                    entry,
                    tier: Tier::Local,
                    stale,
                })
            }
            None => Resolution::Unknown(Unknown::NoLease),
        }
    }

    /// Time since the store last confirmed an entry, by a heartbeat or by being read.
    fn staleness(&self, entry: &Entry, now: Boot) -> Duration {
        now.since(self.node.signals.last_beat().max(entry.read_at()))
    }

    fn admit(&self, entry: Arc<Entry>, tier: Tier, now: Boot, query: Query) -> Resolution {
        if query.counts_as_use && entry.use_at(self.node.store_time.upper(now)) {
            self.activity.note(entry.session().key, now);
        }
        Resolution::Active(Active {
            entry,
            tier,
            stale: None,
        })
    }
}
