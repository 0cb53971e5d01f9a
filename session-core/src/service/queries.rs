//! Queries, which change nothing.

use std::sync::Arc;

use uuid::Uuid;

use super::receipt::SEEN_WITHIN;
use super::{Sessions, SessionsError};
use crate::session::{Group, Owner, Session};
use crate::sid::SessionKey;
use crate::store::{Device, DevicePlace, NodeReport, Search, StoredSession};

/// Most sessions on one page of a list.
pub const PAGE_MAX: usize = 100;

impl Sessions {
    /// Whose session it is, or was, as far as this process remembers. Asks nobody.
    #[must_use]
    pub fn owner(&self, key: &SessionKey) -> Option<Arc<Owner>> {
        self.local.owner(key)
    }

    /// What the store still has of a session, dead or alive.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn remains(&self, key: SessionKey) -> Result<Option<Session>, SessionsError> {
        let snapshot = self
            .ask_store("load", |store| async move { store.load(&key).await })
            .await?;
        Ok(snapshot.row.map(|row| row.session))
    }

    /// A page of the live sessions of a user in a group, newest activity first, and where the next one begins if there is one. At
    /// most [`PAGE_MAX`] at a time.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list(
        &self,
        user_id: &str,
        group: &Group,
        after: Option<DevicePlace>,
        limit: usize,
    ) -> Result<(Vec<Device>, Option<DevicePlace>), SessionsError> {
        let (user_id, group) = (user_id.to_owned(), group.clone());
        let limit = limit.min(PAGE_MAX);
        let listed = self.ask_store("list_by_user", move |store| async move {
            store.list_by_user(&user_id, &group, after, limit + 1).await
        });
        let mut page = listed.await?;
        let has_more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| has_more).map(Device::place);
        Ok((page, next))
    }

    /// Live sessions for an operator, the latest login first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn search(&self, search: Search) -> Result<Vec<Session>, SessionsError> {
        self.ask_store("search", |store| async move { store.search(&search).await })
            .await
    }

    /// The number of live sessions.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn count_live(&self) -> Result<u64, SessionsError> {
        self.ask_store(
            "count_live",
            |store| async move { store.count_live().await },
        )
        .await
    }

    /// The nodes that may hold a lease, and how far each has come.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn nodes(&self) -> Result<Vec<NodeReport>, SessionsError> {
        self.ask_store(
            "nodes",
            |store| async move { store.nodes(SEEN_WITHIN).await },
        )
        .await
    }

    /// A session by its handle, dead or alive.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn find(&self, id: Uuid) -> Result<Option<StoredSession>, SessionsError> {
        self.ask_store("find", |store| async move { store.find(id).await })
            .await
    }
}
