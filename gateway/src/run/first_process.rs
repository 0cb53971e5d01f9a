//! Process 1 of a container, which ends with it. When another process has taken its place, it stays as long as there is one, and
//! passes on what it is told. It ends as the last one of them has.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use procfs::process::Process;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use super::stop::Stop;

/// Between two looks whether a process is left.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Starts to listen, if this is process 1, so that no signal is lost from the moment on at which `why` says that it is replaced.
/// The thread ends when no process is left, with the exit code of this one.
///
/// # Errors
/// When there can be no thread.
pub(super) fn attend(why: &Arc<OnceLock<Stop>>) -> io::Result<Option<JoinHandle<u8>>> {
    if std::process::id() != 1 {
        return Ok(None);
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let why = Arc::clone(why);
    let thread = thread::Builder::new().name("sidgate-first".to_owned());
    let thread = thread.spawn(move || {
        runtime.block_on(pass_on(&why)).unwrap_or_else(|cause| {
            warn!(%cause, "signals are not passed on");
            0
        })
    });
    thread.map(Some)
}

async fn pass_on(why: &OnceLock<Stop>) -> io::Result<u8> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let (mut stop, mut heard, mut code) = (None, Vec::new(), 0);
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
        if let Some(signal) = told {
            let children = children();
            children.iter().for_each(|child| tell(*child, signal));
            heard.clone_from(&children);
            stop = told
                .filter(|told| [Signal::TERM, Signal::INT].contains(told))
                .or(stop);
        } else if let Some(stop) = stop {
            // One that was told may have been about to end, and this process inherits its successor only now.
            let children = children();
            let new = children.iter().filter(|child| !heard.contains(*child));
            new.for_each(|child| tell(*child, stop));
            heard = children;
        }
        if !is_any_left(&mut code) {
            // Whoever was told to end has ended well.
            return Ok(if stop.is_some() { 0 } else { code });
        }
    }
}

fn tell(child: Pid, signal: Signal) {
    // It may have ended meanwhile.
    let _told = kill_process(child, signal);
}

/// The process that has taken the place of this one, or of that one in turn: process 1 inherits it.
fn children() -> Vec<Pid> {
    let tasks = Process::myself().and_then(|this| this.tasks());
    // A thread may end while it is looked at.
    let of_thread = tasks.into_iter().flatten().map(|task| {
        task.and_then(|task| task.children())
            .unwrap_or_default()
            .into_iter()
    });
    let pids = of_thread
        .flatten()
        .filter_map(|pid| i32::try_from(pid).ok());
    pids.filter_map(Pid::from_raw).collect()
}

/// Lets those go that have ended. `code` becomes that of the last one.
fn is_any_left(code: &mut u8) -> bool {
    loop {
        match waitpid(None, WaitOptions::NOHANG) {
            Ok(Some((_pid, ended))) => *code = exit_code(ended),
            Err(Errno::CHILD) => return false,
            Ok(None) | Err(_) => return true,
        }
    }
}

/// As a shell says it.
fn exit_code(ended: WaitStatus) -> u8 {
    let of_signal = ended.terminating_signal().map(|signal| signal + 128);
    let code = ended.exit_status().or(of_signal).unwrap_or_default();
    u8::try_from(code).unwrap_or(u8::MAX)
}
