//! Who else on this machine may read or change a file.
//!
//! A file is as safe as the folders on the way to it: whoever may write to one of them can put another file in its place.
//! Root and the user of this process are trusted, and so are the groups of this process where a rule says so: systems hand
//! certificates and volumes over by group. The owner of a file is not checked: an operator may look after the files
//! of a service with the rights of root.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, absolute};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::{getegid, geteuid, getgroups};
use thiserror::Error;

const OTHERS: u32 = 0o007;
const OTHERS_WRITE: u32 = 0o002;
const GROUP: u32 = 0o070;
const GROUP_READ: u32 = 0o040;
const GROUP_READ_WRITE: u32 = 0o060;
const GROUP_WRITE: u32 = 0o020;
/// In such a folder an entry can be renamed by its owner alone.
const STICKY: u32 = 0o1000;

/// Why a file or a folder is not safe. Each says what to type.
#[derive(Debug, Error)]
pub(crate) enum Exposed {
    /// A folder, a device or a pipe.
    #[error("file {0} is not a plain file")]
    NotPlain(String),
    /// Others may read it, or write to it.
    #[error("file {path} is open to others (mode {mode:04o}){why}; type: chmod {fix} {path}{also}")]
    Open {
        /// Where it is.
        path: String,
        /// Its mode.
        mode: u32,
        /// Who the others are, where the mode does not say it.
        why: String,
        /// The mode that it should have.
        fix: &'static str,
        /// What else may be done about it.
        also: &'static str,
    },
    /// Others may change it.
    #[error("file {path} can be changed by others (mode {mode:04o}); type: chmod go-w {path}")]
    Writable {
        /// Where it is.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Others may put another file in its place.
    #[error(
        "folder {path} can be written to by others (mode {mode:04o}), who could exchange what is in it; type: chmod go-w {path}"
    )]
    Folder {
        /// The folder.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// The system did not tell who has access.
    #[error("{path} cannot be looked at: {source}")]
    Unknown {
        /// What could not be looked at.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// What the groups of this process may do with a file that holds secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnGroups {
    /// Read it.
    Read,
    /// Read it and write to it.
    Write,
}

/// Whether only root, the user of this process and its groups can read `file`, which was opened at `path`.
///
/// # Errors
/// Who else can.
pub(crate) fn check_private(
    file: &File,
    path: &Path,
    own_groups: OwnGroups,
) -> Result<(), Exposed> {
    let metadata = file.metadata().map_err(|source| unknown(path, source))?;
    Us::now().check_private(path, &metadata, own_groups)
}

/// Like [`check_private`], for a file that is not opened here. A file that does not exist yet is private.
///
/// # Errors
/// Those of [`check_private`].
pub(crate) fn check_private_at(path: &Path, own_groups: OwnGroups) -> Result<(), Exposed> {
    match fs::metadata(path) {
        Ok(metadata) => Us::now().check_private(path, &metadata, own_groups),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A dangling link would create the file elsewhere, with another mode.
            match fs::symlink_metadata(path) {
                Ok(_link) => Err(Exposed::NotPlain(shown(path))),
                Err(_absent) => Ok(()),
            }
        }
        Err(source) => Err(unknown(path, source)),
    }
}

/// Whether only root, the user of this process and its groups can change `file`, which was opened at `path`.
///
/// # Errors
/// Who else can.
pub(crate) fn check_unchangeable(file: &File, path: &Path) -> Result<(), Exposed> {
    let metadata = file.metadata().map_err(|source| unknown(path, source))?;
    // A pipe or a device has no stored content to protect.
    if metadata.is_file() && Us::now().others_may_write(&metadata) {
        return Err(Exposed::Writable {
            path: shown(path),
            mode: metadata.mode() & 0o777,
        });
    }
    Ok(())
}

/// Whether everybody may read `file`.
pub(crate) fn is_readable_by_all(file: &File) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.mode() & 0o004 != 0)
}

/// Whether only root and the user of this process can put another file at `path`.
///
/// # Errors
/// The first folder in which somebody else can.
pub(crate) fn check_way(path: &Path) -> Result<(), Exposed> {
    let us = Us::now();
    let spelled = absolute(path).map_err(|source| unknown(path, source))?;
    us.check_folders(&spelled)?;
    // A symbolic link leads through folders that are not in its own path.
    match fs::canonicalize(&spelled) {
        Ok(real) if real != spelled => us.check_folders(&real),
        _ => Ok(()),
    }
}

