//! Turns signals into Pingora's kinds of stop. On SIGTERM readiness goes first; on SIGQUIT the listeners are handed over.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora_core::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::listeners::Listeners;
use super::stop::Stop;
use super::upgrade::MeetingPlace;
use crate::state::Gateway;

/// What the process is asked by signals.
pub(super) struct Signals {
    gateway: Arc<Gateway>,
    place: MeetingPlace,
    /// Told why the process ends.
    why: Arc<OnceLock<Stop>>,
    listeners: Mutex<Option<Arc<Listeners>>>,
}

impl Signals {
    /// Signals for `gateway`, whose `listeners` are handed over at `place`. `why` is told why the process ends.
    pub(super) fn new(
        gateway: &Arc<Gateway>,
        (place, listeners): (MeetingPlace, Listeners),
        why: &Arc<OnceLock<Stop>>,
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            place,
            why: Arc::clone(why),
            listeners: Mutex::new(Some(Arc::new(listeners))),
        }
    }

    /// Gives the listeners to another process. Where that fails, this one goes on as if nothing had been asked of it.
    async fn hand_over(&self) -> bool {
        let Some(listeners) = self.listeners.lock().clone() else {
            return false;
        };
        let place = self.place.clone();
        info!("handing the listeners over");
        let handed = spawn_blocking(move || place.hand_over(&listeners.handles())).await;
        match handed {
            Ok(Ok(())) => return true,
            Ok(Err(failed)) => error!(cause = %failed, "not handed over: this process stays"),
            Err(died) => error!(cause = %died, "not handed over: this process stays"),
        }
        false
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

    async fn stop_asked_for(&self) -> Option<Stop> {
        let mut terminate = signal(SignalKind::terminate()).ok()?;
        let mut interrupt = signal(SignalKind::interrupt()).ok()?;
        let mut quit = signal(SignalKind::quit()).ok()?;
        loop {
            let is_handed_over = tokio::select! {
                _ = terminate.recv() => return Some(Stop::Drain),
                _ = interrupt.recv() => return Some(Stop::AtOnce),
                handed = async { quit.recv().await; self.hand_over().await } => handed,
            };
            if is_handed_over {
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
        self.gateway.rounds.ring_all();
        let stop = match stop {
            Stop::Drain => self.noticed().await,
            other => other,
        };
        // Pingora closes its own handles; a port is closed when there is none left.
        let listeners = self.listeners.lock().take();
        if let (Some(listeners), Stop::Drain | Stop::AtOnce) = (listeners, stop) {
            listeners.remove_files();
        }
        match stop {
            Stop::AtOnce => ShutdownSignal::FastShutdown,
            Stop::Drain | Stop::Replaced => ShutdownSignal::GracefulTerminate,
        }
    }
}
