//! Where sessions are used, for the risk rules. Nothing here decides whether a session lives.

use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::{Sessions, SessionsError};
use crate::store::{Flag, Sighting};

/// Most sightings with a flag that are looked at for one list.
const FLAGGED_MAX: usize = 2_000;

impl Sessions {
    /// Records a sighting.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn sight(&self, seen: Sighting) -> Result<(), SessionsError> {
        self.ask_store("sight", |store| async move { store.sight(&seen).await })
            .await
    }

    /// The last `limit` sightings of a session, oldest first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn sightings_of(
        &self,
        session: Uuid,
        limit: usize,
    ) -> Result<Vec<Sighting>, SessionsError> {
        self.ask_store("sightings_of", |store| async move {
            store.sightings_of(session, limit).await
        })
        .await
    }

    /// The rules that these sessions broke, newest first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn flags(&self, sessions: Vec<Uuid>) -> Result<Vec<Flag>, SessionsError> {
        self.ask_store("flags", |store| async move {
            store.flags(&sessions, FLAGGED_MAX).await
        })
        .await
    }

    /// How long sightings are kept, from the next housekeeping on.
    pub fn keep_sightings_for(&self, kept: Duration) {
        let sightings = &self.retention.sightings;
        sightings.store(kept.as_secs(), Ordering::Relaxed);
    }
}