/// How a system hands a secret over by group.
const HAND_OVER: &str = " (or hand it over by group: mode 0440 or 0640, owned by root, with a group of this process; in Kubernetes defaultMode: 0440 and fsGroup)";

/// On whose behalf this process runs.
struct Us {
    user: u32,
    groups: Vec<u32>,
}

impl Us {
    fn now() -> Self {
        // If the groups cannot be read, they are not trusted.
        let more = getgroups().unwrap_or_default();
        let groups = more.into_iter().chain([getegid()]);
        Self {
            user: geteuid().as_raw(),
            groups: groups.map(|group| group.as_raw()).collect(),
        }
    }

    fn check_private(
        &self,
        path: &Path,
        metadata: &Metadata,
        own_groups: OwnGroups,
    ) -> Result<(), Exposed> {
        if !metadata.is_file() {
            return Err(Exposed::NotPlain(shown(path)));
        }
        let mode = metadata.mode();
        let (allowed, fix, also) = match own_groups {
            OwnGroups::Read => (GROUP_READ, "600", HAND_OVER),
            OwnGroups::Write => (GROUP_READ_WRITE, "660", ""),
        };
        let stranger = self.stranger_among(metadata);
        let allowed = if stranger.is_some() { 0 } else { allowed };
        let open = mode & (GROUP | OTHERS) & !allowed;
        if open == 0 {
            return Ok(());
        }
        let is_stranger_alone = open & OTHERS == 0;
        Err(Exposed::Open {
            path: shown(path),
            mode: mode & 0o777,
            why: stranger
                .as_ref()
                .filter(|_| is_stranger_alone)
                .map(|stranger| format!(": {stranger}"))
                .unwrap_or_default(),
            fix: if stranger.is_some() { "600" } else { fix },
            also,
        })
    }

    /// Why the group of a file is not one to which it was handed over. An owner can give a file to any group, so the group
    /// counts only when the owner is trusted; what root gives to a group, a process of root may read too.
    fn stranger_among(&self, metadata: &Metadata) -> Option<String> {
        let (owner, group) = (metadata.uid(), metadata.gid());
        if !self.trusts(owner) {
            return Some(format!(
                "it belongs to user {owner}, not to root or to the user of this process ({})",
                self.user
            ));
        }
        // Credentials of systemd are root's, with the group of root, and with an entry for the user of this process.
        let is_handed_over_by_root = owner == 0 && (self.user == 0 || group == 0);
        (!is_handed_over_by_root && !self.groups.contains(&group))
            .then(|| format!("its group {group} is none of this process"))
    }

    fn check_folders(&self, path: &Path) -> Result<(), Exposed> {
        let mut entry = path;
        while let Some(folder) = entry.parent() {
            // An absent folder is not a fault here: opening the file will fail and report it.
            if let Ok(metadata) = fs::metadata(folder)
                && self.others_may_write(&metadata)
                && !self.keeps(&metadata, entry)
                && !is_read_only(folder)
            {
                return Err(Exposed::Folder {
                    path: shown(folder),
                    mode: metadata.mode() & 0o7777,
                });
            }
            entry = folder;
        }
        Ok(())
    }

    /// Whether others may write to the folder but cannot replace this entry: the sticky bit protects it.
    fn keeps(&self, folder: &Metadata, entry: &Path) -> bool {
        let is_trusted = |metadata: Metadata| self.trusts(metadata.uid());
        folder.mode() & STICKY != 0 && fs::symlink_metadata(entry).map_or(true, is_trusted)
    }

    fn others_may_write(&self, metadata: &Metadata) -> bool {
        let by_group = metadata.mode() & GROUP_WRITE != 0 && !self.groups.contains(&metadata.gid());
        by_group || metadata.mode() & OTHERS_WRITE != 0
    }

    fn trusts(&self, user: u32) -> bool {
        user == 0 || user == self.user
    }
}

/// Whether the file system is mounted read-only, as orchestrators mount configurations: the mode then does not matter.
fn is_read_only(folder: &Path) -> bool {
    statvfs(folder).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn unknown(path: &Path, source: io::Error) -> Exposed {
    Exposed::Unknown {
        path: shown(path),
        source,
    }
}

#[cfg(test)]
mod tests;
