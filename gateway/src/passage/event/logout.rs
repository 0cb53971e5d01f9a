//! The app logs a user out: ends the session or all sessions of the user, and the old logins that came with the
//! request.

use std::sync::Arc;

use http::HeaderValue;
use session_core::service::{Receipt, SessionsError, Wait};
use session_core::session::{Owner, RevokeReason};
use session_core::sid::SessionKey;
use session_core::store::Scope;
use sidgate_policy::auth::event::LogoutScope;

use super::{NotDone, Served, Subject};
use crate::answer::set_cookie;
use crate::passage::Record;
use crate::state::{ActiveSite, Gateway};
use crate::telemetry::security::{self, Facts, Kind};
use crate::visit::look_up::living;
use crate::visit::old_cookies::OldLogins;

/// What of the session itself is to end.
struct Own {
    scope: Scope,
    reason: RevokeReason,
    /// Whether the browser's own session is among it.
    clears: bool,
}

impl Own {
    /// `None`: there is nothing to end.
    fn of(scope: LogoutScope, subject: &Subject, site: &ActiveSite) -> Option<Self> {
        let (scope, reason, clears) = match (scope, subject.key, subject.user_id.clone()) {
            (LogoutScope::This, Some(key), _) => (Scope::Key(key), RevokeReason::Logout, true),
            (LogoutScope::Others, Some(keep), Some(user_id)) => (
                Scope::Others {
                    user_id,
                    keep,
                    group: Some(site.config.group.clone()),
                },
                RevokeReason::LogoutEverywhere,
                false,
            ),
            (LogoutScope::All, _, Some(user_id)) | (LogoutScope::Others, None, Some(user_id)) => {
                (site.all_of(user_id), RevokeReason::LogoutEverywhere, true)
            }
            (LogoutScope::This, None, _)
            | (LogoutScope::All, _, None)
            | (LogoutScope::Others, _, None) => return None,
        };
        Some(Self {
            scope,
            reason,
            clears,
        })
    }
}

/// Ends what the event names. Returns the final `Set-Cookie` decision for the session cookie.
pub(super) async fn log_out(
    gateway: &Arc<Gateway>,
    served: &Served<'_>,
    record: &mut Record,
    subject: &mut Subject,
    scope: LogoutScope,
) -> Result<Option<HeaderValue>, NotDone> {
    let own = Own::of(scope, subject, served.site(record));
    if scope == LogoutScope::Others && own.as_ref().is_none_or(|own| !own.clears) {
        // The old login in this browser is one of the others, and ends with them.
        if let Some(own) = &own {
            end(
                gateway,
                (served, record),
                &own.scope,
                own.reason,
                subject.key,
            )
            .await?;
        }
        return Ok(None);
    }
    let old = old_logins(gateway, (served, record), subject.key).await;
    let mut had_session = false;
    if let Some(own) = &own {
        let receipt = end(
            gateway,
            (served, record),
            &own.scope,
            own.reason,
            subject.key,
        )
        .await?;
        // The store does not always know how many sessions ended; that one ended is known.
        had_session = receipt.revoked > 0 || subject.user_id.is_some();
    }
    for key in old.keys().iter().filter(|key| Some(**key) != subject.key) {
        end(
            gateway,
            (served, record),
            &Scope::Key(*key),
            RevokeReason::Logout,
            Some(*key),
        )
        .await?;
    }
    if !had_session && old.are_unknown() {
        return Err(NotDone::OldLogin);
    }
    if let Some(cookie_changes) = old.cookie_changes(had_session) {
        record.cookie_changes = Some(cookie_changes);
    }
    // Whose it was stays known: further events may be about the others. Where nobody was logged in, what the browser holds is
    // of no use any more.
    subject.key = None;
    Ok(set_cookie::clear(&served.site(record).config.cookie))
}

async fn old_logins(
    gateway: &Arc<Gateway>,
    (served, record): (&Served<'_>, &Record),
    own: Option<SessionKey>,
) -> OldLogins {
    let settings = Arc::clone(&record.settings);
    let old = served.visit.old_logins(gateway, &settings, own);
    // A client beyond its miss budget is logged out all the same, but its old logins are not looked up.
    old.await.unwrap_or_else(|_too_many| OldLogins::unknown())
}

async fn end(
    gateway: &Arc<Gateway>,
    (served, record): (&Served<'_>, &Record),
    scope: &Scope,
    reason: RevokeReason,
    acting: Option<SessionKey>,
) -> Result<Receipt, SessionsError> {
    let owner = match acting {
        Some(key) => living(gateway, key, &served.visit.client.to.group).await,
        None => None,
    };
    let receipt = gateway
        .sessions
        .revoke(scope.clone(), reason, Wait::All)
        .await?;
    gateway.metrics.revoked(reason, receipt.revoked);
    let facts = Facts {
        app: Some(&served.app.name),
        receipt: Some(&receipt),
        ..record.facts(reason.as_str())
    };
    note_end(scope, owner.as_deref(), facts);
    Ok(receipt)
}

/// The line about a session, or others of its user, that the app has ended.
fn note_end(scope: &Scope, owner: Option<&Owner>, facts: Facts<'_>) {
    let has_ended = facts.receipt.is_some_and(|receipt| receipt.revoked > 0);
    match (scope, owner) {
        // Only a live session is logged: a sid that has ended proves nothing.
        (Scope::Key(_), Some(owner)) if has_ended => {
            security::note(Kind::Logout, facts.by_owner(owner).concerning(scope));
        }
        (Scope::Key(_), _) => {}
        (Scope::Others { .. }, Some(owner)) => {
            let facts = Facts {
                acting: Some(owner.id),
                session: None,
                ..facts.by_owner(owner)
            };
            security::note(Kind::Revoked, facts.concerning(scope));
        }
        (_, Some(owner)) => {
            security::note(Kind::Logout, facts.by_owner(owner).concerning(scope));
        }
        (_, None) => security::note(Kind::Logout, facts.concerning(scope)),
    }
}
