//! What is done beside requests for as long as the gateway runs: addresses are looked up again, history is kept, and the
//! configuration is taken over when somebody asks for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::keys::Keyring;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::config::{AuditConfig, restart_needed};
use crate::gate::Gate;
use crate::legacy::tally;
use crate::site::Site;
use crate::telemetry::history::STEP;
use crate::telemetry::lines::Trail;
use crate::upstream::RESOLVE_EVERY;
use crate::wiring::{self, WiringError};

/// Tasks that keep the configuration and the addresses current. They live as long as the core runtime.
pub(crate) fn spawn(gate: &Arc<Gate>, path: PathBuf, keys: Arc<Keyring>) {
    gate.core.spawn(keep_current(Arc::clone(gate)));
    gate.core.spawn(tally::keep(Arc::clone(gate)));
    if gate.site.get().config.admin.metrics {
        gate.core.spawn(keep_history(Arc::clone(gate)));
    }
    gate.core
        .spawn(reload_on_hangup(Arc::clone(gate), path, keys));
}

async fn keep_current(gate: Arc<Gate>) {
    loop {
        tokio::time::sleep(RESOLVE_EVERY).await;
        let site = gate.site.get();
        for app in site.apps() {
            app.pool.resolve().await;
        }
        site.login_limits.forget_idle();
        let now = gate.sessions.clock().boot();
        site.misses.forget_idle(now);
        gate.migrations.sweep(now);
    }
}

/// Steps between two counts of the live sessions where there are many, which takes the store some time.
const COUNT_EVERY: u32 = 30;
/// Where there are fewer they are counted at each step: somebody may be looking at a demo.
const MANY: u64 = 1_000;

/// Reads the metrics for the dashboard.
async fn keep_history(gate: Arc<Gate>) {
    let (mut live, mut age) = (None, 0);
    loop {
        // A store that is not there yet is asked again at once.
        if age == 0 || live.is_none_or(|live| live < MANY) {
            live = gate.sessions.count_live().await.ok();
        }
        age = (age + 1) % COUNT_EVERY;
        gate.history.note(gate.now(), &gate.families(), live);
        tokio::time::sleep(STEP).await;
    }
}

/// SIGHUP: all of the new configuration, or none of it.
async fn reload_on_hangup(gate: Arc<Gate>, path: PathBuf, keys: Arc<Keyring>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        error!("SIGHUP cannot be listened to: the configuration will not be reloaded");
        return;
    };
    while hangup.recv().await.is_some() {
        match reloaded(&gate, &path, &keys) {
            Ok(site) => {
                for app in site.apps() {
                    app.pool.resolve().await;
                }
                gate.sessions
                    .remember_legacy_for(site.config.migration.tombstone_ttl);
                gate.sessions.keep_sightings_for(site.config.risk.keep);
                gate.site.put(Arc::new(site));
                // Header values made under the old configuration hang on the cached sessions.
                gate.sessions.forget_local();
                info!("configuration reloaded");
            }
            Err(refused) => {
                error!(error = %refused, "configuration not reloaded: the old one stays");
                // Whoever has moved the file away waits for another one all the same.
                if let Err(failed) = gate.trail.reopen() {
                    error!(error = %failed, "audit.file not opened again: the one that is open stays");
                }
            }
        }
    }
}

fn reloaded(gate: &Gate, path: &Path, keys: &Keyring) -> Result<Site, WiringError> {
    let config = wiring::load(path)?;
    let before = gate.site.get();
    let frozen = restart_needed(&before.config, &config);
    if !frozen.is_empty() {
        return Err(WiringError::Process(format!(
            "needs a restart: {}",
            frozen.join(", ")
        )));
    }
    let site = Site::new(config, keys, Some(&before))?;
    write_audit_to(&gate.trail, &site.config.audit)?;
    Ok(site)
}

/// Has security events written where the configuration says.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn write_audit_to(trail: &Trail, audit: &AuditConfig) -> Result<(), WiringError> {
    trail
        .write_to(audit.file.as_deref())
        .map_err(WiringError::AuditFile)
}
