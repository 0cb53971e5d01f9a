//! Everything that changes a session. Each call returns after its commit, and after this node has heard of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::references::Seals;
use super::{Sessions, SessionsError};
use crate::entropy;
use crate::freshness::tail::BEAT_TIMEOUT;
use crate::hint::Hint;
use crate::session::{
    Group, Identity, IdentityPatch, NewSession, Origin, Owner, Reference, Seq, Session,
    SessionLimit, SiteName, Text,
};
use crate::sid::{SessionKey, Sid};
use crate::store::{Change, SessionStore, StoreError, StoredSession, Updated};

/// Most attempts to change a session that others keep changing.
const CHANGE_TRIES: usize = 3;

/// Permission to log somebody in, taken before their credentials were checked (R8).
#[derive(Clone, Copy, Debug)]
pub struct LoginTicket {
    sampled: Seq,
}

impl LoginTicket {
    /// The number of the last event that it has taken into account, for whoever has to carry it through other hands. Those must
    /// not be able to change it: a higher number would let a login pass that a revocation has overtaken.
    #[must_use]
    pub const fn number(self) -> Seq {
        self.sampled
    }

    /// The one with this number.
    #[must_use]
    pub const fn of_number(number: Seq) -> Self {
        Self { sampled: number }
    }

    pub(super) const fn sampled(self) -> Seq {
        self.sampled
    }
}

/// A login whose credentials were accepted.
#[derive(Debug)]
pub struct Login {
    /// The group of sites on which the session counts.
    pub group: Group,
    /// The site of the login.
    pub site: SiteName,
    /// Who logged in.
    pub identity: Identity,
    /// The reference of the app that accepted the login.
    pub reference: Option<Reference>,
    /// Client address.
    pub ip: Option<IpAddr>,
    /// Client software, already clipped.
    pub user_agent: Text,
    /// Absolute life.
    pub ttl: Duration,
    /// Idle limit; zero: none.
    pub idle: Duration,
    /// The session that the same browser had before; it ends.
    pub replaces: Option<SessionKey>,
    /// How many sessions the user may have in the group; `None`: any number.
    pub limit: Option<SessionLimit>,
    /// Whether the cookie ends with the browser; else it lives as long as the session.
    pub ends_with_browser: bool,
}

/// A session that has just been made, and the only copy of its sid.
#[derive(Debug)]
pub struct Created {
    /// For the one `Set-Cookie`.
    pub sid: Sid,
    /// What was stored.
    pub session: Session,
}

