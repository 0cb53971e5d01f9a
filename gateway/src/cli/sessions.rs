//! `sidgate sessions`: what an operator does from a shell.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use session_core::clock::{Clock as _, SystemClock};
use session_core::service::heard_by_all;
use session_core::session::{RevokeReason, Session, SiteName, Text};
use session_core::store::{Scope, Search, SessionStore};

use super::config_arg::ConfigArg;
use super::{block_on, complain, say};
use crate::config::Config;
use crate::run::wiring::{self, WiringError};
use crate::telemetry::lines::Lines;
use crate::telemetry::logs;
use crate::telemetry::security::{self, Actor, Facts, Kind};
use crate::views::device_label::device_label;
use crate::views::receipt::receipt_view;
use crate::views::session::add_site;

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Subcommand)]
pub(super) enum Sessions {
    /// List live sessions, the latest login first, one JSON line each.
    List(List),
    /// Show one session.
    Show {
        /// Handle of the session.
        id: uuid::Uuid,
        #[command(flatten)]
        config: ConfigArg,
    },
    /// End sessions. When the receipt is printed, no node admits them any more.
    Revoke(Revoke),
}

#[derive(Args)]
pub(super) struct List {
    /// Of this user.
    #[arg(long)]
    user: Option<String>,
    /// Of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Logged in from this address.
    #[arg(long)]
    ip: Option<IpAddr>,
    /// Made at this site.
    #[arg(long, value_name = "NAME", value_parser = SiteName::named)]
    site: Option<SiteName>,
    /// Only those after the session with this handle: where the list before has ended.
    #[arg(long, value_name = "ID")]
    after: Option<uuid::Uuid>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    config: ConfigArg,
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
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    config: ConfigArg,
}

impl Sessions {
    pub(super) fn run(self) -> Result<(), WiringError> {
        match self {
            Self::List(list) => list.run(),
            Self::Show { id, config } => {
                let (config, lines) = (config.load()?, log()?);
                note_asked(
                    &lines,
                    &config,
                    Facts {
                        session: Some(id),
                        reason: "show",
                        ..by_shell()
                    },
                );
                match with_store(&config, async |store| found(store.as_ref(), id).await)? {
                    Some((session, alive)) => say(&line(&session, alive).to_string()),
                    None => Err(no_such_session()),
                }
            }
            Self::Revoke(revoke) => revoke.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), WiringError> {
        let (config, lines) = (self.config.load()?, log()?);
        let facts = Facts {
            user: self.user.as_deref(),
            tenant: self.tenant.as_deref(),
            reason: "search",
            ..by_shell()
        };
        note_asked(&lines, &config, facts);
        let search = Search {
            user_id: self.user.as_deref().map(Text::from),
            tenant_id: self.tenant.as_deref().map(Text::from),
            ip: self.ip,
            site: self.site,
            group: None,
            after: self.after,
            limit: self.limit.into(),
        };
        let found = with_store(&config, async |store| Ok(store.search(&search).await?))?;
        found
            .iter()
            .try_for_each(|session| say(&line(session, true).to_string()))
    }
}

impl Revoke {
    fn run(self) -> Result<(), WiringError> {
        let scope = match (self.id, &self.user, &self.tenant) {
            (Some(id), _, _) => Scope::Handle {
                id,
                user_id: None,
                group: None,
            },
            (None, Some(user), _) => Scope::User(user.as_str().into()),
            (None, None, Some(tenant)) => Scope::Tenant(tenant.as_str().into()),
            (None, None, None) => Scope::All,
        };
        let (config, lines) = (self.config.load()?, log()?);
        let facts = Facts {
            reason: "revoke",
            comment: self.reason.as_deref(),
            ..by_shell()
        }
        .concerning(&scope);
        // Written before the sessions end, as in the admin API: an attempt that is interrupted leaves a trace too.
        note_asked(&lines, &config, facts);
        let receipt = with_store(&config, async |store| {
            let revoked = match store.revoke(&scope, RevokeReason::Admin).await {
                Err(failed) if failed.may_have_happened() => {
                    return Err(WiringError::OutcomeUnknown(failed));
                }
                done => done?,
            };
            // A session that had ended before counts as ended. One that never existed is a mistake of the caller.
            if let Some(id) = self.id
                && revoked.sessions == 0
                && store.find(id).await?.is_none()
            {
                return Err(no_such_session());
            }
            let committed = SystemClock.boot();
            Ok(heard_by_all(store.as_ref(), &SystemClock, &revoked, committed).await)
        })?;
        security::note(
            Kind::Revoked,
            Facts {
                reason: RevokeReason::Admin.as_str(),
                receipt: Some(&receipt),
                ..facts
            },
        );
        say(&receipt_view(&receipt).to_string())
    }
}

pub(super) fn by_shell<'a>() -> Facts<'a> {
    Facts {
        actor: Actor::Shell(rustix::process::getuid().as_raw()),
        ..Facts::default()
    }
}

pub(super) fn log() -> Result<Lines, WiringError> {
    logs::start_for_command().map_err(WiringError::Log)
}

/// Writes the intended command to the gateway's audit trail, or to stderr where there is none.
pub(super) fn note_asked(lines: &Lines, config: &Config, facts: Facts<'_>) {
    if let Err(failed) = lines.trail().add_to(config.audit.file.as_deref()) {
        complain(&WiringError::AuditFile(failed));
    }
    security::note(Kind::Admin, facts);
}

fn no_such_session() -> WiringError {
    WiringError::Process("no such session".to_owned())
}

/// The session, and whether it is valid by the store's clock.
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
    config: &Config,
    work: impl AsyncFnOnce(Arc<dyn SessionStore>) -> Result<T, WiringError>,
) -> Result<T, WiringError> {
    with_store_for(TIMEOUT, config, work)
}

/// Opens the store, and works with it for at most so long.
pub(super) fn with_store_for<T>(
    limit: Duration,
    config: &Config,
    work: impl AsyncFnOnce(Arc<dyn SessionStore>) -> Result<T, WiringError>,
) -> Result<T, WiringError> {
    if wiring::is_yet_to_create(config) {
        return Err(WiringError::NoStore);
    }
    block_on(limit, async {
        let store = wiring::store(config).await?;
        store.check_schema().await?;
        work(store).await
    })
}

fn line(session: &Session, alive: bool) -> Value {
    let mut line = json!({
        "id": session.id,
        "user_id": session.identity.user_id(),
        "tenant_id": session.identity.tenant_id(),
        "alive": alive,
        "ip": session.ip,
        "device": device_label(&session.user_agent),
        "user_agent": &*session.user_agent,
        "created_at": session.created_at.as_secs(),
        "auth_time": session.auth_time.as_secs(),
        "last_activity": session.last_activity.as_secs(),
        "expires_at": session.expires_at.as_secs(),
        "revoke_reason": session.revoked.map(|(_, reason)| reason.as_str()),
    });
    add_site(&mut line, &session.site);
    line
}
