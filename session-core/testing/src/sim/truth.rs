//! The rows and the log behind a [`SimStore`](super::SimStore). Each method is one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use super::journal::{Change, Commit};
use super::mass::MassOf;
use session_core::clock::{Boot, Timestamp};
use session_core::session::{NewSession, RevokeReason, Seq, Session, Text};
use session_core::sid::SessionKey;
use session_core::store::{
    self, Event, Renewal, Revoked, Scope, StoreError, StoreResult, StoredSession, Subject, Touch,
    Updated,
};

/// The store's own time at a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) boot: Boot,
    pub(super) wall: Timestamp,
}

/// Events that a fail-over is going to lose.
#[derive(Clone, Copy, Debug)]
pub struct Doomed {
    kept: Seq,
    head: Seq,
    commits: usize,
    incarnation: u128,
}

#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) incarnation: u128,
    pub(super) head: Seq,
    /// Those that are still kept.
    pub(super) events: Vec<Event>,
    rows: BTreeMap<SessionKey, Session>,
    mass: BTreeMap<MassOf, Seq>,
    ended: BTreeSet<SessionKey>,
    /// Keys that sessions had before, what they have now, and until when the former one is accepted.
    former: BTreeMap<SessionKey, (SessionKey, Timestamp)>,
    pub(super) journal: Vec<Commit>,
    /// What each node has reported, and until when it is declared to be there.
    pub(super) nodes: BTreeMap<Uuid, (Seq, Timestamp)>,
}

impl Truth {
    pub(super) fn stored(&self, key: &SessionKey) -> Option<StoredSession> {
        self.rows.get(key).map(|session| StoredSession {
            session: session.clone(),
            mass_revoked: self.mass_revoked(session),
        })
    }

    pub(super) fn by_handle(&self, id: Uuid) -> Option<StoredSession> {
        let found = self.rows.values().find(|session| session.id == id);
        found.and_then(|session| self.stored(&session.key))
    }

    /// Sessions that are neither ended nor expired nor idle.
    pub(super) fn live(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.rows
            .values()
            .filter(move |session| session.verdict(now, self.mass_revoked(session)).is_ok())
    }

    fn mass_revoked(&self, session: &Session) -> Option<Seq> {
        let naming = MassOf::naming(session);
        naming.filter_map(|of| self.mass.get(&of).copied()).max()
    }

    /// Not revoked, alone or with others, and not at its absolute end.
    fn unended(&self, session: &Session, now: Timestamp) -> bool {
        let mass = self.mass_revoked(session);
        session.revoked.is_none()
            && session.expires_at > now
            && mass.is_none_or(|seq| session.created_seq >= seq)
    }

    fn event(&mut self, subject: Subject) -> Seq {
        self.head += 1;
        self.events.push(Event {
            seq: self.head,
            eid: Uuid::from_u128(self.incarnation << 64 | u128::from(self.head.unsigned_abs())),
            subject,
        });
        self.head
    }

    fn note(&mut self, now: Now, change: Change) {
        self.journal.push(Commit {
            at: now.boot,
            seq: self.head,
            change,
        });
    }

    /// Writes down which sessions the transaction has ended.
    fn note_ends(&mut self, now: Now, replaced: bool) {
        let ended: Vec<SessionKey> = self
            .rows
            .values()
            .filter(|session| {
                let mass = self.mass_revoked(session);
                !self.ended.contains(&session.key)
                    && (session.revoked.is_some()
                        || mass.is_some_and(|seq| session.created_seq < seq))
            })
            .map(|session| session.key)
            .collect();
        for key in ended {
            self.ended.insert(key);
            self.note(now, Change::Ended { key, replaced });
        }
    }

