//! The invariants of `session_core`, asked of a history.

use std::collections::BTreeMap;
use std::time::Duration;

use session_core::clock::{Boot, Timestamp};
use session_core::freshness::LEASE;
use session_core::freshness::tail::BEAT_TIMEOUT;
use session_core::sid::SessionKey;
use session_testing::sim::Change;

use crate::history::{History, Record, Seen};
use crate::world::Known;

/// A promise that was broken, and how.
#[derive(Debug, PartialEq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) record: Option<Record>,
    pub(crate) because: String,
}

/// What the store's journal tells about a session.
#[derive(Debug, Default)]
struct Life {
    born: Option<Boot>,
    expires_at: Option<Timestamp>,
    /// When it ended, and whether only because another took its place.
    ended: Option<(Boot, bool)>,
    updates: Vec<(i64, Boot)>,
    /// The key that the session had before this one.
    former: Option<SessionKey>,
    /// The session has another key by now, and this one is accepted for a while.
    is_former: bool,
}

struct Mass {
    at: Boot,
    user: Option<Box<str>>,
    /// In this group only.
    group: Option<Box<str>>,
    tenant: Option<Box<str>>,
}

pub(crate) struct Checker<'a> {
    history: &'a History,
    lives: BTreeMap<SessionKey, Life>,
    masses: Vec<Mass>,
    /// From when on somebody relies on a session being admitted nowhere.
    out: BTreeMap<usize, Boot>,
}

/// Everything that is wrong with a history.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let checker = Checker::new(history);
    let records = history
        .records
        .iter()
        .flat_map(|record| checker.judge(record));
    let heirs = history
        .sessions
        .iter()
        .filter_map(|known| checker.heir(known));
    records.chain(heirs).chain(checker.flickers()).collect()
}

impl<'a> Checker<'a> {
    fn new(history: &'a History) -> Self {
        let mut lives = BTreeMap::<SessionKey, Life>::new();
        let mut masses = Vec::new();
        for commit in &history.commits {
            match &commit.change {
                Change::Born {
                    key, expires_at, ..
                } => {
                    let life = lives.entry(*key).or_default();
                    life.born = Some(commit.at);
                    life.expires_at = Some(*expires_at);
                }
                Change::Renewed { of, to, until } => {
                    let old = lives.entry(*of).or_default();
                    let new = Life {
                        born: Some(commit.at),
                        expires_at: old.expires_at,
                        updates: old.updates.clone(),
                        former: Some(*of),
                        ..Life::default()
                    };
                    old.expires_at = old.expires_at.min(Some(*until));
                    old.is_former = true;
                    lives.insert(*to, new);
                }
                Change::Updated { key, version } => {
                    under_all_keys(&mut lives, *key, |life| {
                        life.updates.push((*version, commit.at));
                    });
                }
                Change::Ended { key, replaced } => {
                    under_all_keys(&mut lives, *key, |life| {
                        life.ended = Some((commit.at, *replaced));
                    });
                }
                Change::Mass {
                    user,
                    group,
                    tenant,
                } => masses.push(Mass {
                    at: commit.at,
                    user: user.clone(),
                    group: group.clone(),
                    tenant: tenant.clone(),
                }),
                Change::Reborn => {}
            }
        }
        Self {
            history,
            lives,
            masses,
            out: told_out(history),
        }
    }

    fn judge(&self, record: &Record) -> Vec<Violation> {
        match record.seen {
            Seen::Admitted {
                session,
                version,
                second,
                ..
            } => self.admitted(record, session, version, second),
            Seen::Absent { session, why } => self.absent(record, session, why),
            Seen::Stranger { .. } => {
                vec![violation(
                    INV_2,
                    record,
                    "another session was admitted".to_owned(),
                )]
            }
            Seen::Elsewhere { admitted: true, .. } => {
                let because = "a site of another group has admitted it".to_owned();
                vec![violation(INV_7, record, because)]
            }
            Seen::Unknown { why, .. } if record.at >= self.history.healed => {
                vec![violation(
                    "every node recovers",
                    record,
                    format!("cannot say: {why}"),
                )]
            }
            Seen::Unknown { .. }
            | Seen::Elsewhere { .. }
            | Seen::OutEverywhere { .. }
            | Seen::Note(_) => Vec::new(),
        }
    }

    fn admitted(
        &self,
        record: &Record,
        session: usize,
        version: i64,
        second: bool,
    ) -> Vec<Violation> {
        let known = &self.history.sessions[session];
        let life = &self.lives[&known.key];
        let mut broken = Vec::new();
        let mut add = |invariant, because| broken.push(violation(invariant, record, because));
        if let Some((at, _)) = life.ended.filter(|(at, _)| at.plus(LEASE) <= record.at) {
            add(INV_1, format!("it ended {:?} ago", record.at.since(at)));
        }
        for mass in self.masses.iter().filter(|mass| mass.names(known)) {
            if known.checked < mass.at && mass.at.plus(LEASE) <= record.at {
                let ago = record.at.since(mass.at);
                add(
                    INV_1,
                    format!("all were ended {ago:?} ago, after its credentials were checked"),
                );
            }
        }
        if let Some(since) = self.out.get(&session).filter(|since| **since < record.at) {
            let ago = record.at.since(*since);
            add(
                INV_1,
                format!("somebody was told {ago:?} ago that no node admits it"),
            );
        }
        let settled = life
            .updates
            .iter()
            .filter(|(_, at)| at.plus(LEASE) <= record.at);
        let newest = settled.map(|(version, _)| *version).max();
        if newest.is_some_and(|newest| version < newest) {
            add(INV_1, format!("version {newest:?} is older than the lease"));
        }
        // A former sid is accepted when the request comes in; the second check is about the session.
        let concluded = second && life.is_former;
        if life
            .expires_at
            .is_some_and(|end| self.store_wall(record.at) >= end && !concluded)
        {
            add(INV_6, "it has expired".to_owned());
        }
        let healed = record.at >= self.history.healed;
        if healed && life.ended.is_some() {
            add(INV_1, "all is well, and it has ended".to_owned());
        }
        broken
    }

