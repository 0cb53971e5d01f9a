//! What the process is asked by signals, and by `sidgate upgrade`: turned into Pingora's kinds of stop. On SIGTERM readiness goes
//! first; on SIGQUIT another process takes the place of this one.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora_core::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::listeners::Listeners;
use super::service_manager::ServiceManager;
use super::stop::Stop;
use super::succession::Succession;
use super::upgrade::{Program, Successor, UpgradeFailed};
use crate::state::Gateway;
use crate::state::requests::Askers;
use crate::state::upgrades::{Replaced, Upgraded};

/// What this process is asked.
pub(super) struct Signals {
    pub(super) gateway: Arc<Gateway>,
    pub(super) manager: Arc<ServiceManager>,
    pub(super) succession: Arc<Succession>,
    /// What takes the place of this process, if that is known.
    pub(super) program: io::Result<Program>,
    /// Version and commit of this process.
    pub(super) version: &'static str,
    /// Told why the process ends.
    pub(super) why: Arc<OnceLock<Stop>>,
    /// Given to that process.
    pub(super) listeners: Mutex<Option<Arc<Listeners>>>,
}

/// Whatever asks.
struct Asked {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    upgrades: Askers<Upgraded>,
}

impl Signals {
    /// Starts another process, and gives it the listeners. Where that fails, this one goes on as if nothing had been asked of
    /// it.
    async fn upgrade(&self) -> Upgraded {
        let clock = Arc::clone(self.gateway.sessions.clock());
        let began = clock.boot();
        info!("upgrading: another process is started");
        let replaced = self.replace().await.map(|(after, pid)| Replaced {
            before: self.version,
            after,
            pid,
            took: clock.boot().since(began),
        });
        match &replaced {
            Ok(replaced) => info!(
                before = replaced.before,
                after = replaced.after,
                pid = replaced.pid,
                "upgraded: another process serves"
            ),
            Err(failed) => error!(cause = %failed, "not upgraded: this process stays"),
        }
        replaced.map_err(|failed| failed.to_string())
    }

    /// Returns the version and the number of the new process.
    async fn replace(&self) -> Result<(String, u32), UpgradeFailed> {
        let listeners = self.listeners.lock().clone();
        let listeners = listeners.ok_or(UpgradeFailed::Forsaken)?;
        let program = self.program.as_ref().map(Program::clone);
        let program = program.map_err(|error| UpgradeFailed::NoProgram(error.to_string()))?;
        let started =
            spawn_blocking(move || Successor::start(&program, &listeners.handles())).await;
        let mut successor = started.map_err(|died| UpgradeFailed::Refused(died.to_string()))??;
        let (version, pid) = (successor.version().to_owned(), successor.pid());
        successor.still_serves()?;
        // Before it says a word: it is listened to as the main process.
        self.manager.replaced_by(pid);
        successor.confirm()?;
        Ok((version, pid))
    }

    /// Goes on serving for a while, so that a load balancer can notice. Whoever interrupts that wants no drain.
    async fn noticed(&self) -> Stop {
        let wait = self
            .gateway
            .settings
            .get()
            .config
            .server
            .unready_before_drain;
        info!("draining");
        let interrupted = async {
            match signal(SignalKind::interrupt()) {
                Ok(mut interrupt) => interrupt.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => Stop::Drain,
            _ = interrupted => Stop::AtOnce,
        }
    }

    fn asked(&self) -> Option<Asked> {
        Some(Asked {
            terminate: signal(SignalKind::terminate()).ok()?,
            interrupt: signal(SignalKind::interrupt()).ok()?,
            quit: signal(SignalKind::quit()).ok()?,
            upgrades: self.gateway.upgrades.asked()?,
        })
    }

    async fn stop_asked_for(&self) -> Option<Stop> {
        let Asked {
            mut terminate,
            mut interrupt,
            mut quit,
            mut upgrades,
        } = self.asked()?;
        loop {
            let asker = tokio::select! {
                _ = terminate.recv() => return Some(Stop::Drain),
                _ = interrupt.recv() => return Some(Stop::AtOnce),
                _ = quit.recv() => None,
                Some(asker) = upgrades.next() => Some(asker),
            };
            // A stop comes before an upgrade that is under way: the new process ends when nobody says that it is the one.
            let upgraded = tokio::select! {
                _ = terminate.recv() => return Some(Stop::Drain),
                _ = interrupt.recv() => return Some(Stop::AtOnce),
                upgraded = self.upgrade() => upgraded,
            };
            let is_replaced = upgraded.is_ok();
            if let Some(asker) = asker {
                // Whoever asked may have gone.
                let _unheard = asker.send(upgraded);
            }
            if is_replaced {
                return Some(Stop::Replaced);
            }
        }
    }
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let Some(stop) = self.stop_asked_for().await else {
            error!("signals cannot be listened to");
            return std::future::pending().await;
        };
        // The first reason counts.
        let _said_before = self.why.set(stop);
        self.gateway.draining.store(true, Ordering::Relaxed);
        self.manager.stopping(&self.gateway);
        let is_the_one = self.succession.stops();
        self.gateway.rounds.ring_all();
        let stop = match stop {
            Stop::Drain => self.noticed().await,
            other => other,
        };
        // Pingora closes its own handles; a port is closed when there is none left.
        let listeners = self.listeners.lock().take();
        if let (Some(listeners), true, Stop::Drain | Stop::AtOnce) = (listeners, is_the_one, stop) {
            listeners.remove_files();
        }
        match stop {
            Stop::AtOnce => ShutdownSignal::FastShutdown,
            Stop::Drain | Stop::Replaced => ShutdownSignal::GracefulTerminate,
        }
    }
}
