//! Background tasks for as long as the gateway runs: addresses are looked up again, history is kept, and the
//! configuration is reloaded on request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::keys::Keyring;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::wiring::{self, WiringError};
use crate::apps::pool::RESOLVE_EVERY;
use crate::config::{AuditConfig, restart_needed};
use crate::legacy::tally;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::flood;
use crate::telemetry::history::STEP;
use crate::telemetry::lines::Trail;
use crate::telemetry::security;

/// Tasks that keep the configuration and the addresses current. They live as long as the core runtime.
pub(crate) fn spawn(gateway: &Arc<Gateway>, path: PathBuf, keys: Arc<Keyring>) {
    gateway.core.spawn(keep_current(Arc::clone(gateway)));
    gateway.core.spawn(tally::keep(Arc::clone(gateway)));
    gateway.core.spawn(tell_what_was_left_out());
    if gateway.settings.get().config.admin.metrics {
        gateway.core.spawn(keep_history(Arc::clone(gateway)));
    }
    gateway
        .core
        .spawn(reload_on_hangup(Arc::clone(gateway), path, keys));
}

/// Writes what is still unwritten when requests have ended.
pub(crate) async fn finish(gateway: &Gateway) {
    tally::write_down(gateway).await;
    security::tell_left_out();
}

/// Security events that are too many are told as a number.
async fn tell_what_was_left_out() {
    loop {
        tokio::time::sleep(flood::STEP).await;
        security::tell_left_out();
    }
}

async fn keep_current(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(RESOLVE_EVERY).await;
        let settings = gateway.settings.get();
        for app in settings.apps() {
            app.pool.resolve(gateway.sessions.clock().wall()).await;
        }
        settings.login_limits.forget_idle();
        let now = gateway.sessions.clock().boot();
        settings.unknown_sids.forget_idle(now);
        gateway.migrations.sweep(now);
    }
}

/// Steps between two counts of the live sessions where there are many, which takes the store some time.
const COUNT_EVERY: u32 = 30;
/// Below this many, counting is cheap: they are counted at every step.
const MANY: u64 = 1_000;

/// Reads the metrics for the dashboard.
async fn keep_history(gateway: Arc<Gateway>) {
    let sources = gateway.sources();
    let (mut live, mut age) = (None, 0);
    loop {
        // A store that is not there yet is asked again at once.
        if age == 0 || live.is_none_or(|live| live < MANY) {
            live = gateway.sessions.count_live().await.ok();
        }
        age = (age + 1) % COUNT_EVERY;
        let reading = gateway.metrics.reading(&sources);
        gateway.history.note(gateway.now(), reading, live);
        tokio::time::sleep(STEP).await;
    }
}

/// SIGHUP: all of the new configuration, or none of it.
async fn reload_on_hangup(gateway: Arc<Gateway>, path: PathBuf, keys: Arc<Keyring>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        error!("SIGHUP cannot be listened to: the configuration will not be reloaded");
        return;
    };
    while hangup.recv().await.is_some() {
        match reloaded(&gateway, &path, &keys) {
            Ok(settings) => {
                for app in settings.apps() {
                    app.pool.resolve(gateway.sessions.clock().wall()).await;
                }
                gateway
                    .sessions
                    .remember_legacy_for(settings.config.migration.tombstone_ttl);
                gateway
                    .sessions
                    .keep_sightings_for(settings.config.risk.keep);
                gateway.metrics.expect(&settings.config);
                gateway.settings.put(Arc::new(settings));
                // Header values made under the old configuration hang on the cached sessions.
                gateway.sessions.forget_local();
                info!("configuration reloaded");
            }
            Err(refused) => {
                error!(error = %refused, "configuration not reloaded: the old one stays");
                // The audit file is opened again all the same: log rotation may have moved it.
                if let Err(failed) = gateway.trail.reopen() {
                    error!(error = %failed, "audit.file not opened again: the one that is open stays");
                }
            }
        }
    }
}

fn reloaded(gateway: &Gateway, path: &Path, keys: &Keyring) -> Result<ActiveConfig, WiringError> {
    let config = wiring::load(path)?;
    let before = gateway.settings.get();
    let frozen = restart_needed(&before.config, &config);
    if !frozen.is_empty() {
        return Err(WiringError::Process(format!(
            "needs a restart: {}",
            frozen.join(", ")
        )));
    }
    let settings = ActiveConfig::new(config, keys, Some(&before))?;
    write_audit_to(&gateway.trail, &settings.config.audit)?;
    Ok(settings)
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
