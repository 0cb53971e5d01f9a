//! What lies in the shared cache: a session, sealed, so that whoever can write there can only make it a miss (R6).
//!
//! `format byte || 24-byte nonce || XChaCha20-Poly1305(body)`, with the format byte and the session key as associated
//! data. A value moved to another key therefore does not open. A random 192-bit nonce needs no counter that nodes share.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::entropy::{self, Entropy, NoEntropy};
use crate::keys::Keyring;
use crate::session::{Identity, References, Seq, Session};
use crate::sid::SessionKey;
use crate::stats::SharedReject;

const FORMAT: u8 = 3;
const NONCE_LEN: usize = 24;
const AAD_LEN: usize = 33;

/// A live session and the snapshot it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) session: Session,
    pub(crate) as_of: Seq,
    pub(crate) incarnation: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Body {
    as_of: Seq,
    incarnation: u128,
    id: u128,
    identity: Box<str>,
    ip: Option<IpAddr>,
    user_agent: Box<str>,
    created_at: i64,
    auth_time: i64,
    last_activity: i64,
    expires_at: i64,
    idle_micros: u64,
    references: Option<Box<str>>,
    created_seq: Seq,
    version: i64,
    renewed_at: Option<i64>,
}

/// Seals and opens. Seals with the current key, opens with any that is still valid.
pub(crate) struct Sealer {
    ciphers: Vec<XChaCha20Poly1305>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    pub(crate) fn new(keys: &Keyring) -> Self {
        Self {
            ciphers: keys
                .shared()
                .map(|key| XChaCha20Poly1305::new(key.expose().into()))
                .collect(),
        }
    }

    /// Seals `value` under its own key. `None` when it cannot be written down, which costs a cache entry and no more.
    pub(crate) fn seal(
        &self,
        value: &Value,
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<u8>>, NoEntropy> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes(entropy)?;
        let body = serde_json::to_vec(&Body::of(value)).ok();
        let aad = aad(&value.session.key);
        let sealed = body.zip(self.ciphers.first()).and_then(|(body, cipher)| {
            cipher
                .encrypt(
                    &XNonce::from(nonce),
                    Payload {
                        msg: &body,
                        aad: &aad,
                    },
                )
                .ok()
        });
        Ok(sealed.map(|sealed| [&[FORMAT], &nonce[..], &sealed].concat()))
    }

    /// Opens what was found under `key`.
    pub(crate) fn open(&self, key: &SessionKey, sealed: &[u8]) -> Result<Value, SharedReject> {
        let (&format, rest) = sealed.split_first().ok_or(SharedReject::Format)?;
        if format != FORMAT {
            return Err(SharedReject::Format);
        }
        let (nonce, rest) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SharedReject::Format)?;
        let aad = aad(key);
        let body = self
            .ciphers
            .iter()
            .find_map(|cipher| {
                cipher
                    .decrypt(
                        &XNonce::from(*nonce),
                        Payload {
                            msg: rest,
                            aad: &aad,
                        },
                    )
                    .ok()
            })
            .ok_or(SharedReject::Forged)?;
        let body: Body = serde_json::from_slice(&body).map_err(|_error| SharedReject::Format)?;
        body.into_value(*key)
    }
}

fn aad(key: &SessionKey) -> [u8; AAD_LEN] {
    let mut aad = [FORMAT; AAD_LEN];
    for (to, from) in aad.iter_mut().skip(1).zip(key.as_bytes()) {
        *to = *from;
    }
    aad
}

impl Body {
    fn of(value: &Value) -> Self {
        let session = &value.session;
        Self {
            as_of: value.as_of,
            incarnation: value.incarnation.as_u128(),
            id: session.id.as_u128(),
            identity: session.identity.as_json().into(),
            ip: session.ip,
            user_agent: session.user_agent.clone(),
            created_at: session.created_at.as_micros(),
            auth_time: session.auth_time.as_micros(),
            last_activity: session.last_activity.as_micros(),
            expires_at: session.expires_at.as_micros(),
            idle_micros: u64::try_from(session.idle.as_micros()).unwrap_or(u64::MAX),
            references: session.references.as_stored().map(Into::into),
            created_seq: session.created_seq,
            version: session.version,
            renewed_at: session.renewed_at.map(Timestamp::as_micros),
        }
    }

    fn into_value(self, key: SessionKey) -> Result<Value, SharedReject> {
        let session = Session {
            key,
            id: Uuid::from_u128(self.id),
            identity: Identity::from_stored(&self.identity)
                .map_err(|_error| SharedReject::Format)?,
            ip: self.ip,
            user_agent: self.user_agent,
            created_at: Timestamp::from_micros(self.created_at),
            auth_time: Timestamp::from_micros(self.auth_time),
            last_activity: Timestamp::from_micros(self.last_activity),
            expires_at: Timestamp::from_micros(self.expires_at),
            idle: Duration::from_micros(self.idle_micros),
            // Only live sessions are ever written here.
            revoked: None,
            references: References::from_stored(self.references),
            created_seq: self.created_seq,
            version: self.version,
            renewed_at: self.renewed_at.map(Timestamp::from_micros),
        };
        Ok(Value {
            session,
            as_of: self.as_of,
            incarnation: Uuid::from_u128(self.incarnation),
        })
    }
}

#[cfg(test)]
mod tests;
