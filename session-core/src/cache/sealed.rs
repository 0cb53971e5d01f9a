//! Values of the shared cache: sealed sessions. Somebody who can write to the cache can cause misses, and no more (R6).
//!
//! The format byte and then the sealed body (`crate::sealing`). The place is the format byte and the session key: a value
//! moved to another key does not open.
//!
//! A session of the default group and site is written as it was before there were groups, so that programs which know none
//! read it. To them any other is a miss.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, NoEntropy};
use crate::keys::Keyring;
use crate::sealing::{Ciphers, NONCE_LEN};
use crate::session::{Group, Identity, References, Seq, Session, SiteName};
use crate::sid::SessionKey;
use crate::stats::SharedReject;

/// Without group and site, which are the default ones.
const PLAIN: u8 = 3;
/// With group and site.
const NAMED: u8 = 4;
const PLACE_LEN: usize = 33;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

/// Where a session belongs, in format [`NAMED`].
#[derive(Serialize, Deserialize)]
struct Place {
    group: Box<str>,
    site: Box<str>,
}

/// Seals and opens values. Seals with the current key, opens with any that is still valid.
pub(crate) struct Sealer(Ciphers);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    pub(crate) fn new(keys: &Keyring) -> Self {
        Self(Ciphers::new(keys.shared()))
    }

    /// Seals `value` under its own key. `None` when it cannot be serialised; it is then not cached.
    pub(crate) fn seal(
        &self,
        value: &Value,
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<u8>>, NoEntropy> {
        let body = Body::of(value);
        let format = body.format();
        let Ok(body) = serde_json::to_vec(&body) else {
            return Ok(None);
        };
        let place = place(format, &value.session.key);
        let sealed = self.0.seal(&body, &place, entropy)?;
        Ok(sealed.map(|sealed| [&[format], &sealed[..]].concat()))
    }

    /// Opens what was found under `key`.
    pub(crate) fn open(&self, key: &SessionKey, sealed: &[u8]) -> Result<Value, SharedReject> {
        let (&format, sealed) = sealed.split_first().ok_or(SharedReject::Format)?;
        if ![PLAIN, NAMED].contains(&format) || sealed.len() < NONCE_LEN {
            return Err(SharedReject::Format);
        }
        let body = self.0.open(sealed, &place(format, key));
        let body = body.ok_or(SharedReject::Forged)?;
        let body: Body = serde_json::from_slice(&body).map_err(|_error| SharedReject::Format)?;
        body.into_value(*key)
    }
}

fn place(format: u8, key: &SessionKey) -> [u8; PLACE_LEN] {
    let mut place = [format; PLACE_LEN];
    for (to, from) in place.iter_mut().skip(1).zip(key.as_bytes()) {
        *to = *from;
    }
    place
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
            user_agent: (&*session.user_agent).into(),
            created_at: session.created_at.as_micros(),
            auth_time: session.auth_time.as_micros(),
            last_activity: session.last_activity.as_micros(),
            expires_at: session.expires_at.as_micros(),
            idle_micros: u64::try_from(session.idle.as_micros()).unwrap_or(u64::MAX),
            references: session.references.as_stored().map(Into::into),
            created_seq: session.created_seq,
            version: session.version,
            renewed_at: session.renewed_at.map(Timestamp::as_micros),
            place: Place::of(session),
        }
    }

    const fn format(&self) -> u8 {
        match self.place {
            None => PLAIN,
            Some(_) => NAMED,
        }
    }

    fn into_value(self, key: SessionKey) -> Result<Value, SharedReject> {
        let (group, site) = match self.place {
            None => (Group::default(), SiteName::default()),
            Some(place) => place.names().ok_or(SharedReject::Format)?,
        };
        let session = Session {
            key,
            id: Uuid::from_u128(self.id),
            group,
            site,
            identity: Identity::from_stored(&self.identity)
                .map_err(|_error| SharedReject::Format)?,
            ip: self.ip,
            user_agent: self.user_agent.into(),
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

impl Place {
    /// `None`: the default one.
    fn of(session: &Session) -> Option<Self> {
        let is_default = session.group.is_default() && session.site.is_default();
        (!is_default).then(|| Self {
            group: session.group.name().into(),
            site: session.site.as_str().into(),
        })
    }

    fn names(&self) -> Option<(Group, SiteName)> {
        Group::named(&self.group)
            .ok()
            .zip(SiteName::named(&self.site).ok())
    }
}

#[cfg(test)]
mod tests;