    fn absent(&self, record: &Record, session: usize, why: &str) -> Vec<Violation> {
        let known = &self.history.sessions[session];
        let life = &self.lives[&known.key];
        // A node's upper bound of the store's clock is off by no more than a heartbeat takes.
        let almost = self.store_wall(record.at.plus(BEAT_TIMEOUT + Duration::from_millis(100)));
        let expired = life.expires_at.is_some_and(|end| almost >= end);
        let ended = life.ended.is_some_and(|(at, _)| at <= record.at);
        if ended || expired || known.idles {
            return Vec::new();
        }
        vec![violation(
            INV_3,
            record,
            format!("it lives, and the node said {why}"),
        )]
    }

    /// A session that took the place of one that somebody had ended.
    fn heir(&self, known: &Known) -> Option<Violation> {
        let old = &self.lives[&known.heir_of?];
        let born = self.lives[&known.key].born?;
        let (ended, replaced) = old.ended?;
        (!replaced && ended <= born).then(|| Violation {
            invariant: INV_4,
            record: None,
            because: format!("{known:?} took the place of a session that had ended"),
        })
    }

    /// A node that has said that there is no such session must not find it again.
    fn flickers(&self) -> Vec<Violation> {
        let mut gone = BTreeMap::new();
        let mut broken = Vec::new();
        for record in &self.history.records {
            let on = (record.node, record.life);
            match record.seen {
                Seen::Absent { session, why } if self.is_final(record, session, why) => {
                    gone.entry((on, session)).or_insert(record.at);
                }
                // A second check concludes a request that came before.
                Seen::Admitted {
                    session,
                    second: false,
                    ..
                } => {
                    if let Some(since) = gone.get(&(on, session)).filter(|at| **at < record.at) {
                        let ago = record.at.since(*since);
                        broken.push(violation(
                            INV_4,
                            record,
                            format!("it was absent {ago:?} ago"),
                        ));
                    }
                }
                _ => {}
            }
        }
        broken
    }

    /// A node's upper bound of the store's clock may be ahead for a moment: then a session seems over a little too soon.
    fn is_final(&self, record: &Record, session: usize, why: &str) -> bool {
        let known = &self.history.sessions[session];
        let end = self.lives[&known.key].expires_at;
        let too_soon = why == "expired" && end.is_some_and(|end| self.store_wall(record.at) < end);
        !known.idles && !too_soon
    }

    fn store_wall(&self, at: Boot) -> Timestamp {
        let up = i64::try_from(at.as_nanos() / 1_000).unwrap();
        Timestamp::from_micros(self.history.store_epoch + up)
    }
}

/// Does something to a session under the key that it has, and under those that it had.
fn under_all_keys(
    lives: &mut BTreeMap<SessionKey, Life>,
    key: SessionKey,
    mut change: impl FnMut(&mut Life),
) {
    let mut next = Some(key);
    while let Some(key) = next {
        let life = lives.entry(key).or_default();
        change(life);
        next = life.former;
    }
}

/// From when on somebody relies on a session being admitted nowhere.
fn told_out(history: &History) -> BTreeMap<usize, Boot> {
    let mut out = BTreeMap::new();
    for record in &history.records {
        if let Seen::OutEverywhere { sessions } = &record.seen {
            for session in sessions {
                out.entry(*session).or_insert(record.at);
            }
        }
    }
    out
}

impl Mass {
    fn names(&self, known: &Known) -> bool {
        let elsewhere = self.group.as_deref();
        if elsewhere.is_some_and(|group| group != known.group.name()) {
            return false;
        }
        match (&self.user, &self.tenant) {
            (Some(user), _) => **user == *known.user,
            (None, Some(tenant)) => known.tenant.as_deref() == Some(&**tenant),
            (None, None) => true,
        }
    }
}

fn violation(invariant: &'static str, record: &Record, because: String) -> Violation {
    Violation {
        invariant,
        record: Some(record.clone()),
        because,
    }
}

const INV_1: &str = "INV-1 nothing outdated is admitted once the lease is over";
const INV_2: &str = "INV-2 a cached value decides only for its own session";
const INV_3: &str = "INV-3 an error is never an absence";
const INV_4: &str = "INV-4 nothing brings an ended session back";
const INV_6: &str = "INV-6 no clock but the store's extends a session";
const INV_7: &str = "INV-7 a session of one group is never admitted on a site of another";
