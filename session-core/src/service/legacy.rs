//! Logins of the old system become sessions: each exactly once, on whichever node, and never again after its end.

use std::sync::Arc;

use tracing::warn;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::change::{Created, Login, LoginTicket};
use super::{Sessions, SessionsError};
use crate::clock::Timestamp;
use crate::entropy;
use crate::keys::Keyring;
use crate::keys::legacy::{Credential, LegacyKey, LegacyLogin};
use crate::sealing::Ciphers;
use crate::session::{Group, Groups, NewSession, Origin, Text};
use crate::sid::{SessionKey, Sid};
use crate::store::{
    Adopted, Adoption, Attached, Attachment, ProvenRow, Recalled, Seen, StoreError, Tally,
};

/// What is known of an old credential.
#[derive(Debug)]
pub enum Known {
    /// Nothing: it has never become a session, or so long ago that it is forgotten.
    Never,
    /// It has become a session, which lives.
    Live(Box<Created>),
    /// It has become a session, which has ended. It becomes no other one. Holds the handle of the session if its row is
    /// still there.
    Ended(Option<Uuid>),
}

/// An old credential that was accepted, and when its user proved who they are (1970 if unknown).
#[derive(Clone, Debug)]
pub struct Proven {
    /// The credential.
    pub login: Arc<LegacyLogin>,
    /// When its user last proved who they are.
    pub proved: Timestamp,
}

/// What an old login has become.
#[derive(Debug)]
pub enum Migrated {
    /// A new session.
    Made(Box<Created>),
    /// Nothing: what is known of its credentials has changed since they were judged. Recall them again.
    Changed,
    /// Nothing: its session is there and has ended, but the rows of its credentials were deleted.
    Ended,
}

impl Sessions {
    /// What is derived from a credential of the old system in `group`. No I/O.
    #[must_use]
    pub fn legacy(&self, credential: Credential<'_>, group: &Group) -> LegacyLogin {
        self.keys.load().legacy(credential, group)
    }

    /// What is known of old credentials, in the order of `logins`, from one snapshot.
    ///
    /// # Errors
    /// When the store failed: the state of the credentials is then unknown.
    pub async fn recall(&self, logins: &[Arc<LegacyLogin>]) -> Result<Vec<Known>, SessionsError> {
        let asked: Vec<LegacyKey> = logins.iter().flat_map(|login| login.keys()).collect();
        let recalled = self
            .ask_store("recall", |store| async move { store.recall(&asked).await })
            .await?;
        let keys = self.keys.load_full();
        let known = logins.iter().map(|login| known(&keys, login, &recalled));
        Ok(known.collect())
    }

    /// Makes the one session of old credentials that were accepted, unless one of them has or had one already. `kept`,
    /// the old cookies, is stored with it, sealed so that it opens only with this session. Credentials of another group than
    /// that of `login` are none here: the answer is [`Migrated::Changed`].
    ///
    /// # Errors
    /// When nothing was stored, or when that is unknown; [`Sessions::recall`] tells then.
    pub async fn migrate(
        &self,
        ticket: LoginTicket,
        proven: &[Proven],
        login: Login,
        kept: Option<&[u8]>,
    ) -> Result<Migrated, SessionsError> {
        let Some(first) = proven.first().filter(|_| are_of(proven, &login.group)) else {
            return Ok(Migrated::Changed);
        };
        let (sid, key) = (first.login.sid(), first.login.session_key());
        let ciphers = Ciphers::new(self.keys.load().kept());
        let kept = kept
            .map(|kept| ciphers.seal(kept, key.as_bytes(), self.entropy.as_ref()))
            .transpose()?
            .flatten();
        let id = entropy::handle(self.node.clock.wall(), self.entropy.as_ref())?;
        let references = self.sealed(id, login.reference.as_ref(), login.ends_with_browser)?;
        let proved = proven.iter().map(|one| one.proved).max();
        let session = NewSession {
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
            limit: login.limit,
            sampled: ticket.sampled(),
            origin: Origin::Adoption {
                // A proof cannot lie in the future.
                proved: proved.unwrap_or_default().min(self.node.clock.wall()),
            },
        };
        let erased = self.keys.load().erased(session.identity.user_id());
        let adoption = Adoption {
            session,
            rows: rows(proven, &sid),
            erased,
            kept,
        };
        let adopted = self
            .ask_store("adopt", |store| async move { store.adopt(&adoption).await })
            .await;
        match adopted {
            Ok(Adopted::Made(session)) => {
                let session = *session;
                Ok(Migrated::Made(Box::new(Created { sid, session })))
            }
            Ok(Adopted::Known | Adopted::CutOff) => Ok(Migrated::Changed),
            Err(SessionsError::Store(StoreError::Duplicate)) => Ok(Migrated::Ended),
            Err(failed) => Err(failed),
        }
    }