impl Sessions {
    /// Samples the store's head, before credentials are checked.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn begin_login(&self) -> Result<LoginTicket, SessionsError> {
        let sampled = self
            .ask_store("head", |store| async move { store.head().await })
            .await?;
        Ok(LoginTicket { sampled })
    }

    /// Like [`Sessions::begin_login`], with the head that this node has applied. No I/O. The head may be a heartbeat
    /// old, which can refuse a login needlessly but never admits one wrongly.
    ///
    /// # Errors
    /// Without a lease.
    pub fn begin_login_from_lease(&self) -> Result<LoginTicket, SessionsError> {
        let leased = self.node.lease.holds(self.node.clock.boot());
        if leased {
            Ok(LoginTicket {
                sampled: self.node.window.head(),
            })
        } else {
            Err(SessionsError::NoLease)
        }
    }

    /// Makes a session with a new sid and ends the one that it replaces, in one transaction.
    ///
    /// # Errors
    /// When nothing was stored, or when that is unknown. In both cases the sid was not given out.
    pub async fn create(
        &self,
        ticket: LoginTicket,
        login: Login,
    ) -> Result<Created, SessionsError> {
        let (sid, key, id) = self.mint(&login.group)?;
        let references = self.sealed(id, login.reference.as_ref(), login.ends_with_browser)?;
        let new = NewSession {
            key,
            id,
            group: login.group,
            site: login.site,
            identity: login.identity,
            ip: login.ip,
            user_agent: login.user_agent,
            ttl: login.ttl,
            idle: login.idle,
            references,
            sampled: ticket.sampled,
            origin: Origin::Login {
                replaces: login.replaces,
            },
            limit: login.limit,
        };
        self.insert(sid, new).await
    }

    /// Gives a session a new sid and handle: the old one ends, everything else stays. With the new session comes the handle
    /// that it had before. `None` when there is no such live session.
    ///
    /// # Errors
    /// As for [`Sessions::create`].
    pub async fn rotate(&self, old: SessionKey) -> Result<Option<(Created, Uuid)>, SessionsError> {
        for _ in 0..CHANGE_TRIES {
            let snapshot = self
                .ask_store("load", |store| async move { store.load(&old).await })
                .await?;
            let (now, sampled) = (snapshot.now, snapshot.as_of);
            let Some(StoredSession { session, .. }) =
                snapshot.row.filter(|row| row.verdict(now).is_ok())
            else {
                return Ok(None);
            };
            let (sid, key, id) = self.mint(&session.group)?;
            let before = session.id;
            let references = self.references().moved(&session.references, before, id)?;
            let origin = Origin::Rotation {
                of: session.key,
                version: session.version,
                auth_time: session.auth_time,
            };
            let new = NewSession {
                key,
                id,
                group: session.group,
                site: session.site,
                ttl: session.expires_at.since(now),
                idle: session.idle,
                identity: session.identity,
                ip: session.ip,
                user_agent: (&*session.user_agent).into(),
                references,
                sampled,
                origin,
                limit: None,
            };
            match self.insert(sid, new).await {
                // It ended or changed between the two steps: look again.
                Err(SessionsError::Store(StoreError::RevokedMeanwhile)) => {}
                inserted => return inserted.map(|created| Some((created, before))),
            }
        }
        Err(SessionsError::Contended)
    }

    /// Merges `patch` of the app `app` into a live session, and tells whose it is. `None` when there is none.
    ///
    /// # Errors
    /// When the store failed, the result is not a valid identity, or others kept changing the session.
    pub async fn update(
        &self,
        key: SessionKey,
        app: &str,
        patch: IdentityPatch,
    ) -> Result<Option<Owner>, UpdateError> {
        let (seals, app) = (self.references(), Text::from(app));
        let merged = self.ask_store("merge", move |store| async move {
            Ok(merge(store.as_ref(), &seals, &key, &app, &patch).await)
        });
        let owner = merged.await??;
        if owner.is_some() {
            self.hear_of_it(Some(key)).await;
        }
        Ok(owner)
    }

    pub(super) fn mint(&self, group: &Group) -> Result<(Sid, SessionKey, Uuid), SessionsError> {
        let random = entropy::bytes(self.entropy.as_ref())?;
        let (sid, key) = self.keys.load().mint(random, group);
        Ok((
            sid,
            key,
            entropy::handle(self.node.clock.wall(), self.entropy.as_ref())?,
        ))
    }

    async fn insert(&self, sid: Sid, new: NewSession) -> Result<Created, SessionsError> {
        let replaces = new.origin.replaces().copied();
        let may_evict = new.limit.is_some();
        let session = self
            .ask_store("insert", |store| async move { store.insert(&new).await })
            .await
            .inspect_err(|failed| {
                if matches!(failed, SessionsError::Store(StoreError::RevokedMeanwhile)) {
                    self.node.stats.logins_overtaken.add();
                }
            })?;
        if replaces.is_some() || may_evict {
            self.hear_of_it(replaces).await;
        }
        Ok(Created { sid, session })
    }

    /// Waits until this node has applied what was just committed, so that the caller sees its own change. If the store
    /// falls silent meanwhile, this node serves the old state no longer than its lease.
    pub(super) async fn hear_of_it(&self, key: Option<SessionKey>) {
        if let Some(key) = key {
            self.local.forget(&key);
        }
        self.tell_others(key.map_or(Hint::Something, Hint::Session));
        self.node
            .signals
            .beat_after(self.node.clock.boot(), BEAT_TIMEOUT)
            .await;
    }
}

impl Sessions {
    /// Sends a hint to other nodes through the shared cache, in case a pooler swallows the store's own channel. Does
    /// not wait for the result.
    fn tell_others(&self, hint: Hint) {
        if self.tiers.shared.is_some() {
            let tiers = Arc::clone(&self.tiers);
            self.tasks
                .spawn_on(async move { tiers.publish(hint).await }, &self.runtime);
        }
    }
}

/// Why an update was not written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The store failed, or others kept changing the session.
    #[error(transparent)]
    Sessions(#[from] SessionsError),
    /// The result is not a valid identity.
    #[error(transparent)]
    Identity(#[from] crate::session::MemberRefused),
}

async fn merge(
    store: &dyn SessionStore,
    seals: &Seals,
    key: &SessionKey,
    app: &str,
    patch: &IdentityPatch,
) -> Result<Option<Owner>, UpdateError> {
    for _ in 0..CHANGE_TRIES {
        let snapshot = store.load(key).await.map_err(SessionsError::from)?;
        let now = snapshot.now;
        let Some(row) = snapshot.row.filter(|row| row.verdict(now).is_ok()) else {
            return Ok(None);
        };
        let owner = Owner::of(&row.session);
        let identity = row.session.identity.merged(patch)?;
        let id = row.session.id;
        let references = seals.moved(&row.session.references, id, id)?;
        let references = match patch.reference() {
            Some(text) => seals.with(&references, id, app, text)?,
            None => references,
        };
        let change = Change {
            identity,
            references,
        };
        match store
            .update(key, row.session.version, &change)
            .await
            .map_err(SessionsError::from)?
        {
            Updated::Done => return Ok(Some(owner)),
            // `Gone` may also mean that it got another key meanwhile: the next load tells.
            Updated::Gone | Updated::Conflict => {}
        }
    }
    Err(SessionsError::Contended.into())
}
