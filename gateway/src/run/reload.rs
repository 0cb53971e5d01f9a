//! Takes another configuration over while the gateway runs: all of it, or nothing.
//!
//! One task does it, for SIGHUP and for the admin API, one reload after another. What reads files runs on a thread that may
//! wait for a disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::keys::Keyring;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::certificates::Certificates;
use super::service_manager::ServiceManager;
use super::wiring::{self, WiringError};
use crate::apps::standing::Now;
use crate::config::{AccessLogConfig, AuditConfig, changed, restart_needed};
use crate::state::reloads::{ReloadResult, Reloaded};
use crate::state::requests::{Asker, Askers};
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::lines::Trail;

/// Whoever does the reloads.
pub(super) struct Reloader {
    pub(super) gateway: Arc<Gateway>,
    pub(super) file: PathBuf,
    /// `None` without TLS.
    pub(super) certificates: Option<Arc<Certificates>>,
    /// Told that a reload is under way.
    pub(super) manager: Arc<ServiceManager>,
}

/// A configuration that can be used, and is not yet.
struct Prepared {
    settings: Arc<ActiveConfig>,
    keys: Arc<Keyring>,
    changed: Vec<&'static str>,
}

impl Reloader {
    /// Reloads whenever somebody asks.
    pub(super) async fn run(self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        if hangup.is_none() {
            error!("SIGHUP cannot be listened to: it will not reload the configuration");
        }
        let mut asked = self.gateway.reloads.asked();
        loop {
            let asker = tokio::select! {
                Some(()) = hung_up(hangup.as_mut()) => None,
                Some(asker) = next(asked.as_mut()) => Some(asker),
                else => return,
            };
            self.manager.reloading();
            let reloaded = self.reload().await;
            self.manager.ready(&self.gateway);
            if let Some(asker) = asker {
                // Whoever asked may have gone.
                let _unheard = asker.send(reloaded);
            }
        }
    }

    async fn reload(&self) -> Reloaded {
        let (gateway, file) = (Arc::clone(&self.gateway), self.file.clone());
        let prepared = spawn_blocking(move || prepare(&gateway, &file)).await;
        let result = match prepared {
            Ok(Ok(prepared)) => self.take_over(prepared).await,
            Ok(Err(why)) => why,
            Err(died) => refused(&died.to_string()),
        };
        tell(&result);
        self.gateway
            .metrics
            .reloaded((&result).into(), self.gateway.now());
        // Also beside a file that was refused: the files of the certificates in use may be new.
        let warnings = match &self.certificates {
            Some(certificates) => certificates.look(&self.gateway).await,
            None => Vec::new(),
        };
        Reloaded {
            file: self.file.clone(),
            result,
            warnings,
        }
    }

    async fn take_over(&self, prepared: Prepared) -> ReloadResult {
        let gateway = &self.gateway;
        let Prepared {
            settings,
            keys,
            changed,
        } = prepared;
        settings
            .resolve_names(Now::of(&**gateway.sessions.clock()))
            .await;
        gateway
            .sessions
            .remember_legacy_for(settings.config.migration.tombstone_ttl);
        gateway
            .sessions
            .keep_sightings_for(settings.config.risk.keep);
        gateway.metrics.expect(&settings.config);
        gateway.sessions.use_keys(keys);
        gateway.settings.put(settings);
        ReloadResult::Reloaded { changed }
    }
}

async fn hung_up(hangup: Option<&mut tokio::signal::unix::Signal>) -> Option<()> {
    hangup?.recv().await
}

async fn next(asked: Option<&mut Askers<Reloaded>>) -> Option<Asker<Reloaded>> {
    asked?.next().await
}

/// Reads the file, and makes everything of it that can fail.
fn prepare(gateway: &Gateway, file: &Path) -> Result<Prepared, ReloadResult> {
    let before = gateway.settings.get();
    let failed = |error: WiringError| match error {
        WiringError::Config(faults) => ReloadResult::Refused {
            faults: faults.iter().map(ToString::to_string).collect(),
        },
        other => refused(&other.to_string()),
    };
    let config = wiring::load_again(file, &before.config).map_err(failed)?;
    let keys = restart_needed(&before.config, &config);
    if !keys.is_empty() {
        return Err(ReloadResult::NeedsRestart { keys });
    }
    let changed = changed(&before.config, &config);
    let keys = wiring::keyring(&config).ok_or_else(|| refused("keys.master: is gone"))?;
    let settings = ActiveConfig::new(config, &keys, Some(&before))
        .map_err(|unusable| failed(unusable.into()))?;
    write_audit_to(&gateway.trail, &settings.config.audit).map_err(failed)?;
    let lines = write_access_log_to(&gateway.access_log, &settings.config.access_log);
    if let Err(why) = lines {
        // All or nothing: security events go on where they went before.
        write_audit_to(&gateway.trail, &before.config.audit).map_err(failed)?;
        return Err(failed(why));
    }
    Ok(Prepared {
        settings: Arc::new(settings),
        keys: Arc::new(keys),
        changed,
    })
}

fn refused(why: &str) -> ReloadResult {
    ReloadResult::Refused {
        faults: vec![why.to_owned()],
    }
}

fn tell(result: &ReloadResult) {
    match result {
        ReloadResult::Reloaded { changed } if changed.is_empty() => {
            info!(changed = "nothing", "configuration reloaded");
        }
        ReloadResult::Reloaded { changed } => {
            info!(changed = changed.join(", "), "configuration reloaded");
        }
        ReloadResult::Refused { faults } => {
            error!(
                error = faults.join("; "),
                "configuration not reloaded: the old one stays"
            );
        }
        ReloadResult::NeedsRestart { keys } => {
            let error = format!("needs a restart: {}", keys.join(", "));
            error!(error, "configuration not reloaded: the old one stays");
        }
    }
}

/// Has security events written where the configuration says.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn write_audit_to(trail: &Trail, audit: &AuditConfig) -> Result<(), WiringError> {
    trail
        .write_to(audit.file.as_deref())
        .map_err(WiringError::AuditFile)
}

/// Has the lines of requests written where the configuration says.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn write_access_log_to(
    access_log: &AccessLog,
    config: &AccessLogConfig,
) -> Result<(), WiringError> {
    access_log
        .write_to(config.file.as_deref())
        .map_err(WiringError::AccessLogFile)
}
