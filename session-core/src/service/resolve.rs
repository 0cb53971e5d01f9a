//! From a cookie's value to one of three answers: active, absent, unknown (DESIGN 4).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Absence, Active, Follow, Query, Resolution, Sessions, Unknown};
use crate::asked;
use crate::cache::flight::Grounded;
use crate::cache::{Entry, Fill, FillError, Tier};
use crate::clock::Boot;
use crate::keys::Keyring;
use crate::session::{Dead, Group, Groups};
use crate::sid::{SessionKey, Sid};

/// Tries before a read that events keep overtaking is given up.
const TRIES: usize = 2;

/// The stored key of a cookie's value, if it was made with one of `keys` for the group of a place. Says nothing about a
/// session.
///
/// # Errors
/// When the value is certainly not such a sid.
pub fn recognise(keys: &Keyring, cookie: &[u8], groups: &Groups) -> Result<SessionKey, Absence> {
    let sid = Sid::parse(cookie).ok_or(Absence::Malformed)?;
    Ok(keys.recognise(&sid, groups)?)
}

/// How a key is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    key: &'a SessionKey,
    /// The only group whose sessions count; `None`: those of each. The seal tells groups apart already, and rows can be
    /// written by others.
    group: Option<&'a Group>,
    query: Query,
}

impl Asked<'_> {
    /// Whether the session of `entry` is of another group.
    fn is_elsewhere(&self, entry: &Entry) -> bool {
        self.group
            .is_some_and(|group| *group != entry.session().group)
    }
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
    /// The session that a cookie's value stands for at a place with these groups.
    pub async fn resolve(&self, cookie: &[u8], groups: &Groups, query: Query) -> Resolution {
        match self.recognise(cookie, groups) {
            Ok(key) => self.resolve_key(key, groups.own(), query).await,
            Err(absence) => Resolution::Absent(absence),
        }
    }

    /// The stored key of a cookie's value, if this installation made it for the group of a place. No I/O; says nothing about
    /// a session.
    ///
    /// # Errors
    /// When the value is certainly not a sid of this group.
    pub fn recognise(&self, cookie: &[u8], groups: &Groups) -> Result<SessionKey, Absence> {
        recognise(&self.keys.load(), cookie, groups)
    }

    /// The session of `group` that is stored under `key`.
    pub async fn resolve_key(&self, key: SessionKey, group: &Group, query: Query) -> Resolution {
        let asked = Asked {
            key: &key,
            group: Some(group),
            query,
        };
        match self.glance(asked) {
            Glance::Settled(answer) => answer,
            Glance::Ask { confirm } => self.ask_tiers(asked, confirm).await,
        }
    }

    /// The session that is stored under `key`, of whichever group: for whoever ends it.
    pub(super) async fn resolve_anywhere(&self, key: SessionKey, query: Query) -> Resolution {
        let asked = Asked {
            key: &key,
            group: None,
            query,
        };
        match self.glance(asked) {
            Glance::Settled(answer) => answer,
            Glance::Ask { confirm } => self.ask_tiers(asked, confirm).await,
        }
    }

    /// The answer that this process can give without asking any other tier; `None` when it would have to.
    #[must_use]
    pub fn at_hand(&self, key: &SessionKey, group: &Group, query: Query) -> Option<Resolution> {
        let asked = Asked {
            key,
            group: Some(group),
            query,
        };
        match self.glance(asked) {
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

    /// Whether the session of `key` in `group` still lives, for an open stream or WebSocket. `known` is its last known state.
    /// Losing the lease ends no stream; the first heartbeat afterwards tells what happened meanwhile.
    pub async fn follow(
        &self,
        key: &SessionKey,
        group: &Group,
        known: Option<&Arc<Entry>>,
    ) -> Follow {
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
        match self.resolve_key(*key, group, query).await {
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
    fn glance(&self, asked: Asked<'_>) -> Glance {
        let now = self.node.clock.boot();
        // The lease is read before the window: whoever sees a lease sees every event that earned it.
        if !self.node.lease.holds(now) {
            return Glance::Settled(self.without_lease(asked, now));
        }
        let Some(entry) = self
            .local
            .get(asked.key)
            .filter(|entry| entry.is_believed_by(&self.node.window))
        else {
            return self.ask_unless_absent(asked.key, now);
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
        Glance::Settled(self.admit(asked, entry, Tier::Local, now))
    }

    /// Without an entry that may be believed: absent if the store said so recently, else a question to the other tiers.
    fn ask_unless_absent(&self, key: &SessionKey, now: Boot) -> Glance {
        match self.local.absence(key, now) {
            Some(why) => Glance::Settled(Resolution::Absent(Absence::of(why))),
            None => Glance::Ask { confirm: false },
        }
    }

    async fn ask_tiers(&self, asked: Asked<'_>, mut confirm: bool) -> Resolution {
        let key = *asked.key;
        for _ in 0..TRIES {
            let tiers = Arc::clone(&self.tiers);
            let landed = self
                .flights
                .join_with_rest(key, || async move {
                    let ((fill, rest), all) = asked::noted(tiers.fill(key, confirm)).await;
                    ((fill, all), async move { tiers.finish(rest).await })
                })
                .await
                .map(|(fill, all)| {
                    all.into_iter().for_each(asked::note);
                    fill
                });
            let now = self.node.clock.boot();
            if !self.node.lease.holds(now) {
                return self.without_lease(asked, now);
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
                        return self.admit(asked, entry, tier, now);
                    }
                }
                Ok(Fill::Absent(dead)) => {
                    return Resolution::Absent(Absence::of(dead));
                }
                Ok(Fill::Failed(FillError::Store(kind))) => {
                    return self.despite(asked, Unknown::Store(kind));
                }
                Ok(Fill::Failed(FillError::Overtaken)) => {
                    return Resolution::Unknown(Unknown::Overtaken);
                }
                Err(Grounded::Full) => return self.despite(asked, Unknown::Overloaded),
                Err(Grounded::Deadline) => return self.despite(asked, Unknown::Deadline),
                Err(Grounded::Died) => return self.despite(asked, Unknown::Deadline),
            }
        }
        Resolution::Unknown(Unknown::Overtaken)
    }

    /// The other tiers failed. An entry that was only due for a refresh stays good while the lease holds.
    fn despite(&self, asked: Asked<'_>, why: Unknown) -> Resolution {
        let now = self.node.clock.boot();
        if !self.node.lease.holds(now) {
            return self.without_lease(asked, now);
        }
        let store_now = self.node.store_time.upper(now);
        match self.local.get(asked.key) {
            Some(entry)
                if entry.is_believed_by(&self.node.window)
                    && !entry.is_expired(store_now)
                    && !entry.looks_idle(store_now) =>
            {
                self.admit(asked, entry, Tier::Local, now)
            }
            _ => Resolution::Unknown(why),
        }
    }

    /// Without a lease: the last known state, if the route allows it and it is within the bound; else unknown.
    fn without_lease(&self, asked: Asked<'_>, now: Boot) -> Resolution {
        let (store_now, max_stale) = (self.node.store_time.upper(now), asked.query.max_stale);
        let known = self.local.get(asked.key).filter(|entry| {
            !max_stale.is_zero()
                && self.staleness(entry, now) <= max_stale
                && entry.is_believed_by(&self.node.window)
                && !entry.is_expired(store_now)
                && !entry.looks_idle(store_now)
        });
        match known {
            Some(entry) if asked.is_elsewhere(&entry) => Resolution::Absent(Absence::OtherGroup),
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

    fn admit(&self, asked: Asked<'_>, entry: Arc<Entry>, tier: Tier, now: Boot) -> Resolution {
        if asked.is_elsewhere(&entry) {
            return Resolution::Absent(Absence::OtherGroup);
        }
        if asked.query.counts_as_use && entry.use_at(self.node.store_time.upper(now)) {
            self.activity.note(entry.session().key, now);
        }
        Resolution::Active(Active {
            entry,
            tier,
            stale: None,
        })
    }
}
