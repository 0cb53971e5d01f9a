//! Ending sessions.

use std::sync::Arc;

use super::{Absence, Query, Receipt, Resolution, Sessions, SessionsError, Wait, heard_by_all};
use crate::session::{Dead, RevokeReason};
use crate::sid::SessionKey;
use crate::store::{Revoked, Scope, Subject};

/// What is known of a session that somebody wants to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It lives, or nobody can say.
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
    /// When nothing was ended, or when that is unknown: the caller must say which.
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
        let (asked, heard) = (scope.clone(), self.node.window.head());
        let revoked = self
            .ask_store(move |store| async move { store.revoke(&asked, reason).await })
            .await?;
        let committed = self.node.clock.boot();
        let subject = match scope.clone() {
            Scope::Key(key) => Some(Subject::Session(key)),
            Scope::User(user_id) => Some(Subject::User(user_id)),
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
            self.local.put_absent(key, ended, committed);
        }
        // Without an end there is no event to wait for.
        if revoked.sessions > 0 || revoked.seq > heard {
            self.hear_of_it(None).await;
        }
        Ok(match wait {
            Wait::None => Receipt::unheard(&revoked),
            Wait::All => {
                let clock = Arc::clone(&self.node.clock);
                self.ask_store(move |store| async move {
                    Ok(heard_by_all(store.as_ref(), clock.as_ref(), &revoked, committed).await)
                })
                .await?
            }
        })
    }

    /// What is over may have been ended a moment ago, by somebody else, and other nodes may not have heard of it yet. So the
    /// wait is the same as for an end of one's own, up to the newest event. It only reads.
    async fn end_is_heard(&self) -> Result<Receipt, SessionsError> {
        let clock = Arc::clone(&self.node.clock);
        self.ask_store(move |store| async move {
            let asked = clock.boot();
            let seq = store.head().await?;
            let over = Revoked { sessions: 0, seq };
            Ok(heard_by_all(store.as_ref(), clock.as_ref(), &over, asked).await)
        })
        .await
    }

    /// Whether there is anything to end. What is over costs a read at most, and nothing for as long as that is remembered.
    async fn standing(&self, key: SessionKey) -> Standing {
        let query = Query {
            counts_as_use: false,
            ..Query::default()
        };
        match self.resolve_key(key, query).await {
            Resolution::Absent(Absence::Ended(Dead::Idle)) => Standing::Idle,
            Resolution::Absent(_) => Standing::Over,
            Resolution::Active(_) | Resolution::Unknown(_) => Standing::Open,
        }
    }
}
