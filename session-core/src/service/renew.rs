//! Another sid for a session that lives on: whoever has taken the old one can use it for a few seconds more, and not for
//! the rest of the session's life.

use std::time::Duration;

use super::{Created, Sessions, SessionsError};
use crate::sid::SessionKey;
use crate::store::{Renewal, StoreError};

/// How long the former sid is accepted beside the new one: for requests that were sent before the new one arrived.
pub const GRACE: Duration = Duration::from_secs(10);

impl Sessions {
    /// Gives a session a new sid; handle, login and end stay as they are. Of any number of callers on any nodes one gets
    /// the new sid, and the others `None`, as if the session had ended.
    ///
    /// The former sid is accepted for [`GRACE`] more. Whoever ends the session ends it under both.
    ///
    /// # Errors
    /// When nothing was changed, or when that is unknown; in both cases the new sid was shown to nobody.
    pub async fn renew(&self, key: SessionKey) -> Result<Option<Created>, SessionsError> {
        let (sid, to, _handle) = self.mint()?;
        let renewal = Renewal {
            of: key,
            to,
            grace: GRACE,
        };
        let renewed = self
            .ask_store(|store| async move { store.renew(&renewal).await })
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
