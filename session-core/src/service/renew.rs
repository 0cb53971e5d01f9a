//! Gives a live session a new sid. A stolen sid then works for a few more seconds instead of the rest of the session's
//! life.

use std::time::Duration;

use super::{Created, Sessions, SessionsError};
use crate::session::Group;
use crate::sid::SessionKey;
use crate::store::{Renewal, StoreError};

/// How long the former sid is accepted beside the new one: for requests that were sent before the new one arrived.
pub const GRACE: Duration = Duration::from_secs(10);

impl Sessions {
    /// Gives a session of `group` a new sid; handle, login and end stay as they are. Of concurrent callers, on any nodes, one
    /// gets the new sid. The others get `None`, as if the session had ended.
    ///
    /// The former sid is accepted for `grace` more, [`GRACE`] where nothing speaks for longer. Ending the session ends it under both sids.
    ///
    /// # Errors
    /// When nothing was changed, or when that is unknown. In both cases the new sid was not given out.
    pub async fn renew(
        &self,
        key: SessionKey,
        group: &Group,
        grace: Duration,
    ) -> Result<Option<Created>, SessionsError> {
        let (sid, to, _handle) = self.mint(group)?;
        let renewal = Renewal {
            of: key,
            to,
            group: group.clone(),
            grace,
        };
        let renewed = self
            .ask_store("renew", |store| async move { store.renew(&renewal).await })
            .await;
        let session = match renewed {
            // A key collision (2^-96) is no reason to fail the request.
            Err(SessionsError::Store(StoreError::Duplicate)) => None,
            renewed => renewed?,
        };
        if session.is_some() {
            self.hear_of_it(Some(key)).await;
        }
        Ok(session.map(|session| Created { sid, session }))
    }
}
