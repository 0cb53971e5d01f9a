//! Mass revocations: whose sessions they end, and what is told of them.

use super::journal::Change;
use session_core::session::{Session, Text};
use session_core::store::Subject;

/// Whose sessions a mass revocation ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MassOf {
    User(Text),
    /// A user's within a group.
    Member {
        group: Text,
        user: Text,
    },
    Tenant(Text),
    All,
}

impl MassOf {
    /// All that name a session.
    pub(super) fn naming(session: &Session) -> impl Iterator<Item = Self> {
        let user = Text::from(session.identity.user_id());
        let group = session.group.name().into();
        let tenant = session.identity.tenant_id().map(Text::from);
        let of_user = [
            Self::User(user.clone()),
            Self::Member { group, user },
            Self::All,
        ];
        of_user.into_iter().chain(tenant.map(Self::Tenant))
    }

    pub(super) fn names(&self, session: &Session) -> bool {
        Self::naming(session).any(|of| of == *self)
    }

    /// What its event is about.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::User(user) | Self::Member { user, .. } => Subject::User(user.clone()),
            Self::Tenant(tenant) => Subject::Tenant(tenant.clone()),
            Self::All => Subject::Flush,
        }
    }

    /// What the journal says.
    pub(super) fn change(self) -> Change {
        let (user, group, tenant) = match self {
            Self::User(user) => (Some(user), None, None),
            Self::Member { group, user } => (Some(user), Some(group), None),
            Self::Tenant(tenant) => (None, None, Some(tenant)),
            Self::All => (None, None, None),
        };
        Change::Mass {
            user,
            group,
            tenant,
        }
    }
}
