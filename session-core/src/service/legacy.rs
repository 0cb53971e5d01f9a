//! Logins of the old system become sessions: each exactly once, on whichever node, and never again after its end.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use tracing::warn;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::change::{Created, Login, LoginTicket};
use super::{Sessions, SessionsError};
use crate::entropy::{self, Entropy};
use crate::keys::Keyring;
use crate::keys::legacy::{Credential, LegacyLogin};
use crate::session::{NewSession, Origin, Session};
use crate::sid::SessionKey;
use crate::store::{Adoption, Recalled, Seen, StoreError, Tally};

/// Tries to store a login that others keep storing and forgetting.
const TRIES: usize = 2;
const NONCE_LEN: usize = 24;

/// What is known of an old login.
#[derive(Debug)]
pub enum Known {
    /// Nothing: it has never become a session, or so long ago that it is forgotten.
    Never,
    /// It has become a session, which lives.
    Live(Box<Created>),
    /// It has become a session, which has ended; its handle, if its row is still there. It makes no other one.
    Ended(Option<Uuid>),
}

/// What an old login has become.
#[derive(Debug)]
pub enum Migrated {
    /// A new session.
    Made(Box<Created>),
    /// The session that somebody else has just made from it.
    Existing(Box<Created>),
    /// It has become a session before, which has ended; its handle, if its row is still there.
    Ended(Option<Uuid>),
}

impl Sessions {
    /// The login with these credentials; `None` without any. No I/O.
    #[must_use]
    pub fn legacy(&self, credentials: &[Credential<'_>]) -> Option<LegacyLogin> {
        self.keys.legacy(credentials)
    }

    /// Whether an old login is known.
    ///
    /// # Errors
    /// When the store failed: then nothing is known.
    pub async fn recall(&self, login: &Arc<LegacyLogin>) -> Result<Known, SessionsError> {
        let (store, keys, login) = (
            Arc::clone(&self.store),
            Arc::clone(&self.keys),
            Arc::clone(login),
        );
        self.on_core(async move {
            let recalled = store.recall(&login.keys()).await?;
            Ok(known(&keys, &login, recalled))
        })
        .await
    }

    /// Makes the session of an old login whose credentials were accepted, unless there is one or has been one. `kept`, the
    /// old cookies, is sealed and stored with it.
    ///
    /// # Errors
    /// When nothing was stored, or when nobody knows whether it was; asking again finds it then.
    pub async fn migrate(
        &self,
        ticket: LoginTicket,
        legacy: &Arc<LegacyLogin>,
        login: Login,
        kept: Option<&[u8]>,
    ) -> Result<Migrated, SessionsError> {
        let key = legacy.session_key();
        let kept = kept
            .map(|kept| seal(&self.keys, self.entropy.as_ref(), &key, kept))
            .transpose()?
            .flatten();
        let id = entropy::handle(self.clock.wall(), self.entropy.as_ref())?;
        let references = self.sealed(id, login.reference.as_ref())?;
        let session = NewSession {
            key,
            id,
            identity: login.identity,
            ip: login.ip,
            user_agent: login.user_agent,
            ttl: login.ttl,
            idle: login.idle,
            references,
            limit: login.limit,
            sampled: ticket.sampled(),
            origin: Origin::Adoption,
        };
        let adoption = Arc::new(Adoption {
            session,
            rows: legacy.rows(),
            kept,
        });
        for _ in 0..TRIES {
            match self.adopt(&adoption).await {
                Ok(Some(session)) => {
                    let sid = legacy.sid();
                    return Ok(Migrated::Made(Box::new(Created { sid, session })));
                }
                Ok(None) => {}
                // Somebody has deleted its credentials, and not the session itself.
                Err(SessionsError::Store(StoreError::Duplicate)) => {
                    return Ok(Migrated::Ended(None));
                }
                Err(failed) => return Err(failed),
            }
            match self.recall(legacy).await? {
                Known::Live(created) => return Ok(Migrated::Existing(created)),
                Known::Ended(id) => return Ok(Migrated::Ended(id)),
                // Forgotten between the two steps.
                Known::Never => {}
            }
        }
        Err(SessionsError::Contended)
    }

    async fn adopt(&self, adoption: &Arc<Adoption>) -> Result<Option<Session>, SessionsError> {
        let (store, adoption) = (Arc::clone(&self.store), Arc::clone(adoption));
        self.on_core(async move { Ok(store.adopt(&adoption).await?) })
            .await
    }

    /// The old cookies that were kept with a session, if they can be opened.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn kept(&self, key: SessionKey) -> Result<Option<Zeroizing<Vec<u8>>>, SessionsError> {
        let store = Arc::clone(&self.store);
        let sealed = self
            .on_core(async move { Ok(store.kept(&key).await?) })
            .await?;
        Ok(sealed.and_then(|sealed| open(&self.keys, &key, &sealed)))
    }

    /// Adds to what was seen of old cookies in this hour.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn tally(&self, seen: Vec<Seen>) -> Result<(), SessionsError> {
        let store = Arc::clone(&self.store);
        self.on_core(async move { Ok(store.tally(&seen).await?) })
            .await
    }

    /// What has been written down, by hour.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn tallied(&self) -> Result<Tally, SessionsError> {
        let store = Arc::clone(&self.store);
        self.on_core(async move { Ok(store.tallied().await?) })
            .await
    }
}

/// A live session counts before an ended one: a browser may send the remains of an older login beside the present one.
fn known(keys: &Keyring, login: &LegacyLogin, recalled: Recalled) -> Known {
    let Recalled { now, rows } = recalled;
    let mut known = Known::Never;
    for found in rows {
        let live = found.is_live(now);
        let id = found.session.as_ref().map(|row| row.session.id);
        known = Known::Ended(id);
        if let Some(row) = found.session.filter(|_| live) {
            let sid = login
                .unwrap_sid(&found.row)
                .filter(|sid| keys.recognise(sid) == Some(found.session_key));
            if let Some(sid) = sid {
                let session = row.session;
                return Known::Live(Box::new(Created { sid, session }));
            }
            warn!(session = ?id, "the sid beside an old login cannot be read");
        }
    }
    known
}

/// `nonce || XChaCha20-Poly1305(kept)` with the session key as associated data: it opens beside that session alone.
fn seal(
    keys: &Keyring,
    entropy: &dyn Entropy,
    key: &SessionKey,
    kept: &[u8],
) -> Result<Option<Vec<u8>>, SessionsError> {
    let nonce: [u8; NONCE_LEN] = entropy::bytes(entropy)?;
    let payload = Payload {
        msg: kept,
        aad: key.as_bytes(),
    };
    Ok(keys.kept().next().and_then(|secret| {
        let cipher = XChaCha20Poly1305::new(secret.expose().into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }))
}

fn open(keys: &Keyring, key: &SessionKey, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    keys.kept().find_map(|secret| {
        let cipher = XChaCha20Poly1305::new(secret.expose().into());
        let payload = Payload {
            msg: sealed,
            aad: key.as_bytes(),
        };
        let opened = cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        Some(Zeroizing::new(opened))
    })
}
