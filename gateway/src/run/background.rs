//! Background tasks for as long as the gateway runs: addresses are looked up again, history is kept, and files are opened
//! again on request. Those that have a file of their own are started here: reloads, the renewal of certificates, and
//! maintenance.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use session_core::service::SessionsError;
use session_core::store::StoreError;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::certificates::Certificates;
use super::maintenance;
use super::prober;
use super::reload::Reloader;
use super::service_manager::ServiceManager;
use crate::apps::standing::Now;
use crate::legacy::tally;
use crate::limits::rounds::ROUND;
use crate::state::Gateway;
use crate::telemetry::flood;
use crate::telemetry::history::STEP;
use crate::telemetry::security;

/// Between two looks whether a name is to be looked up.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two sweeps of what is remembered of clients.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Tasks that keep the configuration and the addresses current. They live as long as the core runtime.
pub(super) fn spawn(
    gateway: &Arc<Gateway>,
    file: &Path,
    certificates: Option<Arc<Certificates>>,
    manager: &Arc<ServiceManager>,
) {
    let rounds = Arc::clone(&gateway.rounds);
    gateway
        .core
        .spawn(rounds.run(Arc::clone(&gateway.sessions), ROUND));
    gateway.core.spawn(keep_current(Arc::clone(gateway)));
    gateway.core.spawn(prober::run(Arc::clone(gateway)));
    gateway.core.spawn(sweep(Arc::clone(gateway)));
    gateway.core.spawn(tally::keep(Arc::clone(gateway)));
    gateway.core.spawn(tell_what_was_left_out());
    gateway.core.spawn(maintenance::keep(Arc::clone(gateway)));
    if gateway.settings.get().config.admin.metrics {
        gateway.core.spawn(keep_history(Arc::clone(gateway)));
    }
    if let Some(certificates) = &certificates {
        let certificates = Arc::clone(certificates);
        gateway.core.spawn(certificates.keep(Arc::clone(gateway)));
    }
    gateway.core.spawn(reopen_files(Arc::clone(gateway)));
    let reloader = Reloader {
        gateway: Arc::clone(gateway),
        file: file.to_owned(),
        certificates,
        manager: Arc::clone(manager),
    };
    gateway.core.spawn(reloader.run());
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
        tokio::time::sleep(LOOK_EVERY).await;
        let settings = gateway.settings.get();
        settings
            .resolve_names(Now::of(&**gateway.sessions.clock()))
            .await;
    }
}

/// Forgets what has no meaning any more.
async fn sweep(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let settings = gateway.settings.get();
        settings.login_limits.forget_idle();
        let now = gateway.sessions.clock().boot();
        settings.unknown_sids.forget_idle(now);
        gateway.migrations.sweep(now);
        gateway.badges.sweep(gateway.now());
    }
}

/// Steps between two counts of the live sessions where there are many, which takes the store some time.
const COUNT_EVERY: u32 = 30;
/// Below this many, counting is cheap: they are counted at every step.
const MANY: u64 = 1_000;

/// Reads the metrics for the dashboard.
async fn keep_history(gateway: Arc<Gateway>) {
    let sources = gateway.sources();
    let (mut live, mut age, mut too_many) = (None, 0, false);
    loop {
        // A store that is not there yet is asked again at once. One that has too many to count in time is left alone.
        if age == 0 || !too_many && live.is_none_or(|live| live < MANY) {
            let counted = gateway.sessions.count_live().await;
            too_many = matches!(counted, Err(SessionsError::Store(StoreError::Timeout(_))));
            live = counted.ok();
        }
        age = (age + 1) % COUNT_EVERY;
        let reading = gateway.metrics.reading(&sources);
        gateway.history.note(gateway.now(), reading, live);
        tokio::time::sleep(STEP).await;
    }
}

/// SIGUSR1: opens files again that log rotation may have moved, and does nothing else.
async fn reopen_files(gateway: Arc<Gateway>) {
    let Ok(mut asked) = signal(SignalKind::user_defined1()) else {
        error!("SIGUSR1 cannot be listened to: files will not be opened again");
        return;
    };
    while asked.recv().await.is_some() {
        open_files_again(&gateway).await;
    }
}

/// What [`reopen_files`] does.
pub(super) async fn open_files_again(gateway: &Arc<Gateway>) {
    let again = Arc::clone(gateway);
    let opened = spawn_blocking(move || {
        [
            ("audit.file", again.trail.reopen()),
            ("access_log.file", again.access_log.reopen()),
        ]
    });
    let failed = match opened.await {
        Ok(files) => files.map(|(key, opened)| opened.err().map(|failed| (key, failed))),
        Err(died) => {
            error!(cause = %died, "files not opened again");
            return;
        }
    };
    for (key, failed) in failed.iter().flatten() {
        error!(cause = %failed, "{key} not opened again: the one that is open stays");
    }
    if failed.iter().all(Option::is_none) {
        info!("files opened again");
    }
}
