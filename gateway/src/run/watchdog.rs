//! Tells the service manager's watchdog that this process is alive, as long as it is.
//!
//! A process lives while its runtimes do: one for each kind of listener, and the core's. So a thread that is none of theirs gives
//! each of them a task, and speaks only when all have done it. A runtime that is stuck ends the words, and the service manager ends
//! the process (`WatchdogSec=`).

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use session_core::clock::{Clock as _, SystemClock};
use tokio::runtime::Handle;
use tracing::error;

use crate::state::Gateway;

/// Starts it, where the service manager has a watchdog, which hears what `speak` says.
pub(super) fn start(gateway: Arc<Gateway>, speak: impl Fn() + Send + 'static) {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return;
    };
    let runtimes = move || {
        let serving = gateway.serving.lock().clone();
        serving.into_iter().chain([gateway.core.clone()]).collect()
    };
    // A word is due at half of that. The look takes as long as the wait before it, at most.
    let wait = patience / 4;
    let watch = move || watch(&runtimes, wait, &speak);
    let thread = thread::Builder::new().name("sidgate-watchdog".to_owned());
    if let Err(cause) = thread.spawn(watch) {
        error!(%cause, "there is no thread for the watchdog, which will end this process");
    }
}

/// Speaks whenever the runtimes have turned. Never returns.
fn watch(runtimes: &dyn Fn() -> Vec<Handle>, wait: Duration, speak: &dyn Fn()) {
    let mut was_stuck = false;
    loop {
        thread::sleep(wait);
        let turns = turn(&runtimes(), wait);
        if turns {
            speak();
        } else if !was_stuck {
            error!("a group of threads is stuck; no watchdog message was sent");
        }
        was_stuck = !turns;
    }
}

/// Whether each of them does a task in time.
fn turn(runtimes: &[Handle], limit: Duration) -> bool {
    let (done, is_done) = sync_channel(runtimes.len());
    for runtime in runtimes {
        let done = done.clone();
        // Dropped undone where the runtime is gone.
        drop(runtime.spawn(async move { done.try_send(()).ok() }));
    }
    drop(done);
    let until = SystemClock.boot().plus(limit);
    runtimes.iter().all(|_| {
        let left = until.since(SystemClock.boot());
        is_done.recv_timeout(left).is_ok()
    })
}

#[cfg(test)]
mod tests;
