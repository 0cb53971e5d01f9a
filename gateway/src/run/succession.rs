//! From the process of before to this one: when it takes the sockets, and from when on it is the one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::task::spawn_blocking;
use tracing::{error, warn};

use super::background;
use super::listeners::Listeners;
use super::service_manager::ServiceManager;
use super::services::first_lease;
use super::upgrade::{Predecessor, READY_LIMIT, UpgradeFailed};
use super::wiring::WiringError;
use crate::admin::readiness;
use crate::state::Gateway;

/// Between two looks whether this process can decide about sessions.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How this process comes to be the one that serves.
pub(super) struct Succession {
    /// `None` where it does not take the place of another.
    predecessor: Option<Arc<Predecessor>>,
    /// Whether nobody else serves any more.
    is_the_one: AtomicBool,
}

impl Succession {
    pub(super) fn after(predecessor: Option<&Arc<Predecessor>>) -> Self {
        Self {
            predecessor: predecessor.cloned(),
            is_the_one: AtomicBool::new(predecessor.is_none()),
        }
    }

    /// Takes the sockets of the old process, as soon as this one can decide about sessions: until then the old one is better.
    ///
    /// # Errors
    /// When it cannot in time, or when it cannot listen.
    pub(super) async fn take_over(&self, gateway: &Gateway) -> Result<Listeners, WiringError> {
        let predecessor = self.predecessor.as_ref().ok_or(UpgradeFailed::NoLine)?;
        let ready = async {
            while !readiness::is_ready(gateway) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(READY_LIMIT, ready).await.is_err() {
            let failing = readiness::failing(gateway).join(", ");
            return Err(UpgradeFailed::NotReady(READY_LIMIT, failing).into());
        }
        let sockets = predecessor.sockets()?;
        Ok(Listeners::open(&gateway.settings.get().config, sockets)?)
    }

    /// The old process may hear that this one, of this version, listens.
    pub(super) fn say_taken(&self, version: &str) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.say_taken(version);
        }
    }

    /// This process is told to stop. Returns whether nobody else needs what it has: an old process that still serves hears
    /// that it stays.
    pub(super) fn stops(&self) -> bool {
        let is_the_one = self.is_the_one.load(Ordering::Relaxed);
        if let (Some(predecessor), false) = (&self.predecessor, is_the_one) {
            predecessor.say_failed("it was told to stop");
        }
        is_the_one
    }

    /// Tells the service manager how this process is, once it serves alone.
    pub(super) async fn attend(&self, manager: Arc<ServiceManager>, gateway: Arc<Gateway>) {
        let Some(predecessor) = self.predecessor.clone() else {
            first_lease(&gateway).await;
            return manager.attend(gateway).await;
        };
        match spawn_blocking(move || predecessor.wait_for_go()).await {
            Ok(Ok(())) => {
                self.is_the_one.store(true, Ordering::Relaxed);
                tokio::join!(manager.attend(Arc::clone(&gateway)), catch_up(&gateway));
            }
            failed => {
                let cause = failed.map_or_else(
                    |died| died.to_string(),
                    |waited| waited.map_or_else(|failed| failed.to_string(), |()| String::new()),
                );
                error!(cause, "this process is not to serve: it ends");
                // As if it had been told to by anybody else.
                let told = kill_process(getpid(), Signal::TERM);
                if let Err(error) = told {
                    error!(cause = %error, "it cannot");
                }
            }
        }
    }
}

/// Whoever changed the configuration or moved a log file away meanwhile may have told the old process alone.
async fn catch_up(gateway: &Arc<Gateway>) {
    background::open_files_again(gateway).await;
    if gateway.reloads.ask().await.is_err() {
        warn!("it is not known whether the configuration was reloaded after the upgrade");
    }
}
