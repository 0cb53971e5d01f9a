//! The programs of PostgreSQL, and the user that they run as.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program as the user that servers run as.
pub(super) fn as_server_user(file: &Path) -> Command {
    match server_user() {
        Some((uid, gid)) => {
            let mut command = Command::new("setpriv");
            command
                .args([format!("--reuid={uid}"), format!("--regid={gid}")])
                .arg("--clear-groups")
                .arg(file);
            command
        }
        None => Command::new(file),
    }
}

/// Where Debian keeps the programs of each version, newest first, and where `pg_config` says they are.
pub(super) fn server_programs() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|output| String::from_utf8(output.stdout).ok());
    let configured = configured.map(|line| PathBuf::from(line.trim()));
    let found = found.into_iter().map(|(_, directory)| directory);
    configured.into_iter().chain(found).collect()
}

/// For root, the user to become: `postgres` where there is one, else `nobody`.
pub(super) fn server_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
    let ids = |name: &str| {
        let mut lines = users.lines().map(|line| line.split(':'));
        let mut fields = lines.find(|fields| fields.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}
