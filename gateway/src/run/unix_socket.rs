//! The file of a Unix socket: made where nobody listens, for those who may connect, and removed in the end.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind as bind_to, connect, listen,
    socket_with,
};

use crate::config::UnixAddress;

/// Connections that wait to be accepted. Pingora asks for more as soon as it listens.
const BACKLOG: i32 = 1024;

/// Listens at `address`. A file that a process before has left behind is replaced; one at which somebody listens is not.
///
/// # Errors
/// Why it cannot.
pub(super) fn bind(address: &UnixAddress) -> io::Result<UnixListener> {
    let at = SocketAddrUnix::new(&address.path)?;
    make_room(&address.path, &at)?;
    let socket = stream_socket(SocketFlags::CLOEXEC)?;
    bind_to(&socket, &at)?;
    // Before it listens, nobody can connect.
    fs::set_permissions(&address.path, Permissions::from_mode(address.mode))?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

fn stream_socket(flags: SocketFlags) -> rustix::io::Result<std::os::fd::OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Removes the file of a socket at which nobody listens any more.
fn make_room(path: &Path, at: &SocketAddrUnix) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let message = "there is a file that is no socket";
        return Err(io::Error::new(ErrorKind::AlreadyExists, message));
    }
    // Whoever listens and is busy must not be waited for.
    let asking = stream_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    match connect(&asking, at) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        Ok(()) | Err(Errno::AGAIN) => Err(Errno::ADDRINUSE.into()),
        Err(error) => Err(error.into()),
    }
}

/// The file of a socket of ours.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Which file it is, whatever else is put in its place.
    number: (u64, u64),
}

impl SocketFile {
    /// The file that is at `path` now.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            number: number(path)?,
        })
    }

    /// Removes it, unless another one is there.
    pub(super) fn remove(&self) {
        if number(&self.path).is_ok_and(|number| number == self.number) {
            // A file that stays does no harm: the next process replaces it.
            let _stays = fs::remove_file(&self.path);
        }
    }
}

fn number(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;