    pub(super) fn insert(&mut self, now: Now, new: &NewSession) -> StoreResult<Session> {
        if self.rows.contains_key(&new.key) || self.rows.values().any(|row| row.id == new.id) {
            return Err(StoreError::Duplicate);
        }
        let idle = new.idle.as_secs() + u64::from(new.idle.subsec_nanos() > 0);
        let session = Session {
            key: new.key,
            id: new.id,
            group: new.group.clone(),
            site: new.site.clone(),
            identity: new.identity.clone(),
            ip: new.ip,
            user_agent: new.user_agent.clone().into(),
            created_at: now.wall,
            auth_time: new.origin.auth_time().unwrap_or(now.wall),
            last_activity: now.wall,
            expires_at: now.wall.plus(new.ttl),
            idle: Duration::from_secs(idle),
            revoked: None,
            references: new.references.clone(),
            created_seq: new.sampled,
            version: 1,
            renewed_at: None,
        };
        if self
            .mass_revoked(&session)
            .is_some_and(|seq| seq > new.sampled)
        {
            return Err(StoreError::RevokedMeanwhile);
        }
        // Sampled from a log that was lost: what has happened since cannot be told.
        if new.sampled > self.head {
            return Err(StoreError::RevokedMeanwhile);
        }
        let same = |old: &SessionKey, version| {
            let row = self.rows.get(old);
            row.is_some_and(|row| row.version == version && row.revoked.is_none())
        };
        let predecessor = new.origin.predecessor();
        if predecessor.is_some_and(|(old, version)| !same(old, version)) {
            return Err(StoreError::RevokedMeanwhile);
        }
        self.rows.insert(new.key, session.clone());
        let born = Change::Born {
            key: new.key,
            user: session.identity.user_id().into(),
            tenant: session.identity.tenant_id().map(Text::from),
            expires_at: session.expires_at,
        };
        self.note(now, born);
        if let Some(replaced) = new.origin.replaces() {
            self.end(now, replaced, RevokeReason::Replaced);
            self.note_ends(now, true);
        }
        Ok(session)
    }

    /// Ends one row; whether it was alive.
    fn end(&mut self, now: Now, key: &SessionKey, reason: RevokeReason) -> bool {
        let key = &self.current(key, now.wall);
        let unended = self
            .rows
            .get(key)
            .is_some_and(|session| self.unended(session, now.wall));
        if !unended {
            return false;
        }
        self.event(Subject::Session(*key));
        self.rows.get_mut(key).is_some_and(|session| {
            let idle = session.idle_until(session.last_activity);
            session.revoked = Some((now.wall, reason));
            idle.is_none_or(|end| now.wall < end)
        })
    }

    /// Whether sessions were once stored under `key`.
    pub(super) fn is_former(&self, key: &SessionKey) -> bool {
        self.former.contains_key(key)
    }

    /// The key under which the session is stored now that was asked for by `key`.
    pub(super) fn current(&self, key: &SessionKey, now: Timestamp) -> SessionKey {
        match self.former.get(key) {
            Some((successor, until)) if *until > now => *successor,
            _ => *key,
        }
    }

    pub(super) fn renew(&mut self, now: Now, renewal: &Renewal) -> Option<Session> {
        let (of, to) = (renewal.of, renewal.to);
        let row = self.rows.get(&of);
        if !row.is_some_and(|row| row.group == renewal.group && self.unended(row, now.wall)) {
            return None;
        }
        let mut session = self.rows.remove(&of)?;
        session.key = to;
        session.renewed_at = Some(now.wall);
        session.last_activity = now.wall;
        self.rows.insert(to, session.clone());
        let until = now.wall.plus(renewal.grace);
        let earlier = self.former.values_mut();
        for (successor, _) in earlier.filter(|(successor, _)| *successor == of) {
            *successor = to;
        }
        self.former.insert(of, (to, until));
        self.event(Subject::Session(of));
        self.event(Subject::Session(to));
        self.note(now, Change::Renewed { of, to, until });
        Some(session)
    }

    pub(super) fn update(
        &mut self,
        now: Now,
        key: &SessionKey,
        version: i64,
        change: &store::Change,
    ) -> Updated {
        let key = &self.current(key, now.wall);
        let unended = self
            .rows
            .get(key)
            .is_some_and(|session| self.unended(session, now.wall));
        let Some(session) = self.rows.get_mut(key).filter(|_| unended) else {
            return Updated::Gone;
        };
        if session.version != version {
            return Updated::Conflict;
        }
        session.identity = change.identity.clone();
        session.references.clone_from(&change.references);
        session.version += 1;
        let version = session.version;
        self.event(Subject::Session(*key));
        self.note(now, Change::Updated { key: *key, version });
        self.note_ends(now, false);
        Updated::Done
    }

