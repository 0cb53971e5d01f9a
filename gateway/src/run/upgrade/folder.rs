//! The folder of the meeting place: of this user alone, in a folder where nobody else can put another one in its place.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::process::geteuid;
use thiserror::Error;

use crate::config::permissions::{Exposed, check_own_folder, check_way};

/// Name of the folder.
pub(super) const NAME: &str = "sidgate-upgrade";
/// Name of the socket in it.
pub(super) const SOCKET: &str = "sidgate-upgrade.sock";

/// Why two processes cannot meet in this place.
#[derive(Debug, Error)]
#[error(
    "upgrade: the processes cannot meet safely: {0}. They meet in $RUNTIME_DIRECTORY, or else beside the configuration (systemd: RuntimeDirectory=sidgate, RuntimeDirectoryMode=0700)"
)]
pub(crate) struct BadFolder(String);

impl From<Exposed> for BadFolder {
    fn from(exposed: Exposed) -> Self {
        Self(exposed.to_string())
    }
}

/// The folder in `parent`, made if it is not there.
///
/// # Errors
/// When it cannot be made, or when others could come between.
pub(super) fn make(parent: &Path) -> Result<PathBuf, BadFolder> {
    check_parent(parent)?;
    let folder = parent.join(NAME);
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(unusable(&folder, &error));
        }
        _ => {}
    }
    look(parent)?.ok_or_else(|| unusable(&folder, &ErrorKind::NotFound.into()))
}

/// The folder in `parent`, if it is there.
///
/// # Errors
/// When others could come between.
pub(super) fn look(parent: &Path) -> Result<Option<PathBuf>, BadFolder> {
    check_parent(parent)?;
    let folder = parent.join(NAME);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match open(&folder, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            let message = format!("{} is not a folder, or a link to one", folder.display());
            return Err(BadFolder(message));
        }
        Err(error) => return Err(unusable(&folder, &error.into())),
    };
    let stat = fstat(&opened).map_err(|error| unusable(&folder, &error.into()))?;
    check_own_folder(&folder, stat.st_mode, stat.st_uid)?;
    Ok(Some(folder))
}

/// Whoever could rename the folder could put another one in its place. So not even a sticky parent is good enough, because
/// in it others can be first.
fn check_parent(parent: &Path) -> Result<(), BadFolder> {
    let here = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let metadata = fs::metadata(here).map_err(|error| unusable(here, &error))?;
    let ours = geteuid().as_raw();
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != 0 && owner != ours {
        return Err(Exposed::Owner {
            path: here.display().to_string(),
            owner,
            ours,
        }
        .into());
    }
    if mode & 0o022 != 0 {
        return Err(Exposed::Folder {
            path: here.display().to_string(),
            mode,
        }
        .into());
    }
    Ok(check_way(here)?)
}

fn unusable(folder: &Path, error: &io::Error) -> BadFolder {
    BadFolder(format!("folder {}: {error}", folder.display()))
}
