//! Process 1 of a container, which ends with it. When another process has taken its place, it stays as long as there is one, and
//! passes on what it is told.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use procfs::ProcResult;
use procfs::process::Process;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use super::stop::Stop;

/// Between two looks whether a process is left.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Starts to listen, if this is process 1, so that no signal is lost from the moment on at which `why` says that it is replaced.
/// The thread ends when no process is left.
///
/// # Errors
/// When there can be no thread.
pub(super) fn attend(why: &Arc<OnceLock<Stop>>) -> io::Result<Option<JoinHandle<()>>> {
    if std::process::id() != 1 {
        return Ok(None);
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let why = Arc::clone(why);
    let thread = thread::Builder::new().name("sidgate-first".to_owned());
    let thread = thread.spawn(move || {
        if let Err(cause) = runtime.block_on(pass_on(&why)) {
            warn!(%cause, "signals are not passed on");
        }
    });
    thread.map(Some)
}

async fn pass_on(why: &OnceLock<Stop>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let (mut stop, mut heard) = (None, Vec::new());
    loop {
        let told = tokio::select! {
            _ = terminate.recv() => Some(Signal::TERM),
            _ = interrupt.recv() => Some(Signal::INT),
            _ = hangup.recv() => Some(Signal::HUP),
            _ = quit.recv() => Some(Signal::QUIT),
            _ = reopen.recv() => Some(Signal::USR1),
            () = tokio::time::sleep(LOOK_EVERY) => None,
        };
        // Until then all of it is for this process itself.
        if why.get() != Some(&Stop::Replaced) {
            continue;
        }
        let children = children().map_err(io::Error::other)?;
        if let Some(signal) = told {
            children.iter().for_each(|child| tell(*child, signal));
            heard.clone_from(&children);
            stop = told
                .filter(|told| [Signal::TERM, Signal::INT].contains(told))
                .or(stop);
        } else if let Some(stop) = stop {
            // One that was told may have been about to end, and this process inherits its successor only now.
            let new = children.iter().filter(|child| !heard.contains(*child));
            new.for_each(|child| tell(*child, stop));
            heard = children;
        }
        if !is_any_left() {
            return Ok(());
        }
    }
}

fn tell(child: Pid, signal: Signal) {
    // It may have ended meanwhile.
    let _told = kill_process(child, signal);
}

/// The process that has taken the place of this one, or of that one in turn: process 1 inherits it.
fn children() -> ProcResult<Vec<Pid>> {
    let mut children = Vec::new();
    for task in Process::myself()?.tasks()? {
        let of_thread = task?.children()?;
        let pids = of_thread
            .into_iter()
            .filter_map(|pid| i32::try_from(pid).ok());
        children.extend(pids.filter_map(Pid::from_raw));
    }
    Ok(children)
}

/// Lets those go that have ended.
fn is_any_left() -> bool {
    loop {
        match waitpid(None, WaitOptions::NOHANG) {
            Ok(Some(_ended)) => {}
            Ok(None) => return true,
            Err(_none) => return false,
        }
    }
}