    pub(super) fn touch(&mut self, now: Timestamp, batch: &[Touch]) -> u64 {
        let mut batch: Vec<&Touch> = batch.iter().collect();
        batch.sort_by_key(|touch| (std::cmp::Reverse(touch.age), touch.key));
        let mut moved = 0;
        for touch in batch {
            let age = i64::try_from(touch.age.as_micros()).unwrap_or(i64::MAX);
            let used = Timestamp::from_micros(now.as_micros().saturating_sub(age));
            let Some(session) = self.rows.get_mut(&touch.key) else {
                continue;
            };
            let in_use = session
                .idle_until(session.last_activity)
                .is_none_or(|end| used < end);
            if session.revoked.is_none()
                && session.expires_at > now
                && session.last_activity < used
                && in_use
            {
                session.last_activity = used;
                moved += 1;
            }
        }
        moved
    }

    pub(super) fn revoke(&mut self, now: Now, scope: &Scope, reason: RevokeReason) -> Revoked {
        let one = |session: &Session| match scope {
            Scope::Key(key) => session.key == self.current(key, now.wall),
            Scope::Handle { id, user_id, group } => {
                let user = session.identity.user_id();
                session.id == *id
                    && user_id.as_deref().is_none_or(|owner| owner == user)
                    && group.as_ref().is_none_or(|group| *group == session.group)
            }
            Scope::Others {
                user_id,
                keep,
                group,
            } => {
                session.identity.user_id() == &**user_id
                    && session.key != self.current(keep, now.wall)
                    && group.as_ref().is_none_or(|group| *group == session.group)
            }
            Scope::Member { .. } | Scope::User(_) | Scope::Tenant(_) | Scope::All => false,
        };
        let keys: Vec<SessionKey> = self
            .rows
            .values()
            .filter(|row| one(row))
            .map(|row| row.key)
            .collect();
        let sessions = match scope {
            Scope::Member { user_id, group } => {
                let (group, user) = (group.name().into(), user_id.clone());
                self.end_all(now, MassOf::Member { group, user })
            }
            Scope::User(id) => self.end_all(now, MassOf::User(id.clone())),
            Scope::Tenant(id) => self.end_all(now, MassOf::Tenant(id.clone())),
            Scope::All => self.end_all(now, MassOf::All),
            Scope::Key(_) | Scope::Handle { .. } | Scope::Others { .. } => {
                let lived = keys.iter().filter(|key| self.end(now, key, reason));
                u64::try_from(lived.count()).unwrap_or(u64::MAX)
            }
        };
        self.note_ends(now, false);
        Revoked {
            sessions,
            seq: self.head,
        }
    }

    fn end_all(&mut self, now: Now, of: MassOf) -> u64 {
        let named = self.live(now.wall).filter(|session| of.names(session));
        let sessions = named.count();
        let seq = self.event(of.subject());
        self.mass.insert(of.clone(), seq);
        self.note(now, of.change());
        u64::try_from(sessions).unwrap_or(u64::MAX)
    }

    /// Appends `count` events about sessions that nobody holds.
    pub(super) fn make_noise(&mut self, count: u64) -> Doomed {
        let kept = self.head;
        for number in 0..count {
            let mut key = [0xff; 32];
            for (to, from) in key.iter_mut().zip(number.to_le_bytes()) {
                *to = from;
            }
            self.event(Subject::Session(SessionKey::from_bytes(key)));
        }
        Doomed {
            kept,
            head: self.head,
            commits: self.journal.len(),
            incarnation: self.incarnation,
        }
    }

    /// Loses the noise, unless something has been built on it.
    pub(super) fn lose(&mut self, now: Now, doomed: Doomed) -> bool {
        let same = doomed.head == self.head
            && doomed.commits == self.journal.len()
            && doomed.incarnation == self.incarnation;
        if same {
            self.events.retain(|event| event.seq <= doomed.kept);
            self.head = doomed.kept;
            // A report of what is lost came after it, and is lost with it.
            for (applied, _) in self.nodes.values_mut() {
                *applied = (*applied).min(doomed.kept);
            }
            self.reincarnate(now);
        }
        same
    }

    pub(super) fn reincarnate(&mut self, now: Now) {
        self.incarnation += 1;
        self.note(now, Change::Reborn);
    }
}
