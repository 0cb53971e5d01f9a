//! Ending sessions.

use std::sync::Arc;

use super::{Absence, Query, Receipt, Resolution, Sessions, SessionsError, Wait, heard_by_all};
use crate::session::{Dead, RevokeReason};
use crate::sid::SessionKey;
use crate::store::{Revoked, Scope, Subject};

/// What this node knows of a session that is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It lives, or its state is unknown.
    Open,
    /// It seems idle. Another node may know of a use that is not written yet, so its end has to be written.
    Idle,
    /// There is certainly nothing left to end.
    Over,
}

impl Sessions {
    /// Ends sessions. With [`Wait::All`] the answer means that no node admits them any more.
    ///
    /// # Errors
    /// When nothing was ended, or when that is unknown; [`SessionsError::may_have_happened`] says which.
    pub async fn revoke(
        &self,
        scope: Scope,
        reason: RevokeReason,
        wait: Wait,
    ) -> Result<Receipt, SessionsError> {
        let standing = match scope {
            Scope::Key(key) => self.standing(key).await,
            _ => Standing::Open,
        };
        if standing == Standing::Over {
            return match wait {
                Wait::None => Ok(Receipt::default()),
                Wait::All => self.end_is_heard().await,
            };
        }
        let owner = match scope {
            Scope::Key(key) => self.local.owner(&key),
            _ => None,
        };
        let (asked, heard) = (scope.clone(), self.node.window.head());
        let revoked = self
            .ask_store("revoke", move |store| async move {
                store.revoke(&asked, reason).await
            })
            .await?;
        let committed = self.node.clock.boot();
        let subject = match scope.clone() {
            Scope::Key(key) => Some(Subject::Session(key)),
            Scope::User(user_id) | Scope::Member { user_id, .. } => Some(Subject::User(user_id)),
            Scope::Tenant(tenant_id) => Some(Subject::Tenant(tenant_id)),
            Scope::All => Some(Subject::Flush),
            Scope::Handle { .. } | Scope::Others { .. } => None,
        };
        if revoked.sessions > 0
            && let Some(subject) = subject
        {
            self.node.window.hint(&subject, revoked.seq);
        }
        if let Scope::Key(key) = scope
            && (revoked.sessions > 0 || standing == Standing::Idle)
        {
            let ended = Some(Dead::Revoked(Some(reason)));
            self.local.put_absent(key, ended, owner, committed);
        }
        // Without an end there is no event to wait for.
        if revoked.sessions > 0 || revoked.seq > heard {
            self.hear_of_it(None).await;
        }
        Ok(match wait {
            Wait::None => Receipt::unheard(&revoked),
            Wait::All => {
                let clock = Arc::clone(&self.node.clock);
                self.ask_store("wait_for_nodes", move |store| async move {
                    Ok(heard_by_all(store.as_ref(), clock.as_ref(), &revoked, committed).await)
                })
                .await?
            }
        })
    }

    /// Waits like a revocation, up to the newest event, for a session that is over already. It may have been ended
    /// elsewhere a moment ago, and other nodes may not know of it yet. Only reads.
    async fn end_is_heard(&self) -> Result<Receipt, SessionsError> {
        let clock = Arc::clone(&self.node.clock);
        self.ask_store("wait_for_nodes", move |store| async move {
            let asked = clock.boot();
            let seq = store.head().await?;
            let over = Revoked { sessions: 0, seq };
            Ok(heard_by_all(store.as_ref(), clock.as_ref(), &over, asked).await)
        })
        .await
    }

    /// Whether there is anything to end. A session that is over costs at most one read, and none while its end is
    /// remembered.
    async fn standing(&self, key: SessionKey) -> Standing {
        let query = Query {
            counts_as_use: false,
            ..Query::default()
        };
        match self.resolve_anywhere(key, query).await {
            Resolution::Absent(Absence::Ended(Dead::Idle)) => Standing::Idle,
            Resolution::Absent(_) => Standing::Over,
            Resolution::Active(_) | Resolution::Unknown(_) => Standing::Open,
        }
    }
}
