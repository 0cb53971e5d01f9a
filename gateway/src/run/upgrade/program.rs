//! The file that the next process is started from.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where the program of this process is, by the name that it was started by: a newer one will be there. Asked at the start,
/// while the file is still the one that runs.
///
/// # Errors
/// When the system does not say what runs.
pub(super) fn path() -> io::Result<PathBuf> {
    let running = env::current_exe()?;
    let name = env::args_os().next().map(PathBuf::from);
    let told = name.and_then(|name| named(&name));
    // Whoever starts a process may give it any name. The one of the system leads through no symbolic link any more.
    Ok(told
        .filter(|told| is_same_file(told, &running))
        .unwrap_or(running))
}

/// The file that a shell means by this name.
fn named(name: &Path) -> Option<PathBuf> {
    let found = if name.components().count() > 1 {
        name.to_owned()
    } else {
        let folders = env::var_os("PATH")?;
        let mut places = env::split_paths(&folders).map(|folder| folder.join(name));
        places.find(|place| place.is_file())?
    };
    std::path::absolute(found).ok()
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let number = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    number(one).is_some() && number(one) == number(other)
}
