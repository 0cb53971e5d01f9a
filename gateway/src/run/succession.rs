//! From the process of before to this one: when it takes the sockets, and from when on it is the one.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::task::spawn_blocking;
use tracing::error;

use super::listeners::Listeners;
use super::service_manager::ServiceManager;
use super::services::first_lease;
use super::upgrade::{Predecessor, READY_LIMIT, UpgradeFailed};
use super::wiring::WiringError;
use crate::admin::readiness;
use crate::state::Gateway;

/// Between two looks whether this process can decide about sessions.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes the sockets of the old process, as soon as this one can decide about sessions: until then the old one is better.
///
/// # Errors
/// When it cannot in time, or when it cannot listen.
pub(super) async fn take_over(
    gateway: &Gateway,
    predecessor: &Predecessor,
) -> Result<Listeners, WiringError> {
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

/// Tells the service manager how this process is, once it serves alone.
pub(super) async fn attend(
    predecessor: Option<Arc<Predecessor>>,
    manager: Arc<ServiceManager>,
    gateway: Arc<Gateway>,
) {
    let Some(predecessor) = predecessor else {
        first_lease(&gateway).await;
        return manager.attend(gateway).await;
    };
    match spawn_blocking(move || predecessor.wait_for_go()).await {
        Ok(Ok(())) => manager.attend(gateway).await,
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
