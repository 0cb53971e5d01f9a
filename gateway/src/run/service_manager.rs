//! What the service manager hears of this process: sd_notify(3), at the socket that `NOTIFY_SOCKET` names. Without that variable
//! all of this does nothing.
//!
//! A unit has one main process, and nobody else is listened to (`NotifyAccess=main`). A successor says nothing until it is the
//! one; then the old process names it as the main process, and says nothing any more.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sd_notify::NotifyState;
use tracing::warn;

use super::watchdog;
use crate::admin::readiness;
use crate::state::Gateway;

/// Between two looks whether there is something else to say.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What the end of a process takes beside the waits that are configured.
const SLACK: Duration = Duration::from_secs(10);

/// The service manager, as this process speaks to it.
#[derive(Debug, Default)]
pub(super) struct ServiceManager {
    /// Whether this process is the main one of its unit.
    is_heard: AtomicBool,
    /// The last status that was told.
    told: Mutex<String>,
}

impl ServiceManager {
    /// This process serves, and is the main one: says so, goes on saying how it is, and lets the watchdog watch it.
    pub(super) async fn attend(self: Arc<Self>, gateway: Arc<Gateway>) {
        if env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        // It has said its last word already.
        if gateway.is_draining() {
            return;
        }
        self.is_heard.store(true, Ordering::Relaxed);
        self.ready(&gateway);
        let its = Arc::clone(&self);
        watchdog::start(Arc::clone(&gateway), move || {
            its.say(&[NotifyState::Watchdog]);
        });
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let status = status(&gateway);
            if *self.told.lock() != status {
                self.say(&[NotifyState::Status(&status)]);
                *self.told.lock() = status;
            }
        }
    }

    /// The configuration in use is the one that will serve.
    pub(super) fn ready(&self, gateway: &Gateway) {
        let status = status(gateway);
        self.say(&[NotifyState::Ready, NotifyState::Status(&status)]);
        *self.told.lock() = status;
    }

    /// Another configuration is about to be read. `ready` follows, whatever comes of it.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.say(&[NotifyState::Reloading, now]),
            Err(error) => warn!(cause = %error, "the service manager is not told of a reload"),
        }
    }

    /// This process ends, and takes as long as the configuration lets it.
    pub(super) fn stopping(&self, gateway: &Gateway) {
        let settings = gateway.settings.get();
        let server = &settings.config.server;
        let wait = server.unready_before_drain + server.drain_timeout + SLACK;
        let micros = u32::try_from(wait.as_micros()).unwrap_or(u32::MAX);
        self.say(&[
            NotifyState::Stopping,
            NotifyState::Status("Draining"),
            NotifyState::ExtendTimeoutUsec(micros),
        ]);
        self.is_heard.store(false, Ordering::Relaxed);
    }

    /// Another process is the main one from now on.
    pub(super) fn replaced_by(&self, pid: u32) {
        self.say(&[NotifyState::MainPid(pid)]);
        self.is_heard.store(false, Ordering::Relaxed);
    }

    fn say(&self, words: &[NotifyState<'_>]) {
        if !self.is_heard.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = sd_notify::notify(words) {
            warn!(cause = %error, "the service manager does not hear");
        }
    }
}

/// How this process is, in a line for `systemctl status`.
fn status(gateway: &Gateway) -> String {
    let settings = gateway.settings.get();
    let origins = settings
        .config
        .sites
        .iter()
        .map(|site| site.origin.to_string());
    let origins = origins.collect::<Vec<_>>().join(" ");
    let failing = readiness::failing(gateway);
    if settings.maintenance.is_on() {
        format!("Maintenance of {origins}")
    } else if failing.is_empty() {
        format!("Serving {origins}")
    } else {
        format!("Not ready to serve {origins}: {}", failing.join(", "))
    }
}
