//! Looking at a session without using it: nothing is cached, written down, renewed or counted as use.

use std::sync::Arc;
use std::time::Duration;

use super::{Absence, Active, Query, Resolution, Sessions, SessionsError, Unknown};
use crate::cache::{Entry, Tier};
use crate::clock::Boot;
use crate::freshness::Standing;
use crate::session::{Dead, Group};
use crate::sid::SessionKey;
use crate::store::Snapshot;

impl Sessions {
    /// What a request with `key` would find now on a site of `group`. Asks this process first, then the store, and leaves no
    /// trace in either.
    pub async fn peek(&self, key: SessionKey, group: &Group, query: Query) -> Resolution {
        let query = Query {
            counts_as_use: false,
            ..query
        };
        if let Some(found) = self.at_hand(&key, group, query) {
            return found;
        }
        let loaded = self.ask_store("load", |store| async move { store.load(&key).await });
        match loaded.await {
            Ok(snapshot) => seen(snapshot, group, self.node.clock.boot()),
            Err(SessionsError::Store(failed)) => Resolution::Unknown(Unknown::Store(failed.kind())),
            Err(_interrupted) => Resolution::Unknown(Unknown::Deadline),
        }
    }
}

/// What a snapshot of the store says about its session, on a site of `group`. For whoever only looks at it: the session that
/// it shows must not be served, because no window has checked it.
#[must_use]
pub fn seen(snapshot: Snapshot, group: &Group, read_at: Boot) -> Resolution {
    let Some(row) = snapshot.row else {
        return Resolution::Absent(if snapshot.is_former {
            Absence::Ended(Dead::Renewed)
        } else {
            Absence::NoSuch
        });
    };
    match row.verdict(snapshot.now) {
        Err(dead) => Resolution::Absent(Absence::Ended(dead)),
        Ok(()) if row.session.group != *group => Resolution::Absent(Absence::OtherGroup),
        Ok(()) => Resolution::Active(Active {
            entry: Arc::new(Entry::new(
                row.session,
                Standing::default(),
                read_at,
                Duration::ZERO,
            )),
            tier: Tier::Store,
            stale: None,
        }),
    }
}
