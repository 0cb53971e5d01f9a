//! Whose session it is: what a log line says of it, and what outlives the session for that.

use uuid::Uuid;

use super::{Session, Text};

/// The handle of a session, and whose it is. Handle and user never change while the session has the same key; the tenant is
/// that of the last time it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Handle of the session.
    pub id: Uuid,
    /// Id of its user.
    pub user_id: Text,
    /// Id of the tenant, if there is one.
    pub tenant_id: Option<Text>,
}

impl Owner {
    /// Of this session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let identity = &session.identity;
        Self {
            id: session.id,
            user_id: identity.user_id().into(),
            tenant_id: identity.tenant_id().map(Text::from),
        }
    }
}
