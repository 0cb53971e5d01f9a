//! Reads what the store holds of a user, part by part.

use session_core::keys::Keyring;
use session_core::keys::person::Person;
use session_core::session::is_id;
use session_core::store::{SessionStore, Sighting, StoreResult, StoredSession, Traces};

use crate::config::Config;
use crate::run::wiring::{self, WiringError};

/// Sessions in one question.
const PAGE: usize = 100;
/// Rows of the table of sightings that are looked at in one question.
pub(super) const SCAN: usize = 5_000;

/// Everything that the store holds of a user.
pub(super) struct Found {
    pub(super) sessions: Vec<StoredSession>,
    pub(super) sightings: Vec<Sighting>,
    pub(super) traces: Traces,
}

impl Found {
    pub(super) async fn of(store: &dyn SessionStore, person: &Person) -> StoreResult<Self> {
        let user_id = &*person.user_id;
        Ok(Self {
            sessions: sessions(store, user_id).await?,
            sightings: sightings(store, user_id).await?,
            traces: store.traces(person).await?,
        })
    }

    /// The tenants that its sessions and sightings name.
    pub(super) fn tenants(&self) -> impl Iterator<Item = Option<&str>> {
        let of_sessions = self.sessions.iter();
        let of_sessions = of_sessions.map(|row| row.session.identity.tenant_id());
        let of_sightings = self.sightings.iter().map(|seen| seen.tenant_id.as_deref());
        of_sessions.chain(of_sightings)
    }
}

async fn sessions(store: &dyn SessionStore, user_id: &str) -> StoreResult<Vec<StoredSession>> {
    let mut found: Vec<StoredSession> = Vec::new();
    loop {
        let after = found.last().map(|row| row.session.id);
        let page = store.sessions_of(user_id, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

async fn sightings(store: &dyn SessionStore, user_id: &str) -> StoreResult<Vec<Sighting>> {
    let (mut found, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let part = store.sightings_of_user(user_id, at, SCAN).await?;
        found.extend(part.seen);
        from = part.next;
    }
    Ok(found)
}

/// Reads the id of a user. The store keeps things of its own under names that are none, and a name with a blank is a slip of
/// the fingers that would seem to be held nowhere.
pub(super) fn user_id(text: &str) -> Result<String, String> {
    match is_id(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("an id of a user is 1 to 128 visible ASCII characters, without blanks".to_owned())
        }
    }
}

/// By which names the store knows the user.
pub(super) fn person(config: &Config, user_id: &str) -> Result<Person, WiringError> {
    let keys: Keyring = wiring::keyring(config).ok_or(WiringError::NoKey)?;
    Ok(keys.person(user_id))
}
