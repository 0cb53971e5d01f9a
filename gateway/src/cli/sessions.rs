//! `sidgate sessions`: what an operator does from a shell.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use session_core::clock::{Clock as _, SystemClock};
use session_core::service::heard_by_all;
use session_core::session::{RevokeReason, Session};
use session_core::store::{Scope, SessionStore};

use super::{block_on, say};
use crate::wiring::{self, WiringError};

const TIMEOUT: Duration = Duration::from_secs(30);
const LIST_MAX: usize = 1_000;

#[derive(Subcommand)]
pub(super) enum Sessions {
    /// List the live sessions of a user, one JSON line each.
    List {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// User id.
        #[arg(long)]
        user: String,
    },
    /// Show one session.
    Show {
        /// Handle of the session.
        id: uuid::Uuid,
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// End sessions. When the receipt is printed, no node admits them any more.
    Revoke(Revoke),
}

#[derive(Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["id", "user", "tenant", "all"])))]
pub(super) struct Revoke {
    /// Handle of one session.
    id: Option<uuid::Uuid>,
    /// Every session of this user.
    #[arg(long)]
    user: Option<String>,
    /// Every session of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Everybody's sessions.
    #[arg(long)]
    all: bool,
    /// Configuration file.
    #[arg(long)]
    config: PathBuf,
}

impl Sessions {
    pub(super) fn run(self) -> Result<(), WiringError> {
        match self {
            Self::List { config, user } => {
                let found = with_store(&config, async |store| {
                    Ok(store.list_by_user(&user, LIST_MAX).await?)
                })?;
                found
                    .iter()
                    .try_for_each(|session| say(&line(session, true).to_string()))
            }
            Self::Show { id, config } => {
                match with_store(&config, async |store| found(store.as_ref(), id).await)? {
                    Some((session, alive)) => say(&line(&session, alive).to_string()),
                    None => Err(no_such_session()),
                }
            }
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl Revoke {
    fn run(self) -> Result<(), WiringError> {
        let scope = match (self.id, self.user, self.tenant) {
            (Some(id), _, _) => Scope::Handle { id, user_id: None },
            (None, Some(user), _) => Scope::User(user.into()),
            (None, None, Some(tenant)) => Scope::Tenant(tenant.into()),
            (None, None, None) => Scope::All,
        };
        let receipt = with_store(&self.config, async |store| {
            let revoked = match store.revoke(&scope, RevokeReason::Admin).await {
                Err(failed) if failed.may_have_happened() => {
                    return Err(WiringError::OutcomeUnknown(failed));
                }
                done => done?,
            };
            // One that has ended before is ended, whoever did it; one that never was is a mistake of the caller's.
            if let Some(id) = self.id
                && revoked.sessions == 0
                && store.find(id).await?.is_none()
            {
                return Err(no_such_session());
            }
            let committed = SystemClock.boot();
            Ok(heard_by_all(store.as_ref(), &SystemClock, &revoked, committed).await)
        })?;
        say(&json!({
            "revoked": receipt.revoked,
            "nodes": receipt.nodes,
            "acked": receipt.acked,
            "worst_ms": u64::try_from(receipt.worst.as_millis()).unwrap_or(u64::MAX),
        })
        .to_string())
    }
}

fn no_such_session() -> WiringError {
    WiringError::Process("no such session".to_owned())
}

/// A session and whether it counts, by the store's clock.
async fn found(
    store: &dyn SessionStore,
    id: uuid::Uuid,
) -> Result<Option<(Session, bool)>, WiringError> {
    let Some(row) = store.find(id).await? else {
        return Ok(None);
    };
    let snapshot = store.load(&row.session.key).await?;
    let now = snapshot.now;
    Ok(snapshot.row.map(|row| {
        let alive = row.verdict(now).is_ok();
        (row.session, alive)
    }))
}

fn with_store<T>(
    path: &std::path::Path,
    work: impl AsyncFnOnce(Arc<dyn SessionStore>) -> Result<T, WiringError>,
) -> Result<T, WiringError> {
    let config = wiring::load(path)?;
    if wiring::is_yet_to_create(&config) {
        return Err(WiringError::NoStore);
    }
    block_on(TIMEOUT, async {
        let store = wiring::store(&config).await?;
        store.check_schema().await?;
        work(store).await
    })
}

fn line(session: &Session, alive: bool) -> Value {
    json!({
        "id": session.id,
        "user_id": session.identity.user_id(),
        "tenant_id": session.identity.tenant_id(),
        "alive": alive,
        "ip": session.ip,
        "user_agent": session.user_agent,
        "created_at": session.created_at.as_secs(),
        "last_activity": session.last_activity.as_secs(),
        "expires_at": session.expires_at.as_secs(),
        "revoke_reason": session.revoked.map(|(_, reason)| reason.as_str()),
    })
}