    /// Attaches further accepted credentials to a live session. `false` when what is known of them has changed since
    /// they were judged, or when one is of another group: nothing was stored, and they may be recalled again.
    ///
    /// # Errors
    /// As for [`Sessions::migrate`].
    pub async fn attach(
        &self,
        proven: &[Proven],
        tenant_id: Option<&str>,
        to: &Created,
    ) -> Result<bool, SessionsError> {
        if !are_of(proven, &to.session.group) {
            return Ok(false);
        }
        let user_id = to.session.identity.user_id();
        let attachment = Attachment {
            session_key: to.session.key,
            group: to.session.group.clone(),
            user_id: user_id.into(),
            tenant_id: tenant_id.map(Text::from),
            rows: rows(proven, &to.sid),
            erased: self.keys.load().erased(user_id),
        };
        let attached = self
            .ask_store(
                "attach",
                |store| async move { store.attach(&attachment).await },
            )
            .await?;
        Ok(attached == Attached::Done)
    }

    /// Ends the old logins of a user in a group that have not become sessions yet.
    ///
    /// # Errors
    /// When they were not ended, or when that is unknown.
    pub async fn end_old_logins(&self, user_id: &str, group: &Group) -> Result<(), SessionsError> {
        let (user_id, group) = (user_id.to_owned(), group.clone());
        self.ask_store("cut_off", |store| async move {
            store.cut_off(&user_id, &group).await
        })
        .await
    }

    /// The old cookies that were kept with a session, if they can be opened.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn kept(&self, key: SessionKey) -> Result<Option<Zeroizing<Vec<u8>>>, SessionsError> {
        let sealed = self
            .ask_store("kept", |store| async move { store.kept(&key).await })
            .await?;
        let ciphers = Ciphers::new(self.keys.load().kept());
        let opened = sealed.and_then(|sealed| ciphers.open(&sealed, key.as_bytes()));
        Ok(opened.map(Zeroizing::new))
    }

    /// Adds to the counts of old cookies of this hour.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn tally(&self, seen: Vec<Seen>) -> Result<(), SessionsError> {
        self.ask_store("tally", |store| async move { store.tally(&seen).await })
            .await
    }

    /// The counts of old cookies, by hour.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn tallied(&self) -> Result<Tally, SessionsError> {
        self.ask_store("tallied", |store| async move { store.tallied().await })
            .await
    }
}

fn are_of(proven: &[Proven], group: &Group) -> bool {
    proven.iter().all(|one| one.login.group() == group)
}

/// The rows to store for accepted credentials of the session of `sid`, sorted by key. Nodes that store the same rows
/// lock them in the same order, so they cannot deadlock.
fn rows(proven: &[Proven], sid: &Sid) -> Vec<ProvenRow> {
    let mut rows: Vec<ProvenRow> = Vec::with_capacity(proven.len());
    for Proven { login, proved } in proven {
        let proved = *proved;
        rows.extend(
            login
                .rows(sid)
                .into_iter()
                .map(|row| ProvenRow { row, proved }),
        );
    }
    rows.sort_by_key(|proven| proven.row.key);
    rows.dedup_by_key(|proven| proven.row.key);
    rows
}

/// Under several masters a credential has several rows; a live session counts before an ended one.
fn known(keys: &Keyring, login: &LegacyLogin, recalled: &Recalled) -> Known {
    let (asked, groups) = (login.keys(), Groups::from(login.group().clone()));
    let mut known = Known::Never;
    for found in &recalled.rows {
        if !asked.contains(&found.row.key) {
            continue;
        }
        let id = found.session.as_ref().map(|row| row.session.id);
        known = Known::Ended(id);
        if let Some(row) = &found.session
            && found.is_live(recalled.now)
        {
            let sid = login
                .unwrap_sid(&found.row)
                .filter(|_| row.session.group == *login.group())
                .filter(|sid| keys.recognise(sid, &groups) == Ok(found.session_key));
            if let Some(sid) = sid {
                let session = row.session.clone();
                return Known::Live(Box::new(Created { sid, session }));
            }
            warn!(session = ?id, "the sid stored with an old login is not that of its session");
        }
    }
    known
}
