//! One process takes the place of another: the old one hands its listening sockets over and ends when the new one has taken
//! them.
//!
//! The new process waits at a Unix socket in a folder that is its user's alone (`folder`), and the old one comes there. Both
//! ask the system who the other is, and believe nobody but their own user. The new process uses a socket only if it listens
//! at a configured address, and says so when it has taken over; until then the old process goes on serving, so an upgrade
//! that fails changes nothing.

mod exchange;
mod folder;

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::geteuid;
use thiserror::Error;
use tracing::warn;

pub(crate) use self::folder::BadFolder;
use super::sockets::Socket;

/// How long the new process waits for the old one: an operator starts one and then sends a signal to the other.
const NEW_WAITS: Duration = Duration::from_secs(60);
/// How long the old process looks for the new one, which may still be starting.
const OLD_WAITS: Duration = Duration::from_secs(10);
/// How long each waits for the next word of the other.
const WORD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the new process has to live, and serve, before the old one ends.
const FIRST_STEPS: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why sockets were not handed over.
#[derive(Debug, Error)]
pub(crate) enum UpgradeFailed {
    /// See [`BadFolder`].
    #[error(transparent)]
    Folder(#[from] BadFolder),
    /// No process came.
    #[error("{0}: no other process of this user came within {1:?}")]
    Nobody(PathBuf, Duration),
    /// A process of another user is there.
    #[error("{0}: a process of user {1} is there, which is not the user of this process")]
    Stranger(PathBuf, u32),
    /// What was handed over is no listening socket.
    #[error("{0}: what was handed over is not made of listening sockets")]
    NotListening(PathBuf),
    /// The other process did not take what it was given.
    #[error("{0}: the other process did not take over")]
    NotTaken(PathBuf),
    /// The system refused something.
    #[error("{path}: {source}")]
    Io {
        /// The meeting place.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Where the two processes meet.
#[derive(Clone, Debug)]
pub(crate) struct MeetingPlace(PathBuf);

impl MeetingPlace {
    /// In the folder that systemd has made for the service (`RuntimeDirectory=`), or else in that of the configuration.
    #[must_use]
    pub(crate) fn of(config: &Path) -> Self {
        let made = std::env::var("RUNTIME_DIRECTORY").unwrap_or_default();
        // systemd names all of them where there are several.
        let made = made.split(':').next().filter(|folder| !folder.is_empty());
        let beside = || config.parent().unwrap_or(Path::new(""));
        Self(made.map_or_else(beside, Path::new).to_owned())
    }

    /// The new process, waiting. The folder is made if it is not there.
    ///
    /// # Errors
    /// When another user could take the place of a process.
    pub(crate) fn wait(&self) -> Result<Waiting, UpgradeFailed> {
        let path = folder::make(&self.0)?.join(folder::SOCKET);
        let failed = |source| io_error(&path, source);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Waiting { listener, path })
    }

    /// The old process, handing `sockets` over. Returns when the other process has taken them. Blocks.
    ///
    /// # Errors
    /// When it has not: then nothing has changed.
    pub(crate) fn hand_over(&self, sockets: &[BorrowedFd<'_>]) -> Result<(), UpgradeFailed> {
        let (path, mut stream) = self.find()?;
        check_peer(&path, &stream)?;
        let failed = |source| io_error(&path, source);
        exchange::set_timeouts(&stream, WORD_TIMEOUT).map_err(failed)?;
        exchange::send(&stream, sockets).map_err(failed)?;
        let is_taken = exchange::hear_taken(&mut stream).unwrap_or(false);
        // One that dies in its first steps has taken nothing over. Meanwhile both serve.
        if is_taken && exchange::lives_for(&mut stream, FIRST_STEPS) {
            Ok(())
        } else {
            Err(UpgradeFailed::NotTaken(path))
        }
    }

    /// The new process, if it is there or comes soon.
    fn find(&self) -> Result<(PathBuf, UnixStream), UpgradeFailed> {
        for _ in 0..looks_in(OLD_WAITS) {
            let folder = folder::look(&self.0)?;
            let path = self.0.join(folder::NAME).join(folder::SOCKET);
            let connected = folder.map_or(Err(ErrorKind::NotFound.into()), |_| {
                UnixStream::connect(&path)
            });
            match connected {
                Ok(stream) => return Ok((path, stream)),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::NotFound | ErrorKind::ConnectionRefused
                    ) => {}
                Err(source) => return Err(io_error(&path, source)),
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(UpgradeFailed::Nobody(self.0.clone(), OLD_WAITS))
    }
}

/// The new process at the meeting place.
#[derive(Debug)]
pub(crate) struct Waiting {
    listener: UnixListener,
    path: PathBuf,
}

impl Waiting {
    /// The sockets of the old process, when it comes. Blocks.
    ///
    /// # Errors
    /// When it does not come, or brings something else.
    pub(super) fn receive(self) -> Result<(Vec<Socket>, Taken), UpgradeFailed> {
        for _ in 0..looks_in(NEW_WAITS) {
            match self.listener.accept() {
                Ok((stream, _)) => match check_peer(&self.path, &stream) {
                    Ok(()) => return self.sockets_from(stream),
                    // A stranger must not be able to keep the old process away.
                    Err(stranger) => warn!(cause = %stranger, "turned away"),
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(LOOK_EVERY),
                Err(source) => return Err(io_error(&self.path, source)),
            }
        }
        Err(UpgradeFailed::Nobody(self.path.clone(), NEW_WAITS))
    }

    fn sockets_from(&self, stream: UnixStream) -> Result<(Vec<Socket>, Taken), UpgradeFailed> {
        let failed = |source| io_error(&self.path, source);
        stream.set_nonblocking(false).map_err(failed)?;
        exchange::set_timeouts(&stream, WORD_TIMEOUT).map_err(failed)?;
        let received = exchange::receive(&stream).map_err(failed)?;
        let sockets = received
            .into_iter()
            .map(Socket::listening)
            .collect::<Option<Vec<_>>>()
            .filter(|sockets| !sockets.is_empty())
            .ok_or_else(|| UpgradeFailed::NotListening(self.path.clone()))?;
        Ok((sockets, Taken(stream)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // A leftover does no harm: the next process removes it.
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// The line to the old process. When it is dropped early, the old process goes on serving.
#[derive(Debug)]
pub(crate) struct Taken(UnixStream);

impl Taken {
    /// Says that the sockets are in use. The line is to be held for as long as this process lives.
    #[must_use]
    pub(crate) fn say(mut self) -> Self {
        if let Err(error) = exchange::say_taken(&mut self.0) {
            warn!(cause = %error, "the old process could not be told to end");
        }
        self
    }
}

fn looks_in(wait: Duration) -> u128 {
    wait.as_millis() / LOOK_EVERY.as_millis()
}

fn check_peer(path: &Path, stream: &UnixStream) -> Result<(), UpgradeFailed> {
    let peer = rustix::net::sockopt::socket_peercred(stream)
        .map_err(|error| io_error(path, error.into()))?;
    if peer.uid == geteuid() {
        Ok(())
    } else {
        Err(UpgradeFailed::Stranger(path.to_owned(), peer.uid.as_raw()))
    }
}

fn io_error(path: &Path, source: io::Error) -> UpgradeFailed {
    UpgradeFailed::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
